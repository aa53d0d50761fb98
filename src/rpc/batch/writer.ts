/**
 * Writes the messages of the batch stream, straight from calls and replies into buffers.
 *
 * @module
 */

import type { Metadata, MetadataValue } from "../../call/metadata.ts";

const EMPTY = new Uint8Array(0);
const encoder = new TextEncoder();

/** Gathers one message after another; what `take` gives away is not touched again. */
export class MessageWriter {
  #buffer: Uint8Array = EMPTY;
  #length = 0;
  #lastLength = 256;

  /** How many bytes have gathered. */
  get byteLength(): number {
    return this.#length;
  }

  /** The message so far, then starts a new one. The caller owns the result. */
  take(): Uint8Array {
    const message = this.#buffer.subarray(0, this.#length);
    // The next message will likely be about as long, so its buffer is made once and little is wasted.
    this.#lastLength = this.#length;
    this.#buffer = EMPTY;
    this.#length = 0;
    return message;
  }

  /** Makes room for `count` bytes; they may then be written by the methods below. */
  protected reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#buffer.length) return;
    const size = this.#buffer.length === 0
      ? Math.max(needed, this.#lastLength + (this.#lastLength >>> 2))
      : Math.max(needed, this.#buffer.length * 2);
    const grown = new Uint8Array(size);
    if (this.#length > 0) grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
  }

  /** Writes a byte, after `reserve`. */
  protected byte(value: number): void {
    this.#buffer[this.#length++] = value;
  }

  /** Writes a number of up to 32 bits, after `reserve`. */
  protected varint(value: number): void {
    const buffer = this.#buffer;
    let at = this.#length;
    while (value > 127) {
      buffer[at++] = (value & 127) | 128;
      value >>>= 7;
    }
    buffer[at++] = value;
    this.#length = at;
  }

  /** Writes bytes, after `reserve`. */
  protected raw(bytes: Uint8Array): void {
    const { length } = bytes;
    if (length <= 32) {
      // Cheaper than set() for the few bytes that most calls have.
      const buffer = this.#buffer;
      const at = this.#length;
      for (let i = 0; i < length; i++) buffer[at + i] = bytes[i];
    } else {
      this.#buffer.set(bytes, this.#length);
    }
    this.#length += length;
  }

  /** Writes pairs of metadata, each as a field with `tag`, after `reserve`. */
  protected metadata(tag: number, metadata: Metadata): void {
    for (const [key, value] of metadata) {
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

/** Writes ExchangeRequest messages. */
export class BatchRequestWriter extends MessageWriter {
  /** Adds a call; see `BatchRequestSink.onCall` for the arguments. `payload` is copied. */
  call(
    id: number,
    method: string,
    methodRef: number,
    payload: Uint8Array,
    timeoutMs: number,
    metadata?: Metadata,
  ): void {
    const name = method === "" ? EMPTY : encoder.encode(method);
    const metadataBytes = metadata === undefined ? 0 : metadataSize(metadata);
    const size = 1 + varintSize(id) + bytesSize(name.length) + numberSize(methodRef) +
      bytesSize(payload.length) + numberSize(timeoutMs) + metadataBytes;
    this.reserve(size + 6);
    this.byte(0x0a);
    this.varint(size);
    this.byte(0x08);
    this.varint(id);
    if (name.length > 0) {
      this.byte(0x12);
      this.varint(name.length);
      this.raw(name);
    }
    if (methodRef !== 0) {
      this.byte(0x18);
      this.varint(methodRef);
    }
    if (payload.length > 0) {
      this.byte(0x22);
      this.varint(payload.length);
      this.raw(payload);
    }
    if (timeoutMs !== 0) {
      this.byte(0x28);
      this.varint(timeoutMs);
    }
    if (metadataBytes !== 0) this.metadata(0x32, metadata!);
  }

  /** Adds the id of a call that was given up. */
  cancel(id: number): void {
    this.reserve(6);
    // Unpacked, which proto3 readers must take as well: the ids come one by one.
    this.byte(0x10);
    this.varint(id);
  }

  /** Says how large a reply payload may be, 1 to 4,294,967,295 bytes. */
  maxReplyBytes(count: number): void {
    this.reserve(6);
    this.byte(0x18);
    this.varint(count);
  }
}

/** Writes ExchangeResponse messages. */
export class BatchResponseWriter extends MessageWriter {
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
    const text = message === "" ? EMPTY : encoder.encode(message);
    const headerBytes = headers === undefined ? 0 : metadataSize(headers);
    const trailerBytes = trailers === undefined ? 0 : metadataSize(trailers);
    const size = 1 + varintSize(id) + bytesSize(payload.length) + numberSize(code) +
      bytesSize(text.length) + headerBytes + trailerBytes;
    this.reserve(size + 6);
    this.byte(0x0a);
    this.varint(size);
    this.byte(0x08);
    this.varint(id);
    if (payload.length > 0) {
      this.byte(0x12);
      this.varint(payload.length);
      this.raw(payload);
    }
    if (code !== 0) {
      this.byte(0x18);
      this.varint(code);
    }
    if (text.length > 0) {
      this.byte(0x22);
      this.varint(text.length);
      this.raw(text);
    }
    if (headerBytes !== 0) this.metadata(0x2a, headers!);
    if (trailerBytes !== 0) this.metadata(0x32, trailers!);
  }

  /** Says how many calls run at once, 1 to 4,294,967,295. */
  maxCalls(count: number): void {
    this.reserve(6);
    this.byte(0x10);
    this.varint(count);
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
  let size = 0;
  for (const [key, value] of metadata) {
    const entry = entrySize(key, value);
    size += 1 + varintSize(entry) + entry;
  }
  return size;
}
