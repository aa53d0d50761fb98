/**
 * Codecs for protobuf messages of `@bufbuild/protobuf`, compiled from their descriptors. They accept and return the
 * same messages as its `fromBinary` and `toBinary`, in less time, and work without the rest of this package.
 *
 * ```ts
 * import { codecOf } from "@vrpc/vrpc/protobuf";
 * import { EchoRequestSchema } from "@vrpc/vrpc/services/echo";
 *
 * const { encode, decode } = codecOf(EchoRequestSchema);
 * const bytes = encode({ payload: new Uint8Array([1, 2, 3]) });
 * console.log(decode(bytes).payload.length); // 3
 * ```
 *
 * `jsonCodecOf()` does the same for JSON, exact for 64-bit numbers:
 *
 * ```ts
 * import { jsonCodecOf } from "@vrpc/vrpc/protobuf";
 * import { EchoResponseSchema } from "@vrpc/vrpc/services/echo";
 *
 * const json = jsonCodecOf(EchoResponseSchema, { ignoreUnknownFields: true });
 * const response = json.decode('{"payload":"AQID","sentAtNs":1764000000000000001}');
 * console.log(response.sentAtNs); // 1764000000000000001n
 * ```
 *
 * A type is compiled on its first use, with `new Function`. Where that is forbidden, as with
 * `--v8-flags=--disallow-code-generation-from-strings`, one function per field does the same more slowly.
 *
 * @module
 */

export { codecOf, type MessageCodec } from "./codec.ts";
export { jsonCodecOf, type JsonCodecOptions, type JsonMessageCodec } from "./json/codec.ts";
export type { JsonReadOptions } from "./json/decoder.ts";
export type { JsonWriteOptions } from "./json/encoder.ts";
export { JsonLimitError } from "./json/input.ts";
export { releaseMessage } from "../bytes/pool.ts";
