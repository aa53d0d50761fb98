/**
 * Payloads as protobuf messages in JSON (ProtoJSON), for descriptors of protobuf-es.
 *
 * @module
 */

import type { DescMessage } from "@bufbuild/protobuf";
import {
  jsonCodecOf,
  type JsonCodecOptions,
  type JsonMessageCodec,
} from "../protobuf/json/codec.ts";

export { JsonLimitError } from "../protobuf/json/input.ts";
export { checkJson, jsonItems } from "../protobuf/json/items.ts";
export type { JsonCodecOptions, JsonMessageCodec };

/**
 * Returns a codec for the JSON of a message type. It encodes messages and their init shape, and keeps every digit of
 * 64-bit numbers. `decode` throws for JSON that is invalid, beyond `maxElements`, or not of this type.
 */
export function protobufJsonCodec<D extends DescMessage>(
  descriptor: D,
  options?: JsonCodecOptions,
): JsonMessageCodec<D> {
  return jsonCodecOf(descriptor, options);
}
