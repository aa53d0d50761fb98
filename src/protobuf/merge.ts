/**
 * The decoder without generated code: one function for each field, which stores into the slots of a message. It
 * supports the whole format: message fields that occur twice are merged, unknown values of closed enums are kept as
 * unknown fields.
 *
 * @module
 */

import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { noBytes } from "../bytes/empty.ts";
import {
  begin,
  bool,
  bytes,
  cursor,
  double,
  fixed64,
  float,
  int64,
  IRREGULAR,
  key as keptKey,
  length,
  lossyText,
  MAX_DEPTH,
  MessageMemoryError,
  setEntry,
  sfixed64,
  sint64,
  skip,
  tag,
  take,
  uint64,
  varint32,
} from "./reader.ts";
import { zeroOf } from "./message_source.ts";
import { FieldLoop, listOf, type Merge, type ReadField } from "./field_loop.ts";
import { SlotLayout, type Slots } from "./message_slots.ts";
import type { TextReader } from "./short_text.ts";
import {
  adapterOf,
  type Fields,
  isDelimited,
  scalarOf,
  structToJson,
  tagOf,
  unitsOf,
  wireTypeOf,
} from "./shape.ts";

/** Reads the value at the cursor. */
type Read = (b: Uint8Array, e: number) => unknown;

/** How messages of a type are made and read. */
interface MessageReader {
  readonly layout: SlotLayout;
  /** Memory of an empty message. */
  readonly units: number;
  readonly merge: Merge;
}

/** Creates and caches the merger of each message type. */
export class Mergers {
  readonly #all = new WeakMap<DescMessage, MessageReader>();
  readonly #text: TextReader;

  /** `text` reads text that must be valid UTF-8. */
  constructor(text: TextReader) {
    this.#text = text;
  }

  /** Decodes the message in `b`. Throws an Error that says where the bytes are malformed. */
  decode(descriptor: DescMessage, b: Uint8Array): Fields {
    const { layout, units, merge } = this.#of(descriptor);
    begin(b);
    try {
      take(units);
      const slots = layout.empty();
      merge(slots, b, b.length, MAX_DEPTH, 0);
      return layout.make(slots);
    } catch (error) {
      if (error !== IRREGULAR) throw error;
      if (cursor.left < 0) throw new MessageMemoryError(descriptor.typeName, b);
      throw new Error(
        `Cannot decode ${descriptor.typeName}: the ${b.length} bytes are malformed near byte ` +
          `${Math.min(cursor.at, b.length)}`,
      );
    }
  }

