/**
 * The dynamic table (RFC 7541 sections 2.3.2 and 4) as a ring buffer, for both directions.
 *
 * Entries are addressed by the number of their insertion: the first entry ever inserted is 0, the next 1,
 * and so on. HPACK's own index of entry `n` is `62 + (inserted - 1 - n)`, which changes with every
 * insertion; the number never does.
 *
 * @module
 */

import { FIELD_OVERHEAD_BYTES } from "./header_list.ts";

/** The size of a table that nobody has changed: SETTINGS_HEADER_TABLE_SIZE's default, in octets. */
export const DEFAULT_TABLE_BYTES = 4096;

/** First in, first out; holds at most `maxBytes` as RFC 7541 section 4.1 counts them. */
export class DynamicTable {
  /** How many entries were inserted since the connection began. */
  inserted = 0;
  /** How many entries the table holds. */
  count = 0;
  /** Octets of all names and values, and 32 per entry. */
  bytes = 0;
  /** The most that `bytes` may be. */
  maxBytes: number;
  // The ring starts small and doubles, because most connections hold about ten entries. Its length is a
  // power of two, so that a slot is found with a mask; `maxBytes / 32` bounds it.
  #names: string[] = new Array(16).fill("");
  #values: string[] = new Array(16).fill("");
  #mask = 15;

  /** Makes an empty table. */
  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** The name of entry `number`, which must be in the table. */
  name(number: number): string {
    return this.#names[number & this.#mask];
  }

  /** The value of entry `number`, which must be in the table. */
  value(number: number): string {
    return this.#values[number & this.#mask];
  }

  /** Removes the oldest entry; there must be one. */
  evictOldest(): void {
    const slot = (this.inserted - this.count) & this.#mask;
    this.bytes -= this.#names[slot].length + this.#values[slot].length + FIELD_OVERHEAD_BYTES;
    this.count--;
    this.#names[slot] = "";
    this.#values[slot] = "";
  }

  /** Evicts until at most `bytes` are left (RFC 7541 section 4.3). */
  evictTo(bytes: number): void {
    while (this.bytes > bytes) this.evictOldest();
  }

  /**
   * Inserts an entry after evicting what has to go. An entry larger than the table empties it and is
   * not inserted, which is no error (RFC 7541 section 4.4). Text must be Latin-1.
   */
  insert(name: string, value: string): void {
    const size = name.length + value.length + FIELD_OVERHEAD_BYTES;
    if (this.bytes + size > this.maxBytes) {
      this.evictTo(Math.max(0, this.maxBytes - size));
      if (size > this.maxBytes) return;
    }
    if (this.count > this.#mask) this.#grow();
    const slot = this.inserted & this.#mask;
    this.#names[slot] = name;
    this.#values[slot] = value;
    this.inserted++;
    this.count++;
    this.bytes += size;
  }

  #grow(): void {
    const length = (this.#mask + 1) * 2;
    const names: string[] = new Array(length).fill("");
    const values: string[] = new Array(length).fill("");
    for (let number = this.inserted - this.count; number < this.inserted; number++) {
      names[number & (length - 1)] = this.name(number);
      values[number & (length - 1)] = this.value(number);
    }
    this.#names = names;
    this.#values = values;
    this.#mask = length - 1;
  }
}
