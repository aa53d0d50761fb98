/**
 * Flat, reusable list of header fields, so that decoding a block allocates nothing per field.
 *
 * @module
 */

import { FIELD_OVERHEAD_BYTES } from "../call/metadata.ts";

/** Header fields in order. Text is Latin-1: one character per octet received. */
export class HeaderList {
  /** Names; only the first `count` are valid. */
  readonly names: string[] = [];
  /** Values; only the first `count` are valid. */
  readonly values: string[] = [];
  /** Number of fields. */
  count = 0;
  /** Size in octets (RFC 7541 §4.1): all names and values, and 32 per field, dropped fields included. */
  size = 0;
  /** Whether the list exceeded a limit; that field and all later ones are decoded but dropped. */
  overLimit = false;

  /** Empties the list for the next block. */
  clear(): void {
    this.count = 0;
    this.size = 0;
    this.overLimit = false;
  }

  /** Appends a field without checking limits. */
  push(name: string, value: string): void {
    this.names[this.count] = name;
    this.values[this.count++] = value;
    this.size += name.length + value.length + FIELD_OVERHEAD_BYTES;
  }

  /** Value of the first field with this name, or undefined. */
  get(name: string): string | undefined {
    for (let i = 0; i < this.count; i++) {
      if (this.names[i] === name) return this.values[i];
    }
    return undefined;
  }
}
