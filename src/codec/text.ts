/**
 * Payloads as UTF-8 text.
 *
 * @module
 */

import type { Codec } from "./codec.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Codec for strings, as UTF-8. Decoding throws a TypeError for bytes that are not UTF-8.
 *
 * @category Codecs
 */
export const textCodec: Codec<string> = Object.freeze({
  name: "text",
  encode(message: string): Uint8Array {
    if (typeof message === "string") return encoder.encode(message);
    throw new TypeError(`Cannot send a ${typeof message} as text: must be a string`);
  },
  decode(bytes: Uint8Array): string {
    return decoder.decode(bytes);
  },
});
