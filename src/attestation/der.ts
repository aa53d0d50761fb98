/**
 * Reader of DER (ITU-T X.690 §10), as far as certificates use it: tags of one byte, lengths up to 65,535.
 *
 * @module
 */

import { malformed } from "./attestation_error.ts";

/** Tags of DER values. */
export const Tag = {
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  OID: 0x06,
  UTF8_STRING: 0x0c,
  PRINTABLE_STRING: 0x13,
  IA5_STRING: 0x16,
  UTC_TIME: 0x17,
  GENERALIZED_TIME: 0x18,
  SEQUENCE: 0x30,
  SET: 0x31,
} as const;

/** Reads the values of one level in order. Every method throws an AttestationError (`malformed`) for other input. */
export class DerReader {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #offset = 0;

  /** Reads the values that `bytes` holds. */
  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
  }

  /** Whether all values were read. */
  get atEnd(): boolean {
    return this.#offset === this.#bytes.length;
  }

  /** Whether the next value has this tag. */
  isNext(tag: number): boolean {
    return this.#bytes[this.#offset] === tag;
  }

  /** Takes the next value; returns its content, a view. */
  take(tag: number): Uint8Array<ArrayBuffer> {
    return this.#next(tag).content;
  }

  /** Takes the next value; returns it with its tag and length, a view. */
  takeWhole(tag: number): Uint8Array<ArrayBuffer> {
    return this.#next(tag).whole;
  }

  /** Takes the next value; returns a reader of the values inside it. */
  enter(tag: number): DerReader {
    return new DerReader(this.take(tag));
  }

  /** Throws unless all values were read. */
  end(): void {
    if (!this.atEnd) throw malformed("DER value is followed by bytes that do not belong there");
  }

  #next(tag: number): { content: Uint8Array<ArrayBuffer>; whole: Uint8Array<ArrayBuffer> } {
    const bytes = this.#bytes;
    const start = this.#offset;
    if (bytes[start] !== tag) {
      const found = start < bytes.length ? `tag 0x${bytes[start].toString(16)}` : "the end";
      throw malformed(`DER has ${found} where tag 0x${tag.toString(16)} is expected`);
    }
    let length = bytes[start + 1] ?? 0x80;
    let from = start + 2;
    if (length >= 0x80) {
      const count = length & 0x7f;
      if (count < 1 || count > 2 || from + count > bytes.length) {
        throw malformed("DER length is not one of up to 65,535");
      }
      length = count === 1 ? bytes[from] : bytes[from] * 256 + bytes[from + 1];
      from += count;
      if (length < (count === 1 ? 0x80 : 0x100)) {
        throw malformed("DER length takes more bytes than it needs");
      }
    }
    const end = from + length;
    if (end > bytes.length) throw malformed("DER value is longer than what is left");
    this.#offset = end;
    return { content: bytes.subarray(from, end), whole: bytes.subarray(start, end) };
  }
}
