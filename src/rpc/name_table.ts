/**
 * Values by names that peers may make up.
 *
 * @module
 */

/**
 * A map of few names, for looking up what a peer has sent. `Map` makes V8 keep every string that it is asked for in one
 * table of all strings: with a million made-up names that table is copied at once, which takes 10 to 20 ms.
 */
export class NameTable<T> {
  readonly #values = new Map<string, T>();
  /** The same by length: most names that aren't here have the length of none, or differ in a glance. */
  readonly #byLength: { readonly name: string; readonly value: T }[][] = [];

  /** Adds a name. Throws TypeError when it is taken. */
  add(name: string, value: T): void {
    if (this.#values.has(name)) throw new TypeError(`Cannot add "${name}": the name is taken`);
    this.#values.set(name, value);
    while (this.#byLength.length <= name.length) this.#byLength.push([]);
    this.#byLength[name.length].push({ name, value });
  }

  /** The value of a name. */
  get(name: string): T | undefined {
    if (name.length >= this.#byLength.length) return undefined;
    for (const entry of this.#byLength[name.length]) {
      if (entry.name === name) return entry.value;
    }
    return undefined;
  }

  /** All names, in the order in which they were added. */
  names(): IterableIterator<string> {
    return this.#values.keys();
  }

  /** All values, in the same order. */
  values(): IterableIterator<T> {
    return this.#values.values();
  }
}
