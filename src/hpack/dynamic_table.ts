/**
 * Dynamic table (RFC 7541 §2.3.2 and §4) as a ring buffer, for encoder and decoder.
 *
 * Entries are addressed by the number of their insertion, from 0, which never changes. The HPACK index of entry `n` is
 * `62 + (inserted - 1 - n)`, which changes with every insertion.
 *
 * @module
 */

import { FIELD_OVERHEAD_BYTES } from "../call/metadata.ts";

/** Default of SETTINGS_HEADER_TABLE_SIZE, in octets (RFC 9113 §6.5.2). */
export const DEFAULT_TABLE_BYTES = 4096;

/** First-in, first-out table of at most `maxBytes` octets (RFC 7541 §4.1). */
export class DynamicTable {
  /** Number of entries inserted since the connection began. */
  inserted = 0;
  /** Number of entries in the table. */
  count = 0;
  /** Size in octets (RFC 7541 §4.1): the octets of all names and values, and 32 per entry. */
  bytes = 0;
  /** Maximum size in octets. */
  maxBytes: number;
  // The ring starts small and doubles, because most connections have about ten entries. Its length is a power of two,
  // so that a mask gives an entry's slot, and at most `maxBytes / 32`.
  #names: string[] = new Array(16).fill("");
  #values: string[] = new Array(16).fill("");
  #mask = 15;

  /** Creates an empty table. */
  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** Name of the entry with insertion number `number`, which must be in the table. */
  name(number: number): string {
    return this.#names[number & this.#mask];
  }

  /** Value of the entry with insertion number `number`, which must be in the table. */
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

  /** Evicts the oldest entries until at most `bytes` are left (RFC 7541 §4.3). */
  evictTo(bytes: number): void {
    while (this.bytes > bytes) this.evictOldest();
  }

  /**
   * Inserts an entry, evicting the oldest ones to make room. An entry larger than the table empties it and is not
   * inserted, which is not an error (RFC 7541 §4.4). Text must be Latin-1.
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
