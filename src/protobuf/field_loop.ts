/**
 * The loop over the fields of a message that is decoded without generated code. It reads the most usual fields itself,
 * in their short form, and the others by a function for each: a call that can be of hundreds of functions takes longer
 * than reading a number.
 *
 * @module
 */

import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import type { SlotLayout, Slots } from "./message_slots.ts";
import {
  cursor,
  IRREGULAR,
  keepUnknown,
  MAX_DEPTH,
  smallLongs,
  smallSignedLongs,
  tag,
  type UnknownField,
} from "./reader.ts";
import { tagOf } from "./shape.ts";
import type { TextReader } from "./short_text.ts";

/** Reads one occurrence of a field into its slot; called only for a wire type that the field accepts. */
export type ReadField = (slots: Slots, b: Uint8Array, e: number, depth: number) => void;

/** Reads fields at the cursor into slots, up to `e`, or to the end tag `end` of a group; moves the cursor. */
export type Merge = (slots: Slots, b: Uint8Array, e: number, depth: number, end: number) => void;

/** Tags below this are looked up in arrays: those of the field numbers up to 127. */
const ARRAY_TAGS = 1024;

/** What the loop reads itself, if its length or number takes one byte: text, lists of text, and numbers. */
const Kind = { OTHER: 0, TEXT: 1, TEXTS: 2, NUMBER: 3 } as const;

/** Values of numbers that take one byte. */
type Values = readonly unknown[];
const INTS: Values = Array.from({ length: 128 }, (_, i) => i);
const ZIGZAG: Values = INTS.map((_, i) => i >>> 1 ^ -(i & 1));
const BOOLS: Values = INTS.map((value) => value !== 0);
const NO_VALUES: Values = [];

/** The fields of a message type, by their tags. */
export class FieldLoop {
  readonly #descriptor: DescMessage;
  readonly #layout: SlotLayout;
  readonly #kinds: number[] = [];
  readonly #places: number[] = [];
  readonly #values: Values[] = [];
  readonly #low: (ReadField | undefined)[] = [];
  readonly #high = new Map<number, ReadField>();

  /** Has no fields until `add`. */
  constructor(descriptor: DescMessage, layout: SlotLayout) {
    this.#descriptor = descriptor;
    this.#layout = layout;
  }

  /** Adds a field with its readers by tags. */
  add(field: DescField, readers: readonly (readonly [tag: number, ReadField])[]): void {
    const place = this.#layout.placeOf(field);
    for (const [tag, read] of readers) {
      if (tag >= ARRAY_TAGS) this.#high.set(tag, read);
      else {
        while (this.#low.length <= tag) {
          this.#low.push(undefined);
          this.#kinds.push(Kind.OTHER);
          this.#places.push(0);
          this.#values.push(NO_VALUES);
        }
        this.#low[tag] = read;
        this.#places[tag] = place;
        const values = valuesOf(field, tag);
        this.#values[tag] = values ?? NO_VALUES;
        this.#kinds[tag] = values === undefined ? textKindOf(field) : Kind.NUMBER;
      }
    }
  }

  /** Returns the function that reads the fields; `text` reads text that must be valid UTF-8. */
  merge(text: TextReader): Merge {
    const kinds = this.#kinds, places = this.#places, values = this.#values;
    const low = this.#low, high = this.#high;
    const { typeName } = this.#descriptor;
    const { unknown } = this.#layout;
    return (slots, b, e, depth, endTag) => {
      if (depth <= 0) {
        throw new Error(
          `Cannot decode ${typeName}: messages are nested more than ${MAX_DEPTH} deep`,
        );
      }
      let p = cursor.at;
      while (p < e) {
        let next = b[p];
        cursor.at = ++p;
        if (next > 0x7f) {
          cursor.at--;
          next = tag(b);
          p = cursor.at;
        }
        // The number or length, if it takes one byte; past the end only if `p` is `e`.
        const value = b[p];
        if (next < kinds.length && value < 0x80 && p < e) {
          switch (kinds[next]) {
            case Kind.TEXT:
              if (p + value >= e) throw IRREGULAR;
              slots[places[next]] = text(b, p + 1, value);
              p += value + 1;
              continue;
            case Kind.TEXTS:
              if (p + value >= e) throw IRREGULAR;
              listOf(slots, places[next]).push(text(b, p + 1, value));
              p += value + 1;
              continue;
            case Kind.NUMBER:
              slots[places[next]] = values[next][value];
              p++;
              continue;
          }
        }
        const read = next < low.length ? low[next] : high.get(next);
        if (read !== undefined) read(slots, b, e, depth);
        else if ((next & 7) === 4) {
          if (next !== endTag) throw IRREGULAR;
          return;
        } else {
          slots[unknown] = keepUnknown(b, e, next, depth, slots[unknown] as UnknownField[]);
        }
        p = cursor.at;
      }
      if (endTag !== 0 || p > e) throw IRREGULAR;
      cursor.at = p;
    };
  }
}

/** Returns the list at a place, which is made if there is none. */
export function listOf(slots: Slots, place: number): unknown[] {
  return (slots[place] ??= []) as unknown[];
}

function textKindOf(field: DescField): number {
  if (field.scalar !== ScalarType.STRING || field.oneof || field.fieldKind === "map") {
    return Kind.OTHER;
  }
  if (field.utf8Validation === false) return Kind.OTHER;
  return field.fieldKind === "list" ? Kind.TEXTS : Kind.TEXT;
}

/** The values of a field whose numbers take one byte; undefined for what the loop does not read itself. */
function valuesOf(field: DescField, tag: number): Values | undefined {
  if (field.oneof || tag !== tagOf(field.number, 0)) return undefined;
  if (field.fieldKind === "enum") return field.enum.open ? INTS : undefined;
  if (field.fieldKind !== "scalar" || field.longAsString) return undefined;
  switch (field.scalar) {
    case ScalarType.INT32:
    case ScalarType.UINT32:
      return INTS;
    case ScalarType.SINT32:
      return ZIGZAG;
    case ScalarType.BOOL:
      return BOOLS;
    case ScalarType.INT64:
    case ScalarType.UINT64:
      return smallLongs;
    case ScalarType.SINT64:
      return smallSignedLongs;
    default:
      return undefined;
  }
}
