/**
 * The messages of the batch stream (proto/vrpc/v1/batch.proto), written and read by hand: straight
 * between buffers and calls, without an object for each message. Both halves of the stream use it.
 *
 * @module
 */

import { Metadata, type MetadataValue } from "../call/metadata.ts";
import { ProtocolError } from "../errors.ts";

/** The method that carries batches. */
export const BATCH_METHOD = "/vrpc.v1.BatchService/Exchange";

/** How many methods a client may abbreviate on one stream; later ones are spelled out each time. */
export const MAX_METHOD_REFS = 1024;

/** The largest reply payload in bytes until the client says otherwise. */
export const DEFAULT_MAX_REPLY_BYTES = 4 * 1024 * 1024;

const EMPTY = new Uint8Array(0);
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Hears what is in an ExchangeRequest. */
export interface BatchRequestSink {
  /**
   * One call. `payload` aliases the message. `methodRef` is 0 or defines (with `method`) or stands for
   * (with an empty `method`) a method. `timeoutMs` is 0 without deadline.
   */
  onCall(
    id: number,
    method: string,
    methodRef: number,
    payload: Uint8Array,
    timeoutMs: number,
    metadata: Metadata | undefined,
  ): void;
  /** The caller gave the call up. */
  onCancel(id: number): void;
  /** The largest reply payload the client takes. */
  onMaxReplyBytes(count: number): void;
}

/** Hears what is in an ExchangeResponse. */
export interface BatchResponseSink {
  /** The end of one call. `payload` aliases the message. */
  onReply(
    id: number,
    code: number,
    message: string,
    payload: Uint8Array,
    headers: Metadata | undefined,
    trailers: Metadata | undefined,
  ): void;
  /** How many calls the server runs at once for this stream. */
  onMaxCalls(count: number): void;
}

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
  /** Adds a call; see {@link BatchRequestSink.onCall} for the arguments. `payload` is copied. */
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

  /** Adds a reply; see {@link BatchResponseSink.onReply} for the arguments. `payload` is copied. */
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

// The reader's place. One set for the module: reading is synchronous and the sinks are called with values
// that have been read whole, but a sink may lead to another read, so it is kept and put back around them.
let input: Uint8Array = EMPTY;
let position = 0;

/** Reads an ExchangeRequest. Throws ProtocolError when it can't be read. */
export function readBatchRequest(message: Uint8Array, sink: BatchRequestSink): void {
  let at = 0;
  while (at < message.length) {
    input = message;
    position = at;
    const tag = readVarint(message.length);
    if (tag === 0x0a) {
      at = readCall(readEnd(message.length), sink);
    } else if (tag === 0x10 || tag === 0x18) {
      const value = readVarint(message.length);
      at = position;
      if (tag === 0x10) sink.onCancel(value);
      else if (value !== 0) sink.onMaxReplyBytes(value);
    } else if (tag === 0x12) {
      const end = readEnd(message.length);
      at = position;
      while (at < end) {
        input = message;
        position = at;
        const id = readVarint(end);
        at = position;
        sink.onCancel(id);
      }
    } else {
      skip(tag, message.length);
      at = position;
    }
  }
}

/** Reads an ExchangeResponse. Throws ProtocolError when it can't be read. */
export function readBatchResponse(message: Uint8Array, sink: BatchResponseSink): void {
  let at = 0;
  while (at < message.length) {
    input = message;
    position = at;
    const tag = readVarint(message.length);
    if (tag === 0x0a) {
      at = readReply(readEnd(message.length), sink);
    } else if (tag === 0x10) {
      const value = readVarint(message.length);
      at = position;
      if (value !== 0) sink.onMaxCalls(value);
    } else {
      skip(tag, message.length);
      at = position;
    }
  }
}

