/**
 * Bodies in base64, of content type `application/grpc-web-text` (gRPC's PROTOCOL-WEB.md): each part that a sender
 * flushes may be padded on its own, so that padding stands anywhere in the body.
 *
 * @module
 */

import { base64Text } from "../bytes/base64_text.ts";
import { decodeBase64Group } from "../bytes/base64.ts";
import { EMPTY_BYTES } from "../bytes/empty.ts";

const ascii = new TextEncoder();
const GROUP = 4;
const GROUP_BYTES = 3;

/** Encodes one part of a body, with padding (RFC 4648 §4). */
export function encodeBase64Text(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return ascii.encode(base64Text(bytes));
}

/** Decodes a body that arrives in parts. */
export class Base64TextReader {
  /** The 0 to 3 characters after the last complete group. */
  readonly #rest = new Uint8Array(GROUP);
  #held = 0;

  /** Whether the body may end here: no group is incomplete. */
  get atEnd(): boolean {
    return this.#held === 0;
  }

  /** Decodes `buffer` from `start` to `end` as far as groups of 4 are complete; null if it is not base64. */
  decode(buffer: Uint8Array, start: number, end: number): Uint8Array | null {
    const groups = Math.floor((this.#held + end - start) / GROUP);
    if (groups === 0) {
      this.#hold(buffer, start, end);
      return EMPTY_BYTES;
    }
    const bytes = new Uint8Array(groups * GROUP_BYTES);
    let to = 0;
    if (this.#held > 0) {
      const missing = GROUP - this.#held;
      this.#hold(buffer, start, start + missing);
      start += missing;
      to = decodeBase64Group(this.#rest, 0, bytes, 0);
      if (to === 0) return null;
      this.#held = 0;
    }
    for (; start + GROUP <= end; start += GROUP) {
      const count = decodeBase64Group(buffer, start, bytes, to);
      if (count === 0) return null;
      to += count;
    }
    this.#hold(buffer, start, end);
    return bytes.subarray(0, to);
  }

  #hold(buffer: Uint8Array, start: number, end: number): void {
    for (let i = start; i < end; i++) this.#rest[this.#held++] = buffer[i];
  }
}
