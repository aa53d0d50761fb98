/**
 * Values by names that peers may make up.
 *
 * @module
 */

interface Entry<T> {
  readonly name: string;
  readonly value: T;
}

/**
 * A map of few names, for looking up what a peer has sent. `Map` makes V8 keep every string that it is asked for in one
 * table of all strings: with a million made-up names that table is copied at once, which takes 10 to 20 ms.
 */
export class NameTable<T> {
  readonly #entries: Entry<T>[] = [];
  /** The same by length: most names that aren't here have the length of none, or differ in a glance. */
  readonly #byLength: Entry<T>[][] = [];

  /** Adds a name. Throws TypeError when it is taken. */
  add(name: string, value: T): void {
    if (this.#find(name) !== undefined) {
      throw new TypeError(`Cannot add "${name}": the name is taken`);
    }
    const entry = { name, value };
    this.#entries.push(entry);
    while (this.#byLength.length <= name.length) this.#byLength.push([]);
    this.#byLength[name.length].push(entry);
  }

  /** The value of a name. */
  get(name: string): T | undefined {
    return this.#find(name)?.value;
  }

  #find(name: string): Entry<T> | undefined {
    if (name.length >= this.#byLength.length) return undefined;
    for (const entry of this.#byLength[name.length]) {
      if (entry.name === name) return entry;
    }
    return undefined;
  }

  /** All names, in the order in which they were added. */
  names(): string[] {
    return this.#entries.map(({ name }) => name);
  }

  /** All values, in the same order. */
  values(): T[] {
    return this.#entries.map(({ value }) => value);
  }
}