function readCall(end: number, sink: BatchRequestSink): number {
  let id = 0;
  let method = "";
  let methodRef = 0;
  let payload = EMPTY;
  let timeoutMs = 0;
  let metadata: Metadata | undefined;
  while (position < end) {
    const tag = readVarint(end);
    switch (tag) {
      case 0x08:
        id = readVarint(end);
        break;
      case 0x12:
        method = readText(end);
        break;
      case 0x18:
        methodRef = readVarint(end);
        break;
      case 0x22:
        payload = readBytes(end);
        break;
      case 0x28:
        timeoutMs = readVarint(end);
        break;
      case 0x32:
        readEntry(readEnd(end), metadata ??= new Metadata());
        break;
      default:
        skip(tag, end);
    }
  }
  sink.onCall(id, method, methodRef, payload, timeoutMs, metadata);
  return end;
}

function readReply(end: number, sink: BatchResponseSink): number {
  let id = 0;
  let code = 0;
  let text = "";
  let payload = EMPTY;
  let headers: Metadata | undefined;
  let trailers: Metadata | undefined;
  while (position < end) {
    const tag = readVarint(end);
    switch (tag) {
      case 0x08:
        id = readVarint(end);
        break;
      case 0x12:
        payload = readBytes(end);
        break;
      case 0x18:
        code = readVarint(end);
        break;
      case 0x22:
        text = readText(end);
        break;
      case 0x2a:
        readEntry(readEnd(end), headers ??= new Metadata());
        break;
      case 0x32:
        readEntry(readEnd(end), trailers ??= new Metadata());
        break;
      default:
        skip(tag, end);
    }
  }
  sink.onReply(id, code, text, payload, headers, trailers);
  return end;
}

function readEntry(end: number, into: Metadata): void {
  let key = "";
  let value: MetadataValue = "";
  while (position < end) {
    const tag = readVarint(end);
    if (tag === 0x0a) key = readText(end);
    else if (tag === 0x12) value = readText(end);
    else if (tag === 0x1a) value = readBytes(end);
    else skip(tag, end);
  }
  try {
    into.append(key, value);
  } catch (error) {
    throw new ProtocolError("stream", 2, `Cannot read a batch: ${(error as Error).message}`);
  }
}

function readVarint(end: number): number {
  if (position < end) {
    const first = input[position];
    if (first < 128) {
      position++;
      return first;
    }
  }
  let value = 0;
  let scale = 1;
  for (let i = 0; i < 10; i++) {
    if (position >= end) throw malformed("a number is cut off");
    const byte = input[position++];
    value += (byte & 127) * scale;
    if (byte < 128) {
      if (value > 0xffff_ffff) throw malformed(`${value} is over 4294967295`);
      return value;
    }
    scale *= 128;
  }
  throw malformed("a number has over 10 bytes");
}

function readEnd(limit: number): number {
  const length = readVarint(limit);
  const end = position + length;
  if (end > limit) {
    throw malformed(`a field says ${length} bytes, ${limit - position} are left`);
  }
  return end;
}

function readBytes(limit: number): Uint8Array<ArrayBuffer> {
  const end = readEnd(limit);
  const bytes = input.subarray(position, end) as Uint8Array<ArrayBuffer>;
  position = end;
  return bytes;
}

function readText(limit: number): string {
  return decoder.decode(readBytes(limit));
}

function skip(tag: number, limit: number): void {
  switch (tag & 7) {
    case 0:
      readVarintAnySize(limit);
      return;
    case 1:
      position += 8;
      break;
    case 2:
      position = readEnd(limit);
      return;
    case 5:
      position += 4;
      break;
    default:
      throw malformed(`wire type ${tag & 7} is not known`);
  }
  if (position > limit) throw malformed("a field is cut off");
}

function readVarintAnySize(limit: number): void {
  for (let i = 0; i < 10; i++) {
    if (position >= limit) throw malformed("a number is cut off");
    if (input[position++] < 128) return;
  }
  throw malformed("a number has over 10 bytes");
}

function malformed(what: string): ProtocolError {
  return new ProtocolError("stream", 2, `Cannot read a batch: ${what}`);
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
