/**
 * Reader of CBOR (RFC 8949), as far as attestation documents and the Nitro Secure Module use it: integers, byte and text
 * strings, arrays, maps, true, false and null. Arrays and maps may have an indefinite length. Everything else is refused:
 * tags, floats, undefined, strings in pieces, lengths in more bytes than they need (§4.2.1), keys that come twice,
 * and bytes after the end.
 *
 * @module
 */

import { malformed } from "./attestation_error.ts";

/** Value of a CBOR item. Byte strings are views of the input. */
export type CborValue =
  | number
  | string
  | boolean
  | null
  | Uint8Array
  | CborValue[]
  | CborMap;

/** Map of a CBOR item; its keys are integers or text. */
export type CborMap = Map<number | string, CborValue>;

/** Deepest nesting of arrays and maps. */
const MAX_DEPTH = 8;

const BREAK = 0xff;
const INDEFINITE = 31;
const MAJOR = { unsigned: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5 } as const;

/** Reads one item, which must fill `input`; throws an AttestationError (`malformed`) for anything else. */
export function decodeCbor(input: Uint8Array): CborValue {
  const reader = new CborReader(input);
  const value = reader.item(0);
  if (!reader.atEnd) throw malformed(`Bytes follow the CBOR item that ends at ${reader.offset}`);
  return value;
}

class CborReader {
  offset = 0;
  readonly #input: Uint8Array;
  readonly #text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

  constructor(input: Uint8Array) {
    this.#input = input;
  }

  get atEnd(): boolean {
    return this.offset === this.#input.length;
  }

  item(depth: number): CborValue {
    const start = this.offset;
    const initial = this.#byte();
    const major = initial >> 5;
    const info = initial & 31;
    if (major === 7) return simpleValue(initial, start);
    if (major === 6) throw malformed(`CBOR tag at ${start}, none is expected`);
    if (info === INDEFINITE) {
      if (major === MAJOR.array) return this.#array(undefined, depth, start);
      if (major === MAJOR.map) return this.#map(undefined, depth, start);
      throw malformed(`CBOR item of indefinite length at ${start} is no array or map`);
    }
    const argument = this.#argument(info, start);
    switch (major) {
      case MAJOR.unsigned:
        return argument;
      case MAJOR.negative:
        return -1 - argument;
      case MAJOR.bytes:
        return this.#take(argument, start);
      case MAJOR.text:
        return this.#decode(this.#take(argument, start), start);
      case MAJOR.array:
        return this.#array(argument, depth, start);
      default:
        return this.#map(argument, depth, start);
    }
  }

  #byte(): number {
    if (this.offset >= this.#input.length) throw malformed("CBOR ends inside an item");
    return this.#input[this.offset++];
  }

  #take(length: number, start: number): Uint8Array {
    const left = this.#input.length - this.offset;
    if (length > left) {
      throw malformed(`CBOR string at ${start} has ${length} bytes, ${left} are left`);
    }
    this.offset += length;
    return this.#input.subarray(this.offset - length, this.offset);
  }

  #decode(bytes: Uint8Array, start: number): string {
    try {
      return this.#text.decode(bytes);
    } catch {
      throw malformed(`CBOR text at ${start} is not valid UTF-8`);
    }
  }

  /** The argument of an item: its value or length (§3). */
  #argument(info: number, start: number): number {
    if (info < 24) return info;
    if (info > 27) throw malformed(`CBOR item at ${start} has the reserved length ${info}`);
    const count = 1 << (info - 24);
    let value = 0;
    for (let i = 0; i < count; i++) value = value * 256 + this.#byte();
    const least = info === 24 ? 24 : 2 ** (count * 4);
    if (value < least) throw malformed(`CBOR item at ${start} is longer than its number needs`);
    if (value > Number.MAX_SAFE_INTEGER) throw malformed(`CBOR number at ${start} is over 2^53`);
    return value;
  }

  /** Whether another entry follows, of `count` or up to a break. */
  #more(read: number, count: number | undefined): boolean {
    if (count !== undefined) return read < count;
    if (this.#input[this.offset] !== BREAK) return true;
    this.offset++;
    return false;
  }

  #nest(count: number | undefined, depth: number, start: number, bytesEach: number): number {
    if (depth >= MAX_DEPTH) {
      throw malformed(`CBOR is nested deeper than ${MAX_DEPTH} levels at ${start}`);
    }
    const left = this.#input.length - this.offset;
    if (count !== undefined && count * bytesEach > left) {
      throw malformed(`CBOR item at ${start} has ${count} entries, ${left} bytes are left`);
    }
    return depth + 1;
  }

  #array(count: number | undefined, depth: number, start: number): CborValue[] {
    const inner = this.#nest(count, depth, start, 1);
    const items: CborValue[] = [];
    while (this.#more(items.length, count)) items.push(this.item(inner));
    return items;
  }

  #map(count: number | undefined, depth: number, start: number): CborMap {
    const inner = this.#nest(count, depth, start, 2);
    const entries: CborMap = new Map();
    while (this.#more(entries.size, count)) {
      const at = this.offset;
      const key = this.item(inner);
      if (typeof key !== "number" && typeof key !== "string") {
        throw malformed(`CBOR key at ${at} is neither an integer nor text`);
      }
      if (entries.has(key)) throw malformed(`CBOR key at ${at} comes twice`);
      entries.set(key, this.item(inner));
    }
    return entries;
  }
}

function simpleValue(initial: number, start: number): null | boolean {
  if (initial === 0xf6) return null;
  if (initial === 0xf4 || initial === 0xf5) return initial === 0xf5;
  if (initial === BREAK) throw malformed(`CBOR break at ${start} ends nothing`);
  throw malformed(`CBOR value 0x${initial.toString(16)} at ${start} is not supported`);
}
