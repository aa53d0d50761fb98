/**
 * Call metadata: ordered, multi-valued, lower-case keys; `-bin` keys hold bytes, all others text.
 *
 * @module
 */

/** A metadata value: bytes for keys that end in `-bin`, otherwise printable ASCII text. */
export type MetadataValue = string | Uint8Array;

/** What {@link Metadata} can be made from. */
export type MetadataInit =
  | Metadata
  | Iterable<readonly [string, MetadataValue]>
  | Readonly<Record<string, MetadataValue | readonly MetadataValue[]>>;

const KEY = /^[0-9a-z_.-]+$/;
const TEXT = /^[\x20-\x7e]*$/;
// RFC 7541 section 4.1.
const FIELD_OVERHEAD_BYTES = 32;

/** Keys and values that travel with a call, before its messages (headers) or after them (trailers). */
export class Metadata implements Iterable<[string, MetadataValue]> {
  // A Map, never a plain object: keys come from peers.
  #map = new Map<string, MetadataValue[]>();

  /** Makes metadata, empty or from entries. Throws TypeError for a key or value gRPC can't carry. */
  constructor(init?: MetadataInit) {
    if (init === undefined) return;
    if (Symbol.iterator in init) {
      for (const [key, value] of init as Iterable<readonly [string, MetadataValue]>) {
        this.append(key, value);
      }
    } else {
      for (const [key, value] of Object.entries(init)) {
        for (const one of Array.isArray(value) ? value : [value]) this.append(key, one);
      }
    }
  }

  /** How many keys there are. */
  get size(): number {
    return this.#map.size;
  }

  /** The first value of a key, or undefined. Keys are matched without regard to case. */
  get(key: `${string}-bin`): Uint8Array | undefined;
  /** The first value of a key, or undefined. Keys are matched without regard to case. */
  get(key: string): string | undefined;
  get(key: string): MetadataValue | undefined {
    return this.#map.get(key.toLowerCase())?.[0];
  }

  /** All values of a key, in order; empty when there is none. */
  getAll(key: `${string}-bin`): readonly Uint8Array[];
  /** All values of a key, in order; empty when there is none. */
  getAll(key: string): readonly string[];
  getAll(key: string): readonly MetadataValue[] {
    return this.#map.get(key.toLowerCase()) ?? [];
  }

  /** Whether there is a value for the key. */
  has(key: string): boolean {
    return this.#map.has(key.toLowerCase());
  }

  /** Replaces all values of the key. Throws TypeError for what gRPC can't carry. */
  set(key: string, value: MetadataValue): this {
    const name = checkedKey(key);
    this.#map.set(name, [checkedValue(name, value)]);
    return this;
  }

  /** Adds a value behind those the key has. Throws TypeError for what gRPC can't carry. */
  append(key: string, value: MetadataValue): this {
    const name = checkedKey(key);
    return this.appendReceived(name, checkedValue(name, value));
  }

  /** Adds a pair that a wire engine has validated. For engines; everyone else uses `append`. */
  appendReceived(lowerCaseKey: string, value: MetadataValue): this {
    const values = this.#map.get(lowerCaseKey);
    if (values) values.push(value);
    else this.#map.set(lowerCaseKey, [value]);
    return this;
  }

  /** Removes a key; true when there was one. */
  delete(key: string): boolean {
    return this.#map.delete(key.toLowerCase());
  }

  /** Every pair, repeated keys included, keys in order of first appearance. */
  *[Symbol.iterator](): IterableIterator<[string, MetadataValue]> {
    for (const [key, values] of this.#map) {
      for (const value of values) yield [key, value];
    }
  }

  /**
   * Bytes of all pairs in a header list as RFC 7541 section 4.1 counts: key, value, and 32 for each; values of `-bin`
   * keys as base64. For engines. Not by the iterator, which would make an array for each pair of each call.
   */
  get listBytes(): number {
    let bytes = 0;
    this.#map.forEach((values, key) => {
      for (let i = 0; i < values.length; i++) {
        const value = values[i];
        const length = typeof value === "string" ? value.length : Math.ceil(value.length * 4 / 3);
        bytes += key.length + length + FIELD_OVERHEAD_BYTES;
      }
    });
    return bytes;
  }

  /** A copy that can be changed on its own. */
  clone(): Metadata {
    return new Metadata(this);
  }

  /** A plain object for logs and JSON: arrays of text; bytes in base64. */
  toJSON(): Record<string, string[]> {
    const entries: [string, string[]][] = [];
    for (const [key, values] of this.#map) {
      entries.push([key, values.map((v) => typeof v === "string" ? v : v.toBase64())]);
    }
    return Object.fromEntries(entries);
  }
}

function checkedKey(key: string): string {
  const name = key.toLowerCase();
  if (!KEY.test(name)) {
    throw new TypeError(
      `Cannot use metadata key ${JSON.stringify(key)}: only a-z 0-9 _ - . are allowed`,
    );
  }
  return name;
}

function checkedValue(key: string, value: MetadataValue): MetadataValue {
  if (key.endsWith("-bin")) {
    if (value instanceof Uint8Array) return value;
    throw new TypeError(
      `Cannot use text for metadata key "${key}": keys ending in -bin hold bytes`,
    );
  }
  if (typeof value !== "string") {
    throw new TypeError(
      `Cannot use bytes for metadata key "${key}": only keys ending in -bin hold bytes`,
    );
  }
  if (!TEXT.test(value)) {
    throw new TypeError(
      `Cannot use the value of metadata key "${key}": it must be printable ASCII (use a -bin key)`,
    );
  }
  return value;
}
