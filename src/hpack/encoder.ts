/**
 * HPACK encoder (RFC 7541), one per connection.
 *
 * @module
 */

import type { ByteWriter } from "../bytes/writer.ts";
import { FIELD_OVERHEAD_BYTES } from "../call/metadata.ts";
import { DEFAULT_TABLE_BYTES, DynamicTable } from "./dynamic_table.ts";
import { huffmanBytes } from "./huffman.ts";
import { MAX_INTEGER_BYTES, writeInteger } from "./integer.ts";
import {
  type FieldMode,
  INDEXING_FLAGS,
  LITERAL_FLAGS,
  NEVER_FLAGS,
  type PreparedField,
  writeText,
} from "./prepared_field.ts";
import { STATIC_BY_NAME, STATIC_COUNT } from "./static_table.ts";

// Insertion numbers of the newest dynamic table entry with a name, and of the newest with each value of that name.
interface DynamicName {
  latest: number;
  readonly values: Map<string, number>;
}

// Maximum number of octets for the integers of one field: name index, name length and value length.
const FIELD_INTEGER_BYTES = 3 * MAX_INTEGER_BYTES;

/**
 * Writes header blocks: `begin` once per block, then its fields in order. Every block written must reach the
 * peer, in the order of `begin`, because it may change the peer's table.
 */
export class HpackEncoder {
  /**
   * Version of the dynamic table. A header block that does not change it may be sent again, without `begin`, while the
   * version is the same.
   */
  version = 0;
  #table: DynamicTable;
  readonly #ownMaxBytes: number;
  #byName = new Map<string, DynamicName>();
  // By the id of a PreparedField: insertion number of its dynamic table entry plus 1; 0 when it has none.
  #prepared: number[] = [];
  // Smallest and final size update due at the start of the next block (RFC 7541 §4.2), in octets; -1 for none.
  #smallestUpdate = -1;
  #finalUpdate = -1;

  /**
   * `maxTableBytes`: largest dynamic table used, even if the peer allows more, 0 to 2³¹−1. Default 4096. The peer's
   * limit is 4096 until `setPeerMaxTableBytes`.
   */
  constructor(options: { maxTableBytes?: number } = {}) {
    this.#ownMaxBytes = options.maxTableBytes ?? DEFAULT_TABLE_BYTES;
    this.#table = new DynamicTable(DEFAULT_TABLE_BYTES);
    if (this.#ownMaxBytes < DEFAULT_TABLE_BYTES) this.#resize(this.#ownMaxBytes);
  }

  /** Size of the dynamic table in octets (RFC 7541 §4.1). */
  get tableBytes(): number {
    return this.#table.bytes;
  }

  /**
   * Applies the peer's SETTINGS_HEADER_TABLE_SIZE, 0 to 2³²−1. The next block begins with the size updates that this
   * requires.
   */
  setPeerMaxTableBytes(bytes: number): void {
    this.#resize(Math.min(bytes, this.#ownMaxBytes));
  }

  /** Begins a header block, with the size updates that are due. */
  begin(writer: ByteWriter): void {
    if (this.#finalUpdate >= 0) this.#writeSizeUpdates(writer);
  }

  /**
   * Writes a prepared field.
   *
   * @param mode `index`, or `literal` to leave the table unchanged.
   */
  prepared(writer: ByteWriter, field: PreparedField, mode: "index" | "literal" = "index"): void {
    if (field.staticIndex !== 0) {
      writer.reserve(1);
      writer.buffer[writer.length++] = 0x80 | field.staticIndex;
      return;
    }
    const table = this.#table;
    const number = (this.#prepared[field.id] ?? 0) - 1;
    if (number >= table.inserted - table.count) {
      this.#writeIndexed(writer, STATIC_COUNT + table.inserted - number);
      return;
    }
    this.#insertPrepared(writer, field, mode);
  }

  /**
   * Writes a field. `name` must be lower case; both must be Latin-1, one character per octet. Throws TypeError for other
   * text, before anything is written.
   */
  field(writer: ByteWriter, name: string, value: string, mode: FieldMode = "index"): void {
    const known = this.#byName.get(name);
    const inStatic = STATIC_BY_NAME.get(name);
    let nameIndex = 0;
    if (inStatic !== undefined) {
      nameIndex = inStatic.index;
      if (mode !== "never") {
        const index = inStatic.values.get(value);
        if (index !== undefined) return this.#writeIndexed(writer, index);
      }
    }
    if (known !== undefined) {
      if (mode !== "never") {
        const number = known.values.get(value);
        if (number !== undefined) {
          return this.#writeIndexed(writer, STATIC_COUNT + this.#table.inserted - number);
        }
      }
      if (nameIndex === 0) nameIndex = STATIC_COUNT + this.#table.inserted - known.latest;
    }
    const size = name.length + value.length + FIELD_OVERHEAD_BYTES;
    if (mode === "never") {
      this.#writeLiteral(writer, NEVER_FLAGS, 4, nameIndex, name, value);
    } else if ((mode === "index" || nameIndex === 0) && size <= this.#table.maxBytes) {
      this.#writeLiteral(writer, INDEXING_FLAGS, 6, nameIndex, name, value);
      this.#insert(name, value, size);
    } else {
      this.#writeLiteral(writer, LITERAL_FLAGS, 4, nameIndex, name, value);
    }
  }

  #insertPrepared(writer: ByteWriter, field: PreparedField, mode: "index" | "literal"): void {
    const { name, value } = field;
    const known = this.#byName.get(name)?.values.get(value);
    const size = name.length + value.length + FIELD_OVERHEAD_BYTES;
    if (known !== undefined) {
      this.#remember(field.id, known);
      this.#writeIndexed(writer, STATIC_COUNT + this.#table.inserted - known);
    } else if (mode === "index" && size <= this.#table.maxBytes) {
      writer.bytes(field.indexing);
      this.#insert(name, value, size);
      this.#remember(field.id, this.#table.inserted - 1);
    } else {
      writer.bytes(field.literal);
    }
  }

  #remember(id: number, number: number): void {
    while (this.#prepared.length <= id) this.#prepared.push(0);
    this.#prepared[id] = number + 1;
  }

  #insert(name: string, value: string, size: number): void {
    const table = this.#table;
    while (table.bytes + size > table.maxBytes) this.#evictOldest();
    table.insert(name, value);
    const number = table.inserted - 1;
    const known = this.#byName.get(name);
    if (known === undefined) {
      this.#byName.set(name, { latest: number, values: new Map([[value, number]]) });
    } else {
      known.latest = number;
      known.values.set(value, number);
    }
    this.version++;
  }

  #evictOldest(): void {
    const table = this.#table;
    const number = table.inserted - table.count;
    const name = table.name(number);
    const known = this.#byName.get(name);
    table.evictOldest();
    if (known === undefined) return;
    // If the evicted entry is also the newest of its name, no other entry has that name.
    if (known.latest === number) this.#byName.delete(name);
    else {
      for (const [value, at] of known.values) {
        if (at === number) known.values.delete(value);
        break; // values are in insertion order, so only the first can be the evicted entry
      }
    }
  }

