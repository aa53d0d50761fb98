/**
 * Messages within `google.protobuf.Any`.
 *
 * @module
 */

import {
  type DescMessage,
  fromBinary,
  type JsonObject,
  type MessageShape,
} from "@bufbuild/protobuf";
import type { Any, Duration } from "@bufbuild/protobuf/wkt";
import { TypedStructSchema as UdpaTypedStructSchema } from "../../../proto/gen/udpa/type/v1/type_pb.ts";
import { TypedStructSchema } from "../../../proto/gen/xds/type/v3/type_pb.ts";
import { invalid, ResourceError } from "./resource_error.ts";

/** Name of the message of an Any: its type URL after the last slash. */
export function typeNameOf(any: Any | undefined): string {
  return any === undefined ? "" : any.typeUrl.slice(any.typeUrl.lastIndexOf("/") + 1);
}

/** Decodes a message of the expected type. Throws ResourceError for another type and for invalid bytes. */
export function unpack<D extends DescMessage>(
  schema: D,
  any: Any | undefined,
  field: string,
): MessageShape<D> {
  if (typeNameOf(any) !== schema.typeName) {
    invalid(field, `expected ${schema.typeName}, got ${typeNameOf(any) || "nothing"}`);
  }
  return decodeMessage(schema, any!.value, field);
}

/** Decodes a message. Throws ResourceError for invalid bytes. */
export function decodeMessage<D extends DescMessage>(
  schema: D,
  bytes: Uint8Array,
  field: string,
): MessageShape<D> {
  try {
    return fromBinary(schema, bytes);
  } catch (cause) {
    throw new ResourceError(`${field}: not a valid ${schema.typeName}`, { cause });
  }
}

/** An extension's configuration: its type, and its message or, in a TypedStruct, its JSON. */
export interface ExtensionConfig {
  readonly typeName: string;
  readonly any: Any | undefined;
  readonly json: JsonObject | undefined;
}

/** Returns the configuration of an extension, out of a TypedStruct if it is in one. */
export function extensionOf(any: Any | undefined, field: string): ExtensionConfig {
  const typeName = typeNameOf(any);
  for (const schema of [TypedStructSchema, UdpaTypedStructSchema]) {
    if (typeName !== schema.typeName) continue;
    const { typeUrl, value } = unpack(schema as typeof TypedStructSchema, any, field);
    return {
      typeName: typeUrl.slice(typeUrl.lastIndexOf("/") + 1),
      any: undefined,
      json: value ?? {},
    };
  }
  return { typeName, any, json: undefined };
}

/** Longest duration of google.protobuf.Duration, in seconds. */
const MAX_SECONDS = 315_576_000_000n;

/** Returns a duration in ms. Throws ResourceError for a negative or invalid one. */
export function durationMs(duration: Duration, field: string): number {
  const { seconds, nanos } = duration;
  if (seconds < 0n || seconds > MAX_SECONDS || nanos < 0 || nanos > 999_999_999) {
    invalid(field, `${seconds} s and ${nanos} ns is not a valid duration of at least 0`);
  }
  return Number(seconds) * 1_000 + nanos / 1e6;
}
