/**
 * Map from ids to calls or streams in flight, for tables to which every call adds an entry and removes it.
 *
 * JavaScript's Map does not suit: when it rehashes, the old table keeps a reference to the new one (for iterators). Once
 * one table is in the old generation, every later table, and each call in it, survives all minor collections. That took
 * a third of the CPU.
 *
 * @module
 */

const MIN_SLOTS = 16;

/** Map from whole numbers (0 to 2^53−2) to values; open addressing, without allocations per entry. */
export class IdMap<T> {
  /** By slot: id plus 1; 0 for a free slot. */
  #keys = new Float64Array(MIN_SLOTS);
  #values: (T | undefined)[] = new Array(MIN_SLOTS).fill(undefined);
  #mask = MIN_SLOTS - 1;
  #size = 0;

  /** Number of entries. */
  get size(): number {
    return this.#size;
  }

  /** Returns the value of an id, or undefined. */
  get(id: number): T | undefined {
    const wanted = id + 1;
    const keys = this.#keys;
    const mask = this.#mask;
    for (let i = slotOf(wanted) & mask;; i = (i + 1) & mask) {
      const key = keys[i];
      if (key === wanted) return this.#values[i];
      if (key === 0) return undefined;
    }
  }

  /** Whether there is an entry for an id. */
  has(id: number): boolean {
    return this.get(id) !== undefined;
  }

  /** Adds or replaces an entry. */
  set(id: number, value: T): this {
    return this.#put(id + 1, value);
  }

  #put(key: number, value: T): this {
    // At most half full, so that probe sequences stay short.
    if (this.#size * 2 > this.#mask) this.#resize((this.#mask + 1) * 2);
    const keys = this.#keys;
    const mask = this.#mask;
    let i = slotOf(key) & mask;
    while (keys[i] !== 0 && keys[i] !== key) i = (i + 1) & mask;
    if (keys[i] === 0) {
      keys[i] = key;
      this.#size++;
    }
    this.#values[i] = value;
    return this;
  }

  /** Removes an entry; false when there is none. */
  delete(id: number): boolean {
    const keys = this.#keys;
    const values = this.#values;
    const mask = this.#mask;
    let i = slotOf(id + 1) & mask;
    while (keys[i] !== id + 1) {
      if (keys[i] === 0) return false;
      i = (i + 1) & mask;
    }
    this.#size--;
    // Moves displaced entries up instead of leaving tombstones (Knuth 6.4, algorithm R).
    for (let j = (i + 1) & mask; keys[j] !== 0; j = (j + 1) & mask) {
      const home = slotOf(keys[j]) & mask;
      if (((j - home) & mask) < ((j - i) & mask)) continue;
      keys[i] = keys[j];
      values[i] = values[j];
      i = j;
    }
    keys[i] = 0;
    values[i] = undefined;
    // Shrinks the table, so that it does not keep the size of a burst of calls.
    if (this.#mask >= 1024 && this.#size * 16 < this.#mask) this.#resize((this.#mask + 1) >>> 2);
    return true;
  }

  /** Removes everything. */
  clear(): void {
    this.#keys = new Float64Array(MIN_SLOTS);
    this.#values = new Array(MIN_SLOTS).fill(undefined);
    this.#mask = MIN_SLOTS - 1;
    this.#size = 0;
  }

  /** Snapshot of the values, in order of their ids. */
  values(): T[] {
    const found: [number, T][] = [];
    for (let i = 0; i <= this.#mask; i++) {
      if (this.#keys[i] !== 0) found.push([this.#keys[i], this.#values[i]!]);
    }
    return found.sort((a, b) => a[0] - b[0]).map(([, value]) => value);
  }

  #resize(slots: number): void {
    const keys = this.#keys;
    const values = this.#values;
    this.#keys = new Float64Array(slots);
    this.#values = new Array(slots).fill(undefined);
    this.#mask = slots - 1;
    this.#size = 0;
    for (let i = 0; i < keys.length; i++) {
      if (keys[i] !== 0) this.#put(keys[i], values[i]!);
    }
  }
}

// Fibonacci hashing: ids come in sequence, many of them odd only.
function slotOf(key: number): number {
  return Math.imul(key, 0x9e3779b1) >>> 8;
}
