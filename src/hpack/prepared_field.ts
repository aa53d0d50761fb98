/**
 * Header fields that are known beforehand and sent again and again.
 *
 * @module
 */

import { encodeHuffman, huffmanBytes } from "./huffman.ts";
import { MAX_INTEGER_BYTES, writeInteger } from "./integer.ts";
import { STATIC_BY_NAME } from "./static_table.ts";

/** How an encoder represents a field (RFC 7541 section 6). */
export type FieldMode =
  /** Fields that repeat: into the dynamic table, when they are not there yet. */
  | "index"
  /**
   * Values that vary: never into the table, except once to give the name an index. So nothing secret,
   * and no names without bound.
   */
  | "literal"
  /** Secrets: never into any table, on no hop (RFC 7541 section 7.1.3). */
  | "never";

/** The first octet's flag bits: literal with incremental indexing, with a 6-bit prefix. */
export const INDEXING_FLAGS = 0x40;
/** The first octet's flag bits: literal without indexing, with a 4-bit prefix. */
export const LITERAL_FLAGS = 0x00;
/** The first octet's flag bits: literal never indexed, with a 4-bit prefix. */
export const NEVER_FLAGS = 0x10;

let nextId = 0;

/**
 * A field encoded once for all connections. Each encoder remembers where in its dynamic table the field
 * is, by `id`, so the field mostly takes 1 or 2 octets and no look-up. Make these once and keep them
 * (per method, per constant): every encoder that meets one reserves a slot for every lower `id`.
 */
export class PreparedField {
  /** 0 for the first one made, then 1, 2 … */
  readonly id: number = nextId++;
  /** Lower case. */
  readonly name: string;
  /** Latin-1: one character per octet. */
  readonly value: string;
  /** The index of exactly this field in the static table, or 0. */
  readonly staticIndex: number;
  /** The field as a literal with incremental indexing. */
  readonly indexing: Uint8Array;
  /** The field as a literal without indexing. */
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
 * Writes a string literal (RFC 7541 section 5.2) in its shorter form; `huffmanLength` is
 * `huffmanBytes(text)`. Returns the position behind it.
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
