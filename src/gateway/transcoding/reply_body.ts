/**
 * Replies as bodies of responses.
 *
 * @module
 */

import { base64Text } from "../../bytes/base64_text.ts";
import type { DescField, DescMessage, Message, Registry } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { reflect, type ReflectMessage } from "@bufbuild/protobuf/reflect";
import { Status } from "../../call/status.ts";
import { protobufCodec } from "../../codec/protobuf.ts";
import { protobufJsonCodec } from "../../codec/proto_json.ts";
import { RpcError } from "../../errors.ts";
import { type HttpBodyParts, httpBodyParts } from "./http_body.ts";

/** What the responses of a method are made of. */
export interface ReplyShape {
  /** Type of the replies. */
  readonly output: DescMessage;
  /** Types of `google.protobuf.Any` in JSON. */
  readonly registry: Registry;
  /** Field that the response is; undefined for the whole reply. */
  readonly field?: DescField;
  /** The response's type when it is a google.api.HttpBody that is sent as it is. */
  readonly raw?: DescMessage;
}

/** Returns a reply as JSON, in one line. Throws RpcError (INTERNAL) for one that is invalid or has no JSON form. */
export function replyJson(shape: ReplyShape, reply: Uint8Array): Uint8Array<ArrayBuffer> {
  const { output, registry, field } = shape;
  const message = decoded(output, reply);
  try {
    const codec = protobufJsonCodec(output, { registry });
    if (field === undefined) return codec.encode(message);
    const only = create(output);
    const from = reflect(output, message as never);
    if (!from.isSet(field)) return defaultJson(field);
    reflect(output, only as never).set(field, from.get(field));
    return memberOf(codec.encode(only));
  } catch (error) {
    // Fails, for example, for a google.protobuf.Any with an unknown type.
    const reason = (error as Error).message;
    throw new RpcError(Status.INTERNAL, `The reply has no JSON form: ${reason}`, { cause: error });
  }
}

/** Returns the google.api.HttpBody of a reply. Throws RpcError (INTERNAL) for a reply that is invalid. */
export function replyHttpBody(shape: ReplyShape, reply: Uint8Array): HttpBodyParts {
  const { output, field, raw } = shape;
  const message = decoded(output, reply);
  if (field === undefined) return httpBodyParts(raw!, message);
  const inner = reflect(output, message as never).get(field) as ReflectMessage;
  return httpBodyParts(raw!, inner.message);
}

function decoded(output: DescMessage, reply: Uint8Array): Message {
  try {
    return protobufCodec(output).decode(reply);
  } catch (cause) {
    const text = `The reply is not a valid ${output.typeName} message`;
    throw new RpcError(Status.INTERNAL, text, { cause });
  }
}

/** JSON of a field that is not set: what a client that reads this type expects. */
function defaultJson(field: DescField): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(defaultOf(field)));
}

function defaultOf(field: DescField): unknown {
  switch (field.fieldKind) {
    case "list":
      return [];
    case "map":
      return {};
    case "message":
      return null;
    case "enum":
      return field.enum.values[0]?.jsonName ?? 0;
    case "scalar": {
      const value = reflect(field.parent).get(field);
      if (typeof value === "bigint") return String(value);
      return value instanceof Uint8Array ? base64Text(value) : value;
    }
  }
}

/** Returns the value of the only member of an object that the codec wrote. */
function memberOf(json: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  // After the brace and the quote that begin the name.
  let at = 2;
  while (json[at] !== 0x22) at += json[at] === 0x5c ? 2 : 1;
  return json.subarray(at + 2, -1);
}
