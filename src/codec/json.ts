/**
 * Payloads as JSON, in UTF-8.
 *
 * @module
 */

import type { Codec } from "./codec.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Creates a codec for JSON values. The type is not checked, nor is the structure: hostile JSON of 4 MiB takes the
 * thread for up to half a second, so lower `maxReceiveMessageBytes` for such peers, or use protobuf messages.
 *
 * ```ts
 * import { connect, jsonCodec } from "@vrpc/vrpc";
 *
 * await using channel = connect("127.0.0.1:50051");
 * const sum = channel.method<number[], number>({
 *   path: "/sum",
 *   kind: "unary",
 *   requestCodec: jsonCodec<number[]>(),
 *   responseCodec: jsonCodec<number>(),
 * });
 * console.log(await sum.unary([1, 2, 3]));
 * ```
 *
 * @category Codecs
 */
export function jsonCodec<T = unknown>(): Codec<T> {
  return codec as Codec<T>;
}

const codec: Codec<unknown> = Object.freeze({
  name: "json",
  encode(message: unknown): Uint8Array {
    const text = JSON.stringify(message);
    if (text === undefined) throw new TypeError(`Cannot send a ${typeof message} as JSON`);
    return encoder.encode(text);
  },
  decode(bytes: Uint8Array): unknown {
    return JSON.parse(decoder.decode(bytes));
  },
});
