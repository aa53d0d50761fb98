/**
 * The decoder without generated code: one function for each field, which stores into a message made by `create()`. It
 * supports the whole format: message fields that occur twice are merged, unknown values of closed enums are kept as
 * unknown fields.
 *
 * @module
 */

import { create, type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
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
  keepUnknown,
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
  type UnknownField,
  varint32,
} from "./reader.ts";
import { messageFactory, zeroOf } from "./message_source.ts";
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

/** Reads fields at the cursor into a message, up to `e`, or to the end tag `end` of a group; moves the cursor. */
export type Merger = (
  message: Fields,
  b: Uint8Array,
  e: number,
  depth: number,
  end: number,
) => void;

/** Reads the value at the cursor. */
type Read = (b: Uint8Array, e: number) => unknown;
/** Reads one occurrence of a field into a message; called only for a wire type that the field accepts. */
type ReadField = (message: Fields, b: Uint8Array, e: number, depth: number) => void;

/** How messages of a type are made and read. */
interface MessageReader {
  readonly create: () => Fields;
  readonly merge: Merger;
}

/** Tags below this are looked up in an array: those of the field numbers up to 127. */
const ARRAY_TAGS = 1024;

/** Readers of the fields of a type, by their tags. */
class FieldReaders {
  readonly #low: (ReadField | undefined)[] = [];
  readonly #high = new Map<number, ReadField>();

  set(tag: number, read: ReadField): void {
    if (tag >= ARRAY_TAGS) {
      this.#high.set(tag, read);
      return;
    }
    while (this.#low.length <= tag) this.#low.push(undefined);
    this.#low[tag] = read;
  }

  get(tag: number): ReadField | undefined {
    return tag < this.#low.length ? this.#low[tag] : this.#high.get(tag);
  }
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
    const { create, merge } = this.#of(descriptor);
    begin(b);
    const message = create();
    try {
      merge(message, b, b.length, MAX_DEPTH, 0);
    } catch (error) {
      if (error !== IRREGULAR) throw error;
      if (cursor.left < 0) throw new MessageMemoryError(descriptor.typeName, b);
      throw new Error(
        `Cannot decode ${descriptor.typeName}: the ${b.length} bytes are malformed near byte ` +
          `${Math.min(cursor.at, b.length)}`,
      );
    }
    return message;
  }

  #of(descriptor: DescMessage): MessageReader {
    let reader = this.#all.get(descriptor);
    if (!reader) {
      const fields = new FieldReaders();
      const make = messageFactory(descriptor);
      const units = unitsOf(descriptor);
      const create = () => {
        take(units);
        return make();
      };
      reader = { create, merge: mergerOf(descriptor, fields) };
      this.#all.set(descriptor, reader);
      for (const field of descriptor.fields) {
        for (const [tag, read] of this.#readersOf(field)) fields.set(tag, read);
      }
    }
    return reader;
  }

