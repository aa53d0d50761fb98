/**
 * Bodies in base64, of content type `application/grpc-web-text` (gRPC's PROTOCOL-WEB.md): each part that a sender
 * flushes may be padded on its own, so that padding stands anywhere in the body.
 *
 * @module
 */

import { EMPTY_BYTES } from "../bytes/empty.ts";

const ascii = new TextEncoder();
const latin1 = new TextDecoder("latin1");
const PAD = 61;
const GROUP = 4;

/** Encodes one part of a body, with padding (RFC 4648 §4). */
export function encodeBase64Text(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return ascii.encode(bytes.toBase64());
}

/** Decodes a body that arrives in parts. */
export class Base64TextReader {
  /** The 0 to 3 characters after the last complete group. */
  #rest = "";

  /** Whether the body may end here: no group is incomplete. */
  get atEnd(): boolean {
    return this.#rest === "";
  }

  /** Decodes `buffer` from `start` to `end` as far as groups of 4 are complete; null if it is not base64. */
  decode(buffer: Uint8Array, start: number, end: number): Uint8Array | null {
    const text = this.#rest + latin1.decode(buffer.subarray(start, end));
    const whole = text.length - text.length % GROUP;
    this.#rest = text.slice(whole);
    if (whole === 0) return EMPTY_BYTES;
    try {
      return decodeGroups(text.slice(0, whole));
    } catch {
      return null;
    }
  }
}

/** Decodes groups of 4 characters, any of which may be padded. Throws SyntaxError when they are not base64. */
function decodeGroups(text: string): Uint8Array {
  const firstPad = text.indexOf("=");
  if (firstPad < 0 || firstPad >= text.length - 2) return strict(text);
  const parts: Uint8Array[] = [];
  let total = 0;
  let from = 0;
  for (let at = GROUP; at <= text.length; at += GROUP) {
    if (text.charCodeAt(at - 1) !== PAD && at < text.length) continue;
    const part = strict(text.slice(from, at));
    parts.push(part);
    total += part.length;
    from = at;
  }
  const bytes = new Uint8Array(total);
  let to = 0;
  for (const part of parts) {
    bytes.set(part, to);
    to += part.length;
  }
  return bytes;
}

function strict(text: string): Uint8Array {
  // White space, which `fromBase64` skips, would shift the groups.
  if (/\s/.test(text)) throw new SyntaxError("White space in base64");
  return Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
}
