/**
 * Writer of CBOR (RFC 8949) in its deterministic form but for the order of keys, which is the caller's.
 *
 * @module
 */

import type { CborValue } from "./cbor.ts";

const utf8 = new TextEncoder();

/** Encodes a value. Numbers must be integers up to 2^53. */
export function encodeCbor(value: CborValue): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  append(value, parts);
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  const encoded = new Uint8Array(size);
  let offset = 0;
  for (const part of parts) {
    encoded.set(part, offset);
    offset += part.length;
  }
  return encoded;
}

function append(value: CborValue, parts: Uint8Array[]): void {
  if (value === null) parts.push(Uint8Array.of(0xf6));
  else if (typeof value === "boolean") parts.push(Uint8Array.of(value ? 0xf5 : 0xf4));
  else if (typeof value === "number") parts.push(value < 0 ? head(1, -1 - value) : head(0, value));
  else if (typeof value === "string") {
    const text = utf8.encode(value);
    parts.push(head(3, text.length), text);
  } else if (value instanceof Uint8Array) parts.push(head(2, value.length), value);
  else if (Array.isArray(value)) {
    parts.push(head(4, value.length));
    for (const item of value) append(item, parts);
  } else {
    parts.push(head(5, value.size));
    for (const [key, item] of value) {
      append(key, parts);
      append(item, parts);
    }
  }
}

/** First bytes of an item: major type and argument, in as few bytes as they fit. */
function head(major: number, argument: number): Uint8Array {
  const type = major << 5;
  if (argument < 24) return Uint8Array.of(type | argument);
  const size = argument < 2 ** 8 ? 1 : argument < 2 ** 16 ? 2 : argument < 2 ** 32 ? 4 : 8;
  const bytes = new Uint8Array(1 + size);
  bytes[0] = type | (24 + Math.log2(size));
  for (let i = size, rest = argument; i > 0; i--, rest = Math.floor(rest / 256)) {
    bytes[i] = rest % 256;
  }
  return bytes;
}
