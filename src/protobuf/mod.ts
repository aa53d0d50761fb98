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
 * A type is compiled on its first use, with `new Function`. Where that is forbidden, as with
 * `--v8-flags=--disallow-code-generation-from-strings`, one function per field does the same more slowly.
 *
 * @module
 */

export { codecOf, type MessageCodec } from "./codec.ts";
export { releaseMessage } from "../bytes/pool.ts";