  #of(descriptor: DescMessage): MessageReader {
    let reader = this.#all.get(descriptor);
    if (!reader) {
      const layout = new SlotLayout(descriptor);
      const loop = new FieldLoop(descriptor, layout);
      reader = { layout, units: unitsOf(descriptor), merge: loop.merge(this.#text) };
      this.#all.set(descriptor, reader);
      for (const field of descriptor.fields) loop.add(field, this.#readersOf(field, layout));
    }
    return reader;
  }

  #readersOf(field: DescField, layout: SlotLayout): [tag: number, ReadField][] {
    const place = layout.placeOf(field);
    switch (field.fieldKind) {
      case "list":
        return this.#listReaders(field, place);
      case "map":
        return [[tagOf(field.number, 2), this.#mapReader(field, place)]];
      case "enum":
        return [[tagOf(field.number, 0), enumReader(field, layout)]];
      case "scalar": {
        const read = this.#scalar(field.scalar, field);
        const tag = tagOf(field.number, wireTypeOf(field.scalar));
        const { localName, oneof } = field;
        if (!oneof) return [[tag, (slots, b, e) => slots[place] = read(b, e)]];
        return [[tag, (slots, b, e) => slots[place] = { case: localName, value: read(b, e) }]];
      }
      case "message":
        return [[
          tagOf(field.number, isDelimited(field) ? 3 : 2),
          this.#messageReader(field, place),
        ]];
    }
  }

  #messageReader(field: DescField & { fieldKind: "message" }, place: number): ReadField {
    const { localName, oneof } = field;
    const merge = this.#child(field);
    if (!oneof) return (slots, b, e, depth) => slots[place] = merge(slots[place], b, e, depth);
    return (slots, b, e, depth) => {
      const chosen = slots[place] as { case?: string; value?: unknown } | undefined;
      const existing = chosen?.case === localName ? chosen.value : undefined;
      slots[place] = { case: localName, value: merge(existing, b, e, depth) };
    };
  }

  /** Returns a function that merges received bytes into an existing message, or into a new one. */
  #child(
    field: DescField,
  ): (existing: unknown, b: Uint8Array, e: number, depth: number) => unknown {
    const descriptor = field.message!;
    const group = isDelimited(field);
    const endTag = group ? tagOf(field.number, 4) : 0;
    const adapter = adapterOf(field);
    let reader: MessageReader | undefined;
    return (existing, b, e, depth) => {
      const { layout, units, merge } = reader ??= this.#of(descriptor);
      // Taken for each occurrence, because merging one visits all members, too.
      take(units);
      const isMessage = existing !== undefined && adapter === "none";
      const slots = isMessage ? layout.of(existing as Fields) : layout.empty();
      if (existing !== undefined && adapter === "wrapper") slots[0] = existing;
      merge(slots, b, group ? e : endOf(b, e), depth - 1, endTag);
      if (isMessage) {
        layout.update(existing as Fields, slots);
        return existing;
      }
      const child = layout.make(slots);
      if (adapter === "wrapper") return child[descriptor.fields[0].localName];
      // A Struct is merged as JSON: making a message of its JSON for each occurrence would take quadratic time.
      return adapter === "struct" ? mergedJson(existing, structToJson(child)) : child;
    };
  }

  #listReaders(
    field: DescField & { fieldKind: "list" },
    place: number,
  ): [tag: number, ReadField][] {
    const { number } = field;
    const scalar = scalarOf(field);
    if (scalar === undefined) {
      const child = this.#child(field);
      const tag = tagOf(number, isDelimited(field) ? 3 : 2);
      return [[
        tag,
        (slots, b, e, depth) => listOf(slots, place).push(child(undefined, b, e, depth)),
      ]];
    }
    const read = this.#scalar(scalar, field.listKind === "scalar" ? field : {});
    const readers: [number, ReadField][] = [[
      tagOf(number, wireTypeOf(scalar)),
      (slots, b, e) => listOf(slots, place).push(read(b, e)),
    ]];
    if (wireTypeOf(scalar) !== 2) {
      readers.push([tagOf(number, 2), (slots, b, e) => {
        const items = listOf(slots, place);
        const end = endOf(b, e);
        while (cursor.at < end) items.push(read(b, end));
        if (cursor.at !== end) throw IRREGULAR;
      }]);
    }
    return readers;
  }

  #mapReader(field: DescField & { fieldKind: "map" }, place: number): ReadField {
    const readKey = this.#key(field);
    const keyTag = tagOf(1, wireTypeOf(field.mapKey));
    const keyZero: unknown = String(zeroOf(field.mapKey));
    const scalar = scalarOf(field);
    const valueTag = tagOf(2, scalar === undefined ? 2 : wireTypeOf(scalar));
    const readValue = scalar === undefined ? undefined : this.#scalar(scalar, field);
    const child = scalar === undefined ? this.#child(field) : undefined;
    const absent = this.#absentValue(field);
    return (slots, b, e, depth) => {
      const end = endOf(b, e);
      let key = keyZero;
      let value: unknown;
      while (cursor.at < end) {
        const next = tag(b);
        if (next === keyTag) key = readKey(b, end);
        else if (next === valueTag) {
          value = readValue ? readValue(b, end) : child!(value, b, end, depth);
        } else if (next < 8) throw IRREGULAR;
        else skip(b, end, next, depth - 1);
      }
      if (cursor.at !== end) throw IRREGULAR;
      value ??= absent();
      setEntry((slots[place] ??= {}) as Fields, key as string, value);
    };
  }

  /** Returns a function that reads the key of a map's entry, as the name of a property. */
  #key({ mapKey, utf8Validation }: DescField & { fieldKind: "map" }): Read {
    if (mapKey !== ScalarType.STRING || utf8Validation === false) {
      const read = this.#scalar(mapKey, { utf8Validation });
      return (b, e) => String(read(b, e));
    }
    const text = this.#text;
    return (b, e) => {
      const end = endOf(b, e);
      const start = cursor.at;
      cursor.at = end;
      return keptKey(b, start, end - start, text);
    };
  }

  /** Returns a function that makes the value of a map's entry without one. */
  #absentValue(field: DescField & { fieldKind: "map" }): () => unknown {
    const { message } = field;
    if (message === undefined) {
      const { scalar } = field;
      if (scalar === ScalarType.BYTES) return noBytes;
      const zero = field.enum ? field.enum.values[0].number : zeroOf(scalar!);
      return () => zero;
    }
    if (adapterOf(field) === "struct") return () => ({});
    return () => {
      const { layout, units } = this.#of(message);
      take(units);
      return layout.make(layout.empty());
    };
  }

  #scalar(
    scalar: ScalarType,
    field: { utf8Validation?: boolean; longAsString?: boolean },
  ): Read {
    const read = this.#plainScalar(scalar, field.utf8Validation === false);
    return field.longAsString && isLong(scalar) ? (b, e) => String(read(b, e)) : read;
  }

  #plainScalar(scalar: ScalarType, lossy: boolean): Read {
    switch (scalar) {
      case ScalarType.STRING: {
        const text = lossy ? lossyText : this.#text;
        return (b, e) => {
          const end = endOf(b, e);
          const start = cursor.at;
          cursor.at = end;
          return text(b, start, end - start);
        };
      }
      case ScalarType.BYTES:
        return (b, e) => {
          const end = endOf(b, e);
          const start = cursor.at;
          cursor.at = end;
          return bytes(b, start, end - start);
        };
      default:
        return NUMBERS[scalar];
    }
  }
}

