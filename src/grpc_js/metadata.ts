/**
 * Metadata with the interface of grpc-js, and its conversion to and from that of the wires.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { Metadata as WireMetadata, pairsOf } from "../call/metadata.ts";

const KEY = /^[:0-9a-z_.-]+$/;
const TEXT = /^[ -~]*$/;

/** Value: a Buffer for keys that end in `-bin`, otherwise printable ASCII text. */
export type MetadataValue = string | Buffer;

/** Values by key in lower case. */
export type MetadataObject = Map<string, MetadataValue[]>;

/** Header fields in the form of node:http2. */
export type HeaderFields = Record<string, string | string[] | undefined>;

/** Options of the call that the metadata is sent with. */
export interface MetadataOptions {
  /** No effect. */
  idempotentRequest?: boolean;
  /** Whether the call waits for a connection instead of failing while there is none. Default false. */
  waitForReady?: boolean;
  /** No effect. */
  cacheableRequest?: boolean;
  /** No effect. */
  corked?: boolean;
}

/** Returns the metadata that a wire can send, undefined if that is none. Pairs that no wire carries are left out. */
export let toWire: (metadata: Metadata) => WireMetadata | undefined;

/** Returns received metadata. Its Buffers share the memory of the received values. */
export let fromWire: (received: WireMetadata) => Metadata;

/** Keys and values sent with a call. Keys are converted to lower case. */
export class Metadata {
  private internalRepr: MetadataObject = new Map();
  private options: MetadataOptions;
  private opaqueData?: Map<string, unknown>;

  static {
    toWire = (metadata) => {
      if (metadata.internalRepr.size === 0) return undefined;
      const sent = new WireMetadata();
      for (const [key, values] of metadata.internalRepr) {
        for (const value of values) sent.appendReceived(key, value);
      }
      return sent.size === 0 ? undefined : sent;
    };
    fromWire = (received) => {
      const metadata = new Metadata();
      if (received.size === 0) return metadata;
      const { internalRepr } = metadata;
      for (const [key, value] of pairsOf(received)) {
        const one = typeof value === "string"
          ? value
          : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
        const values = internalRepr.get(key);
        if (values === undefined) internalRepr.set(key, [one]);
        else values.push(one);
      }
      return metadata;
    };
  }

  /** Makes empty metadata. */
  constructor(options: MetadataOptions = {}) {
    this.options = options;
  }

  /** Replaces all values of a key. Throws for a key or value that gRPC cannot carry. */
  set(key: string, value: MetadataValue): void {
    const name = key.toLowerCase();
    check(name, value);
    this.internalRepr.set(name, [value]);
  }

  /** Adds a value after those of the key. Throws for a key or value that gRPC cannot carry. */
  add(key: string, value: MetadataValue): void {
    const name = key.toLowerCase();
    check(name, value);
    const values = this.internalRepr.get(name);
    if (values === undefined) this.internalRepr.set(name, [value]);
    else values.push(value);
  }

  /** Removes all values of a key. */
  remove(key: string): void {
    this.internalRepr.delete(key.toLowerCase());
  }

  /** Returns all values of a key, in order. */
  get(key: string): MetadataValue[] {
    return this.internalRepr.get(key.toLowerCase()) ?? [];
  }

  /** Returns the first value of each key. */
  getMap(): { [key: string]: MetadataValue } {
    const map: { [key: string]: MetadataValue } = {};
    for (const [key, values] of this.internalRepr) {
      if (values.length > 0) map[key] = copied(values[0]);
    }
    return map;
  }

  /** Returns a copy; Buffers are copied too. */
  clone(): Metadata {
    const copy = new Metadata(this.options);
    for (const [key, values] of this.internalRepr) {
      copy.internalRepr.set(key, values.map(copied));
    }
    return copy;
  }

  /** Adds all values of other metadata after those of the same key. */
  merge(other: Metadata): void {
    for (const [key, values] of other.internalRepr) {
      this.internalRepr.set(key, [...this.internalRepr.get(key) ?? [], ...values]);
    }
  }

  /** Sets the options of the call. */
  setOptions(options: MetadataOptions): void {
    this.options = options;
  }

  /** Returns the options of the call. */
  getOptions(): MetadataOptions {
    return this.options;
  }

  /** Returns the metadata as header fields of node:http2, Buffers as base64. */
  toHttp2Headers(): HeaderFields {
    const fields: HeaderFields = {};
    for (const [key, values] of this.internalRepr) {
      if (key.startsWith(":")) continue;
      const texts = values.map((value) =>
        typeof value === "string" ? value : value.toString("base64")
      );
      fields[key] = texts.length === 1 ? texts[0] : texts;
    }
    return fields;
  }

  /** Returns the values by key, for `JSON.stringify`. */
  toJSON(): { [key: string]: MetadataValue[] } {
    return Object.fromEntries(this.internalRepr);
  }

  /** Attaches a value that is not sent. */
  setOpaque(key: string, value: unknown): void {
    (this.opaqueData ??= new Map()).set(key, value);
  }

  /** Returns a value that `setOpaque` attached. */
  getOpaque(key: string): unknown {
    return this.opaqueData?.get(key);
  }

  /** Makes metadata from header fields of node:http2. Fields that are not valid are left out. */
  static fromHttp2Headers(headers: HeaderFields): Metadata {
    const metadata = new Metadata();
    for (const [key, field] of Object.entries(headers)) {
      if (field === undefined || key.startsWith(":")) continue;
      for (const text of fieldValues(key, field)) {
        const value = key.endsWith("-bin") ? Buffer.from(text, "base64") : text;
        if (faultOf(key, value) === undefined) metadata.add(key, value);
      }
    }
    return metadata;
  }
}

/** Separates the values that node:http2 has joined: those of binary keys, except for gRPC's own. */
function fieldValues(key: string, field: string | string[]): string[] {
  if (Array.isArray(field)) return field;
  if (!key.endsWith("-bin") || key.startsWith("grpc-")) return [field];
  return field.split(",").map((part) => part.trim());
}

function copied(value: MetadataValue): MetadataValue {
  return typeof value === "string" ? value : Buffer.from(value);
}

function check(key: string, value: MetadataValue): void {
  const fault = faultOf(key, value);
  if (fault !== undefined) throw new Error(fault);
}

/** Returns why a pair cannot be sent, in the words of grpc-js; undefined if it can. */
function faultOf(key: string, value: MetadataValue | null | undefined): string | undefined {
  if (!KEY.test(key)) return `Metadata key "${key}" contains illegal characters`;
  if (value === null || value === undefined) return undefined;
  if (key.endsWith("-bin")) {
    return Buffer.isBuffer(value) ? undefined : "keys that end with '-bin' must have Buffer values";
  }
  if (Buffer.isBuffer(value)) return "keys that don't end with '-bin' must have String values";
  if (TEXT.test(value)) return undefined;
  return `Metadata string value "${value}" contains illegal characters`;
}
