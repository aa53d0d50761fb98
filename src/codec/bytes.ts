/**
 * Payloads as bytes.
 *
 * @module
 */

import type { Codec } from "./codec.ts";

/**
 * Codec for messages that are bytes already; copies nothing in either direction.
 *
 * @category Codecs
 */
export const bytesCodec: Codec<Uint8Array> = Object.freeze({
  name: "bytes",
  encode(message: Uint8Array): Uint8Array {
    if (message instanceof Uint8Array) return message;
    throw new TypeError(`Cannot send a ${typeof message} as bytes: must be a Uint8Array`);
  },
  decode(bytes: Uint8Array): Uint8Array {
    return bytes;
  },
});