  #readersOf(field: DescField): [tag: number, ReadField][] {
    switch (field.fieldKind) {
      case "list":
        return this.#listReaders(field);
      case "map":
        return [[tagOf(field.number, 2), this.#mapReader(field)]];
      case "enum":
        return [[tagOf(field.number, 0), enumReader(field)]];
      case "scalar": {
        const read = this.#scalar(field.scalar, field);
        const tag = tagOf(field.number, wireTypeOf(field.scalar));
        const { localName, oneof } = field;
        if (!oneof) return [[tag, (message, b, e) => message[localName] = read(b, e)]];
        const name = oneof.localName;
        return [[tag, (message, b, e) => message[name] = { case: localName, value: read(b, e) }]];
      }
      case "message":
        return [[tagOf(field.number, isDelimited(field) ? 3 : 2), this.#messageReader(field)]];
    }
  }

  #messageReader(field: DescField & { fieldKind: "message" }): ReadField {
    const { localName, oneof } = field;
    const store = storeOf(field);
    const merge = this.#child(field);
    return (message, b, e, depth) => {
      let existing: unknown;
      if (!oneof) existing = Object.hasOwn(message, localName) ? message[localName] : undefined;
      else {
        const { case: name, value } = message[oneof.localName] as {
          case?: string;
          value?: unknown;
        };
        if (name === localName) existing = value;
      }
      store(message, merge(existing, b, e, depth));
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
      reader ??= this.#of(descriptor);
      // A Struct is merged as JSON: making a message of its JSON for each occurrence would take quadratic time.
      const child = existing === undefined || adapter === "struct"
        ? reader.create()
        : messageOf(descriptor, adapter, existing);
      reader.merge(child, b, group ? e : endOf(b, e), depth - 1, endTag);
      if (adapter === "wrapper") return child[descriptor.fields[0].localName];
      return adapter === "struct" ? mergedJson(existing, structToJson(child)) : child;
    };
  }

  #listReaders(field: DescField & { fieldKind: "list" }): [tag: number, ReadField][] {
    const { localName, number } = field;
    const scalar = scalarOf(field);
    if (scalar === undefined) {
      const child = this.#child(field);
      const tag = tagOf(number, isDelimited(field) ? 3 : 2);
      return [[tag, (message, b, e, depth) => {
        (message[localName] as unknown[]).push(child(undefined, b, e, depth));
      }]];
    }
    const read = this.#scalar(scalar, field.listKind === "scalar" ? field : {});
    const readers: [number, ReadField][] = [[tagOf(number, wireTypeOf(scalar)), (message, b, e) => {
      (message[localName] as unknown[]).push(read(b, e));
    }]];
    if (wireTypeOf(scalar) !== 2) {
      readers.push([tagOf(number, 2), (message, b, e) => {
        const items = message[localName] as unknown[];
        const end = endOf(b, e);
        while (cursor.at < end) items.push(read(b, end));
        if (cursor.at !== end) throw IRREGULAR;
      }]);
    }
    return readers;
  }

  #mapReader(field: DescField & { fieldKind: "map" }): ReadField {
    const { localName } = field;
    const readKey = this.#scalar(field.mapKey, { utf8Validation: field.utf8Validation });
    const keyTag = tagOf(1, wireTypeOf(field.mapKey));
    const keyZero = zeroOf(field.mapKey);
    const scalar = scalarOf(field);
    const valueTag = tagOf(2, scalar === undefined ? 2 : wireTypeOf(scalar));
    const readValue = scalar === undefined ? undefined : this.#scalar(scalar, field);
    const child = scalar === undefined ? this.#child(field) : undefined;
    const absent = this.#absentValue(field);
    return (message, b, e, depth) => {
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
      setEntry(message[localName] as Fields, String(key), value);
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
    return () => this.#of(message).create();
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

function mergerOf(descriptor: DescMessage, fields: FieldReaders): Merger {
  return (message, b, e, depth, endTag) => {
    if (depth <= 0) {
      throw new Error(
        `Cannot decode ${descriptor.typeName}: messages are nested more than ${MAX_DEPTH} deep`,
      );
    }
    let ended = endTag === 0;
    while (cursor.at < e) {
      const next = tag(b);
      const read = fields.get(next);
      if (read) read(message, b, e, depth);
      else if ((next & 7) === 4) {
        if (next !== endTag) throw IRREGULAR;
        ended = true;
        break;
      } else {
        const unknown = message.$unknown as UnknownField[] | undefined;
        message.$unknown = keepUnknown(b, e, next, depth, unknown);
      }
    }
    if (!ended || cursor.at > e) throw IRREGULAR;
  };
}

function storeOf(field: DescField): (message: Fields, value: unknown) => void {
  const { localName, oneof } = field;
  if (!oneof) return (message, value) => message[localName] = value;
  const name = oneof.localName;
  return (message, value) => message[name] = { case: localName, value };
}

function enumReader(field: DescField & { fieldKind: "enum" }): ReadField {
  const store = storeOf(field);
  if (field.enum.open) return (message, b) => store(message, varint32(b));
  const values = new Set(field.enum.values.map(({ number }) => number));
  return (message, b) => {
    const start = cursor.at;
    const value = varint32(b);
    if (values.has(value)) return store(message, value);
    const unknown = (message.$unknown ??= []) as UnknownField[];
    unknown.push({ no: field.number, wireType: 0, data: bytes(b, start, cursor.at - start) });
  };
}

function messageOf(descriptor: DescMessage, adapter: string, existing: unknown): Fields {
  if (adapter === "none") return existing as Fields;
  return create(descriptor, { [descriptor.fields[0].localName]: existing }) as unknown as Fields;
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
