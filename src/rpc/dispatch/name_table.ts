/**
 * Lookup by names that come from peers.
 *
 * @module
 */

interface Entry<T> {
  readonly name: string;
  readonly value: T;
}

/**
 * Map with few entries that is safe to query with names from peers. A `Map` makes V8 intern every string that it is
 * queried with: after a million made-up names the table of interned strings is copied at once, which takes 10 to 20 ms.
 */
export class NameTable<T> {
  readonly #entries: Entry<T>[] = [];
  /** Entries by length of their name, so that a lookup compares few names or none. */
  readonly #byLength: Entry<T>[][] = [];

  /** Adds a name. Throws TypeError if it is taken. */
  add(name: string, value: T): void {
    if (this.#find(name) !== undefined) {
      throw new TypeError(`Cannot add "${name}": the name is taken`);
    }
    const entry = { name, value };
    this.#entries.push(entry);
    while (this.#byLength.length <= name.length) this.#byLength.push([]);
    this.#byLength[name.length].push(entry);
  }

  /** Returns the value of a name; undefined if there is none. */
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

  /** Returns all names in the order they were added. */
  names(): string[] {
    return this.#entries.map(({ name }) => name);
  }

  /** Returns all values in the order they were added. */
  values(): T[] {
    return this.#entries.map(({ value }) => value);
  }
}
