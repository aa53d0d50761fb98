/**
 * Payloads as they are.
 *
 * @module
 */

import type { Codec } from "./codec.ts";

/**
 * Messages are their own bytes; nothing is copied in either direction.
 *
 * @category Codecs
 */
export const bytesCodec: Codec<Uint8Array> = {
  name: "bytes",
  encode(message: Uint8Array): Uint8Array {
    if (message instanceof Uint8Array) return message;
    throw new TypeError(`Cannot send a ${typeof message} as bytes: a Uint8Array is needed`);
  },
  decode(bytes: Uint8Array): Uint8Array {
    return bytes;
  },
};