/** Reads a length at the cursor; returns the end of the bytes with that length. */
function endOf(b: Uint8Array, e: number): number {
  const bytes = length(b);
  const end = cursor.at + bytes;
  if (end > e) throw IRREGULAR;
  return end;
}

function enumReader(field: DescField & { fieldKind: "enum" }, layout: SlotLayout): ReadField {
  const { localName, oneof, number } = field;
  const place = layout.placeOf(field);
  const store = (slots: Slots, value: number) => {
    slots[place] = oneof ? { case: localName, value } : value;
  };
  if (field.enum.open) return (slots, b) => store(slots, varint32(b));
  const values = new Set(field.enum.values.map((value) => value.number));
  return (slots, b) => {
    const start = cursor.at;
    const value = varint32(b);
    if (values.has(value)) return store(slots, value);
    const data = bytes(b, start, cursor.at - start);
    layout.unknownOf(slots).push({ no: number, wireType: 0, data });
  };
}

/** Adds the members of a Struct's JSON to those of earlier occurrences: entries of a map with the same key are replaced. */
function mergedJson(existing: unknown, json: Fields): Fields {
  if (existing === undefined) return json;
  for (const key of Object.keys(json)) setEntry(existing as Fields, key, json[key]);
  return existing as Fields;
}

function isLong(scalar: ScalarType): boolean {
  return typeof zeroOf(scalar) === "bigint";
}

function fixed(read: (b: Uint8Array, p: number) => unknown, size: number): Read {
  return (b, e) => {
    const start = cursor.at;
    if (start + size > e) throw IRREGULAR;
    cursor.at = start + size;
    return read(b, start);
  };
}

function zigzag(b: Uint8Array): number {
  const value = varint32(b);
  return value >>> 1 ^ -(value & 1);
}

/** Readers of numbers, by scalar. */
const NUMBERS: Record<Exclude<ScalarType, ScalarType.STRING | ScalarType.BYTES>, Read> = {
  [ScalarType.BOOL]: bool,
  [ScalarType.INT32]: varint32,
  [ScalarType.UINT32]: (b) => varint32(b) >>> 0,
  [ScalarType.SINT32]: zigzag,
  [ScalarType.INT64]: int64,
  [ScalarType.UINT64]: uint64,
  [ScalarType.SINT64]: sint64,
  [ScalarType.FIXED64]: fixed(fixed64, 8),
  [ScalarType.SFIXED64]: fixed(sfixed64, 8),
  [ScalarType.DOUBLE]: fixed(double, 8),
  [ScalarType.FLOAT]: fixed(float, 4),
  [ScalarType.FIXED32]: fixed(fixed32, 4),
  [ScalarType.SFIXED32]: fixed((b, p) => fixed32(b, p) | 0, 4),
};

/** The little-endian unsigned 32-bit number at `p`. */
function fixed32(b: Uint8Array, p: number): number {
  return (b[p] | b[p + 1] << 8 | b[p + 2] << 16 | b[p + 3] << 24) >>> 0;
}
