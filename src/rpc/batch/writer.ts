/**
 * Writers of the batch stream's messages: calls and replies go straight into a buffer.
 *
 * @module
 */

import { EMPTY_BYTES } from "../../bytes/empty.ts";
import { type Metadata, type MetadataValue, pairsOf } from "../../call/metadata.ts";

const encoder = new TextEncoder();

/** Encodes protobuf messages one after another, field by field. */
class FieldWriter {
  #buffer: Uint8Array = EMPTY_BYTES;
  #length = 0;
  #lastLength = 256;

  /** Bytes written since the last `take`. */
  get byteLength(): number {
    return this.#length;
  }

  /** Returns the message so far and starts a new one. The caller owns the result. */
  take(): Uint8Array {
    const message = this.#buffer.subarray(0, this.#length);
    // Sizes the next buffer: successive messages of a stream tend to have similar lengths.
    this.#lastLength = this.#length;
    this.#buffer = EMPTY_BYTES;
    this.#length = 0;
    return message;
  }

  /** Makes room for `count` bytes, which the methods below then write without checks. */
  reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#buffer.length) return;
    const size = this.#buffer.length === 0
      ? Math.max(needed, this.#lastLength + (this.#lastLength >>> 2))
      : Math.max(needed, this.#buffer.length * 2);
    const grown = new Uint8Array(size);
    if (this.#length > 0) grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
  }

  /** Writes one byte. */
  byte(value: number): void {
    this.#buffer[this.#length++] = value;
  }

  /** Writes an unsigned number of up to 32 bits. */
  varint(value: number): void {
    const buffer = this.#buffer;
    let at = this.#length;
    while (value > 127) {
      buffer[at++] = (value & 127) | 128;
      value >>>= 7;
    }
    buffer[at++] = value;
    this.#length = at;
  }

  /** Writes bytes. */
  raw(bytes: Uint8Array): void {
    const { length } = bytes;
    if (length <= 32) {
      // A loop is faster than set() for up to 32 bytes, and most calls carry few.
      const buffer = this.#buffer;
      const at = this.#length;
      for (let i = 0; i < length; i++) buffer[at + i] = bytes[i];
    } else {
      this.#buffer.set(bytes, this.#length);
    }
    this.#length += length;
  }

  /** Writes each metadata entry as a field with `tag`. */
  metadata(tag: number, metadata: Metadata): void {
    for (const [key, value] of pairsOf(metadata)) {
      const size = entrySize(key, value);
      this.byte(tag);
      this.varint(size);
      this.byte(0x0a);
      this.varint(key.length);
      this.#ascii(key);
      this.byte(typeof value === "string" ? 0x12 : 0x1a);
      this.varint(value.length);
      if (typeof value === "string") this.#ascii(value);
      else this.raw(value);
    }
  }

  #ascii(text: string): void {
    for (let i = 0; i < text.length; i++) this.#buffer[this.#length++] = text.charCodeAt(i);
  }
}

/** Writes `ExchangeRequest` messages of proto/vrpc/v1/batch.proto. */
export class BatchRequestWriter {
  readonly #fields = new FieldWriter();

  /** Bytes written since the last `take`. */
  get byteLength(): number {
    return this.#fields.byteLength;
  }

  /** Returns the message so far and starts a new one. The caller owns the result. */
  take(): Uint8Array {
    return this.#fields.take();
  }

  /** Adds a call; see `BatchRequestSink.onCall` for the arguments. `payload` is copied. */
  call(
    id: number,
    method: string,
    methodRef: number,
    payload: Uint8Array,
    timeoutMs: number,
    metadata?: Metadata,
  ): void {
    const name = method === "" ? EMPTY_BYTES : encoder.encode(method);
    const metadataBytes = metadata === undefined ? 0 : metadataSize(metadata);
    const size = 1 + varintSize(id) + bytesSize(name.length) + numberSize(methodRef) +
      bytesSize(payload.length) + numberSize(timeoutMs) + metadataBytes;
    const fields = this.#fields;
    fields.reserve(size + 6);
    fields.byte(0x0a);
    fields.varint(size);
    fields.byte(0x08);
    fields.varint(id);
    if (name.length > 0) {
      fields.byte(0x12);
      fields.varint(name.length);
      fields.raw(name);
    }
    if (methodRef !== 0) {
      fields.byte(0x18);
      fields.varint(methodRef);
    }
    if (payload.length > 0) {
      fields.byte(0x22);
      fields.varint(payload.length);
      fields.raw(payload);
    }
    if (timeoutMs !== 0) {
      fields.byte(0x28);
      fields.varint(timeoutMs);
    }
    if (metadataBytes !== 0) fields.metadata(0x32, metadata!);
  }

