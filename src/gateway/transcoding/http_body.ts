/**
 * Bodies of any media type (google/api/httpbody.proto).
 *
 * @module
 */

import {
  create,
  type DescField,
  type DescMessage,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";

/** Body with its media type. */
export interface HttpBodyParts {
  /** Value of Content-Type; empty for none. */
  readonly contentType: string;
  readonly data: Uint8Array;
}

/** Whether a type is google.api.HttpBody. A type of that name with other fields is none. */
export function isHttpBody(type: DescMessage | undefined): type is DescMessage {
  return type?.typeName === "google.api.HttpBody" && fieldsOf(type) !== undefined;
}

function fieldsOf(type: DescMessage): { contentType: DescField; data: DescField } | undefined {
  const is = (field: DescField | undefined, scalar: ScalarType) =>
    field?.fieldKind === "scalar" && field.scalar === scalar;
  const contentType = type.fields.find(({ number }) => number === 1);
  const data = type.fields.find(({ number }) => number === 2);
  if (!is(contentType, ScalarType.STRING) || !is(data, ScalarType.BYTES)) return undefined;
  return { contentType: contentType!, data: data! };
}

/** Creates a google.api.HttpBody. */
export function httpBodyMessage(type: DescMessage, parts: HttpBodyParts): Message {
  const { contentType, data } = fieldsOf(type)!;
  const message = create(type);
  const body = reflect(type, message as never);
  body.set(contentType, parts.contentType);
  body.set(data, parts.data);
  return message;
}

/** Reads a google.api.HttpBody. */
export function httpBodyParts(type: DescMessage, message: Message): HttpBodyParts {
  const { contentType, data } = fieldsOf(type)!;
  const body = reflect(type, message as never);
  return { contentType: String(body.get(contentType)), data: body.get(data) as Uint8Array };
}
