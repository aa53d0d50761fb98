/**
 * Finds names of fields and enum values in JSON without making strings of them.
 *
 * @module
 */

import { cursor } from "../reader.ts";
import { Char } from "./input.ts";
import { endsWithin, string, stringEnd } from "./strings.ts";

const encoder = new TextEncoder();
// deno-lint-ignore no-control-regex -- control characters need escapes
const NEEDS_ESCAPE = /[\x00-\x1f"\\]/;

/** Maps names to small numbers. Of equal names the first one counts. */
export class NameTable {
  /** UTF-8 of the names, each with its closing quote. */
  readonly #names: Uint8Array[] = [];
  readonly #ids: number[] = [];
  readonly #byText = new Map<string, number>();
  // Open addressing: index of a name plus one, or 0; at most half full.
  readonly #slots: Uint16Array | Uint32Array;
  // Most bytes of a name in JSON: each code unit has at most six, as an escape.
  #mostBytes = 0;
  // Names that are tried first: by the number that the caller expects.
  readonly #expected: Uint8Array[] = [];

  /** `entries`: the names with their numbers; the first name of a number is the one that is expected for it. */
  constructor(entries: readonly (readonly [name: string, id: number])[]) {
    let size = 4;
    while (size < 2 * entries.length) size *= 2;
    this.#slots = size < 65_536 ? new Uint16Array(size) : new Uint32Array(size);
    for (const [name, id] of entries) {
      if (this.#byText.has(name)) continue;
      this.#byText.set(name, id);
      this.#mostBytes = Math.max(this.#mostBytes, 6 * name.length);
      // Written with escapes, such a name is found as text.
      if (NEEDS_ESCAPE.test(name)) continue;
      const bytes = encoder.encode(`${name}"`);
      let hash = 0;
      for (let i = 0; i < bytes.length - 1; i++) hash = Math.imul(hash, 31) + bytes[i] | 0;
      let slot = hash & size - 1;
      while (this.#slots[slot] !== 0) slot = slot + 1 & size - 1;
      this.#slots[slot] = this.#names.push(bytes);
      this.#ids.push(id);
      this.#expected[id] ??= bytes;
    }
  }

  /**
   * Returns the number of the name whose opening quote is at `p`, or -1, and moves the cursor after the closing quote.
   * `expected`: the number that is probable.
   */
  find(b: Uint8Array, p: number, expected: number): number {
    const start = p + 1;
    const name = this.#expected[expected];
    if (name !== undefined && matches(b, start, name)) {
      cursor.at = start + name.length;
      return expected;
    }
    let hash = 0;
    let at = start;
    for (; at < b.length; at++) {
      const c = b[at];
      if (c === Char.QUOTE) break;
      if (c < 0x20 || c === Char.BACKSLASH) {
        if (!endsWithin(b, p, 1 + this.#mostBytes)) break;
        return this.#byText.get(string(b, p, "a name")) ?? -1;
      }
      if (at - start > this.#mostBytes) break;
      hash = Math.imul(hash, 31) + c | 0;
    }
    if (b[at] !== Char.QUOTE) {
      cursor.at = stringEnd(b, p);
      return -1;
    }
    cursor.at = at + 1;
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask;; slot = slot + 1 & mask) {
      const index = this.#slots[slot] - 1;
      if (index < 0) return -1;
      if (matches(b, start, this.#names[index])) return this.#ids[index];
    }
  }
}

function matches(b: Uint8Array, p: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) {
    if (b[p + i] !== name[i]) return false;
  }
  return true;
}