  /** Adds the id of a cancelled call. */
  cancel(id: number): void {
    const fields = this.#fields;
    fields.reserve(6);
    // The field is not packed, because ids are added one at a time; proto3 readers must accept both forms.
    fields.byte(0x10);
    fields.varint(id);
  }

  /** Adds the largest reply payload accepted, 1 to 4,294,967,295 bytes. */
  maxReplyBytes(count: number): void {
    const fields = this.#fields;
    fields.reserve(6);
    fields.byte(0x18);
    fields.varint(count);
  }
}

/** Writes `ExchangeResponse` messages of proto/vrpc/v1/batch.proto. */
export class BatchResponseWriter {
  readonly #fields = new FieldWriter();

  /** Bytes written since the last `take`. */
  get byteLength(): number {
    return this.#fields.byteLength;
  }

  /** Returns the message so far and starts a new one. The caller owns the result. */
  take(): Uint8Array {
    return this.#fields.take();
  }

  /** Adds a reply with status OK. `payload` is copied. */
  ok(id: number, payload: Uint8Array, headers?: Metadata, trailers?: Metadata): void {
    this.reply(id, 0, "", payload, headers, trailers);
  }

  /** Adds a reply; see `BatchResponseSink.onReply` for the arguments. `payload` is copied. */
  reply(
    id: number,
    code: number,
    message: string,
    payload: Uint8Array,
    headers?: Metadata,
    trailers?: Metadata,
  ): void {
    const text = message === "" ? EMPTY_BYTES : encoder.encode(message);
    const headerBytes = headers === undefined ? 0 : metadataSize(headers);
    const trailerBytes = trailers === undefined ? 0 : metadataSize(trailers);
    const size = 1 + varintSize(id) + bytesSize(payload.length) + numberSize(code) +
      bytesSize(text.length) + headerBytes + trailerBytes;
    const fields = this.#fields;
    fields.reserve(size + 6);
    fields.byte(0x0a);
    fields.varint(size);
    fields.byte(0x08);
    fields.varint(id);
    if (payload.length > 0) {
      fields.byte(0x12);
      fields.varint(payload.length);
      fields.raw(payload);
    }
    if (code !== 0) {
      fields.byte(0x18);
      fields.varint(code);
    }
    if (text.length > 0) {
      fields.byte(0x22);
      fields.varint(text.length);
      fields.raw(text);
    }
    if (headerBytes !== 0) fields.metadata(0x2a, headers!);
    if (trailerBytes !== 0) fields.metadata(0x32, trailers!);
  }

  /** Adds how many calls the server runs at once, 1 to 4,294,967,295. */
  maxCalls(count: number): void {
    const fields = this.#fields;
    fields.reserve(6);
    fields.byte(0x10);
    fields.varint(count);
  }
}

function varintSize(value: number): number {
  return value < 0x80
    ? 1
    : value < 0x4000
    ? 2
    : value < 0x20_0000
    ? 3
    : value < 0x1000_0000
    ? 4
    : 5;
}

function numberSize(value: number): number {
  return value === 0 ? 0 : 1 + varintSize(value);
}

function bytesSize(length: number): number {
  return length === 0 ? 0 : 1 + varintSize(length) + length;
}

function entrySize(key: string, value: MetadataValue): number {
  return 2 + varintSize(key.length) + key.length + varintSize(value.length) + value.length;
}

function metadataSize(metadata: Metadata): number {
  metadata.checkReadable();
  let size = 0;
  for (const [key, value] of pairsOf(metadata)) {
    const entry = entrySize(key, value);
    size += 1 + varintSize(entry) + entry;
  }
  return size;
}
