/**
 * Call metadata: ordered and multi-valued, with lower-case keys; `-bin` keys hold bytes, all others text.
 *
 * @module
 */

import { isDetached } from "../bytes/detach.ts";
import { base64Text } from "../bytes/base64_text.ts";
import { isBytes, plainBytes } from "../bytes/is_bytes.ts";
import { isValue, keyFault, withoutOuterSpace } from "./field_text.ts";

/**
 * Metadata value: bytes for keys that end in `-bin`, otherwise printable ASCII text.
 *
 * @category Metadata
 */
export type MetadataValue = string | Uint8Array;

/**
 * Contents that {@link Metadata} can be made from.
 *
 * @category Metadata
 */
export type MetadataInit =
  | Metadata
  | Iterable<readonly [string, MetadataValue]>
  | Readonly<Record<string, MetadataValue | readonly MetadataValue[]>>;

/** Size of a header field beyond its name and value, in bytes (RFC 7541 §4.1). */
export const FIELD_OVERHEAD_BYTES = 32;

/** Returns the values of a key of text in lower case, joined by commas; undefined for none. A single one costs nothing. */
export let joinedTextOf: (metadata: Metadata, key: string) => string | undefined;

/**
 * Returns the pairs of `metadata`, whatever the application has made of its methods. For engines: an exception in the
 * middle of a header section would end the connection.
 */
export let pairsOf: (metadata: Metadata) => IterableIterator<[string, MetadataValue]>;

/**
 * Returns the size of `metadata` as a header list (RFC 7541 §4.1): key, value and 32 bytes for each pair, with bytes as
 * base64; whatever the application has made of its methods. Throws TypeError if the buffer of a value was detached: it
 * cannot be sent any more. For engines.
 */
export let listBytesOf: (metadata: Metadata) => number;

/**
 * Keys and values sent with a call, before its messages (headers) or after them (trailers).
 *
 * Whatever it holds can be sent on both wires: received metadata can be copied, forwarded and echoed. A text loses spaces
 * and tabs at its ends when it is added, because no wire carries them (RFC 9113 §8.2.1); `Headers` does the same.
 *
 * ```ts
 * import { Metadata } from "@vrpc/vrpc";
 *
 * const metadata = new Metadata({ "x-request-id": "17" });
 * metadata.append("x-tag", "a");
 * metadata.set("trace-bin", new Uint8Array([1, 2, 3]));
 * console.log(metadata.get("x-request-id")); // "17"
 * ```
 *
 * @category Metadata
 */
export class Metadata implements Iterable<[string, MetadataValue]> {
  // A Map, not a plain object, because peers choose the keys (`__proto__`).
  #map = new Map<string, MetadataValue[]>();

  static {
    pairsOf = (metadata) => metadata.#pairs();
    joinedTextOf = (metadata, key) => {
      const values = metadata.#map.get(key);
      return values === undefined || values.length === 1
        ? values?.[0] as string | undefined
        : values.join(",");
    };
    listBytesOf = (metadata) => metadata.#listBytes();
  }

  /** Makes metadata, empty or from entries. Throws TypeError for a key or value that gRPC cannot carry. */
  constructor(init?: MetadataInit) {
    if (init === undefined) return;
    if (init instanceof Metadata) {
      init.#map.forEach((values, key) => this.#map.set(key, values.slice()));
    } else if (Symbol.iterator in init) {
      for (const [key, value] of init as Iterable<readonly [string, MetadataValue]>) {
        this.append(key, value);
      }
    } else {
      for (const [key, value] of Object.entries(init)) {
        for (const one of Array.isArray(value) ? value : [value]) this.append(key, one);
      }
    }
  }

  /** Number of keys. */
  get size(): number {
    return this.#map.size;
  }

  /** First value of a key (matched in any case), or undefined. */
  get(key: `${string}-bin`): Uint8Array | undefined;
  /** First value of a key (matched in any case), or undefined. */
  get(key: string): string | undefined;
  get(key: string): MetadataValue | undefined {
    return this.#map.get(key.toLowerCase())?.[0];
  }

  /** All values of a key (matched in any case), in order. */
  getAll(key: `${string}-bin`): readonly Uint8Array[];
  /** All values of a key (matched in any case), in order. */
  getAll(key: string): readonly string[];
  getAll(key: string): readonly MetadataValue[] {
    return this.#map.get(key.toLowerCase())?.slice() ?? [];
  }

  /** Whether the key has a value. */
  has(key: string): boolean {
    return this.#map.has(key.toLowerCase());
  }

  /** Replaces all values of a key. Throws TypeError for a key or value that gRPC cannot carry. */
  set(key: string, value: MetadataValue): this {
    const name = checkedKey(key);
    this.#map.set(name, [checkedValue(name, value)]);
    return this;
  }

