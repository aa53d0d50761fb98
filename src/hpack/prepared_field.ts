/**
 * Header fields that are encoded once and sent many times.
 *
 * @module
 */

import { encodeHuffman, huffmanBytes } from "./huffman.ts";
import { MAX_INTEGER_BYTES, writeInteger } from "./integer.ts";
import { STATIC_BY_NAME } from "./static_table.ts";

/** Representation of a field (RFC 7541 §6). */
export type FieldMode =
  /** Literal with incremental indexing, or an index if the table has the field. For fields that repeat. */
  | "index"
  /**
   * Literal without indexing; the first field with a new name is indexed, so that the name gets an index. For values
   * that vary; not for secrets, nor for an unbounded number of names.
   */
  | "literal"
  /** Literal never indexed, on any hop (RFC 7541 §7.1.3). For secrets. */
  | "never";

/** Flag bits of the first octet: literal with incremental indexing, with a 6-bit prefix. */
export const INDEXING_FLAGS = 0x40;
/** Flag bits of the first octet: literal without indexing, with a 4-bit prefix. */
export const LITERAL_FLAGS = 0x00;
/** Flag bits of the first octet: literal never indexed, with a 4-bit prefix. */
export const NEVER_FLAGS = 0x10;

let nextId = 0;

/**
 * Field encoded once for all connections. Each encoder remembers the field's dynamic table entry by `id`, so most uses
 * take 1 or 2 octets and no look-up. Create one per constant: an encoder reserves a slot for every lower `id`.
 */
export class PreparedField {
  /** Serial number, from 0. */
  readonly id: number = nextId++;
  /** Name, in lower case. */
  readonly name: string;
  /** Value, Latin-1: one character per octet. */
  readonly value: string;
  /** Index of exactly this field in the static table, or 0. */
  readonly staticIndex: number;
  /** Encoded as a literal with incremental indexing. */
  readonly indexing: Uint8Array;
  /** Encoded as a literal without indexing. */
  readonly literal: Uint8Array;

  /** Encodes the field. Throws TypeError for text that is not Latin-1. */
  constructor(name: string, value: string) {
    const known = STATIC_BY_NAME.get(name);
    this.name = name;
    this.value = value;
    this.staticIndex = known?.values.get(value) ?? 0;
    this.indexing = encodeLiteral(INDEXING_FLAGS, 6, known?.index ?? 0, name, value);
    this.literal = encodeLiteral(LITERAL_FLAGS, 4, known?.index ?? 0, name, value);
  }
}

function encodeLiteral(
  flags: number,
  prefixBits: number,
  nameIndex: number,
  name: string,
  value: string,
): Uint8Array {
  const out = new Uint8Array(name.length + value.length + 3 * MAX_INTEGER_BYTES);
  let position = writeInteger(out, 0, flags, prefixBits, nameIndex);
  if (nameIndex === 0) position = writeText(out, position, name, huffmanBytes(name));
  return out.slice(0, writeText(out, position, value, huffmanBytes(value)));
}

/**
 * Writes a string literal (RFC 7541 §5.2) in its shorter form; `huffmanLength` is `huffmanBytes(text)`. Returns the
 * position after it.
 */
export function writeText(
  out: Uint8Array,
  position: number,
  text: string,
  huffmanLength: number,
): number {
  if (huffmanLength < text.length) {
    position = writeInteger(out, position, 0x80, 7, huffmanLength);
    return encodeHuffman(text, out, position);
  }
  position = writeInteger(out, position, 0, 7, text.length);
  for (let i = 0; i < text.length; i++) out[position++] = text.charCodeAt(i);
  return position;
}