  #resize(bytes: number): void {
    const table = this.#table;
    if (this.#finalUpdate < 0 && bytes === table.maxBytes) return;
    if (this.#smallestUpdate < 0 || bytes < this.#smallestUpdate) this.#smallestUpdate = bytes;
    this.#finalUpdate = bytes;
    table.maxBytes = bytes;
    while (table.bytes > bytes) this.#evictOldest();
    this.version++;
  }

  #writeSizeUpdates(writer: ByteWriter): void {
    writer.reserve(2 * MAX_INTEGER_BYTES);
    const { buffer } = writer;
    if (this.#smallestUpdate < this.#finalUpdate) {
      writer.length = writeInteger(buffer, writer.length, 0x20, 5, this.#smallestUpdate);
    }
    writer.length = writeInteger(buffer, writer.length, 0x20, 5, this.#finalUpdate);
    this.#smallestUpdate = -1;
    this.#finalUpdate = -1;
    this.version++;
  }

  #writeIndexed(writer: ByteWriter, index: number): void {
    writer.reserve(MAX_INTEGER_BYTES);
    if (index < 0x7f) writer.buffer[writer.length++] = 0x80 | index;
    else writer.length = writeInteger(writer.buffer, writer.length, 0x80, 7, index);
  }

  #writeLiteral(
    writer: ByteWriter,
    flags: number,
    prefixBits: number,
    nameIndex: number,
    name: string,
    value: string,
  ): void {
    const nameBytes = nameIndex === 0 ? huffmanBytes(name) : 0;
    const valueBytes = huffmanBytes(value);
    writer.reserve(name.length + value.length + FIELD_INTEGER_BYTES);
    const { buffer } = writer;
    let position = writeInteger(buffer, writer.length, flags, prefixBits, nameIndex);
    if (nameIndex === 0) position = writeText(buffer, position, name, nameBytes);
    writer.length = writeText(buffer, position, value, valueBytes);
  }
}