  /** Adds a value after those of the key. Throws TypeError for a key or value that gRPC cannot carry. */
  append(key: string, value: MetadataValue): this {
    const name = checkedKey(key);
    this.#add(name, checkedValue(name, value));
    return this;
  }

  /**
   * Adds a pair that a peer sent, with its key in lower case. Returns false and adds nothing if `append` would refuse
   * the pair, because it could not be forwarded. For engines.
   */
  appendReceived(key: string, value: MetadataValue): boolean {
    const text = typeof value === "string";
    if (text === key.endsWith("-bin")) return false;
    if (!this.#map.has(key) && keyFault(key) !== undefined) return false;
    if (!text) {
      this.#add(key, value);
      return true;
    }
    const stripped = withoutOuterSpace(value);
    if (!isValue(stripped)) return false;
    this.#add(key, stripped);
    return true;
  }

  #add(key: string, value: MetadataValue): void {
    const values = this.#map.get(key);
    if (values) values.push(value);
    else this.#map.set(key, [value]);
  }

  /** Removes a key; true when it had a value. */
  delete(key: string): boolean {
    return this.#map.delete(key.toLowerCase());
  }

  *#pairs(): IterableIterator<[string, MetadataValue]> {
    for (const [key, values] of this.#map) {
      for (const value of values) yield [key, value];
    }
  }

  /** All pairs, with repeated keys, in order of each key's first appearance. */
  *[Symbol.iterator](): IterableIterator<[string, MetadataValue]> {
    yield* this.#pairs();
  }

  // Without the iterator, which would allocate an array per pair.
  #listBytes(): number {
    let bytes = 0;
    this.#map.forEach((values, key) => {
      for (let i = 0; i < values.length; i++) {
        const value = values[i];
        const length = typeof value === "string" ? value.length : base64Bytes(key, value);
        bytes += key.length + length + FIELD_OVERHEAD_BYTES;
      }
    });
    return bytes;
  }

  /**
   * Throws TypeError if the buffer of a value was detached: its bytes are lost, and the metadata cannot be sent any more.
   * Engines check before they write, because a detached value reads as an empty one.
   */
  checkReadable(): void {
    this.#map.forEach(checkValues);
  }

  /** Makes a copy; bytes are copied too. Throws TypeError if the buffer of a value was detached. */
  clone(): Metadata {
    this.checkReadable();
    const copy = new Metadata(this);
    for (const values of copy.#map.values()) {
      for (const [i, value] of values.entries()) {
        if (typeof value !== "string") values[i] = value.slice();
      }
    }
    return copy;
  }

  /**
   * Plain object for logs and JSON: arrays of text, bytes as base64. Throws TypeError if the buffer of a value was
   * detached.
   */
  toJSON(): Record<string, string[]> {
    this.checkReadable();
    const entries: [string, string[]][] = [];
    for (const [key, values] of this.#map) {
      entries.push([key, values.map((v) => typeof v === "string" ? v : base64Text(v))]);
    }
    return Object.fromEntries(entries);
  }
}

/** Returns bytes whose length cannot change: a copy if their buffer is resizable. */
function fixedBytes(bytes: Uint8Array): Uint8Array {
  return (bytes.buffer as ArrayBuffer).resizable ? bytes.slice() : bytes;
}

function checkedKey(key: string): string {
  const name = typeof key === "string" ? key.toLowerCase() : "";
  const fault = keyFault(name);
  if (fault === undefined) return name;
  throw new TypeError(`Cannot use metadata key ${JSON.stringify(key)}: ${fault}`);
}

function checkedValue(key: string, value: MetadataValue): MetadataValue {
  if (key.endsWith("-bin")) {
    if (isBytes(value)) return fixedBytes(plainBytes(value));
    throw new TypeError(
      `Cannot use a value that is not a Uint8Array for metadata key "${key}": keys ending in -bin hold bytes`,
    );
  }
  if (typeof value !== "string") {
    throw new TypeError(
      `Cannot use a value that is not text for metadata key "${key}": only keys ending in -bin hold bytes`,
    );
  }
  const stripped = withoutOuterSpace(value);
  if (isValue(stripped)) return stripped;
  throw new TypeError(
    `Cannot use the value of metadata key "${key}": must be printable ASCII (or use a -bin key)`,
  );
}

function base64Bytes(key: string, value: Uint8Array): number {
  checkAttached(key, value);
  return Math.ceil(value.length * 4 / 3);
}

function checkValues(values: readonly MetadataValue[], key: string): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value !== "string") checkAttached(key, value);
  }
}

/** Throws TypeError if the buffer of `value` was detached. */
function checkAttached(key: string, { buffer, length }: Uint8Array): void {
  if (length > 0 || !isDetached(buffer as ArrayBuffer)) return;
  throw new TypeError(`Cannot send the value of metadata key "${key}": its buffer was detached`);
}
