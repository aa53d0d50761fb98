/**
 * Readers of the batch stream's messages: fields go straight from the buffer to a sink.
 *
 * @module
 */

import { EMPTY_BYTES, noBytes } from "../../bytes/empty.ts";
import { CAN_MARK_BUFFERS, markAsUntransferable } from "../../bytes/untransferable.ts";
import { Metadata, type MetadataValue } from "../../call/metadata.ts";
import { ProtocolError } from "../../errors.ts";

const decoder = new TextDecoder();

/** Receives the contents of an ExchangeRequest. */
export interface BatchRequestSink {
  /**
   * Receives a call. `payload` may alias the message. With `method`, a `methodRef` other than 0 defines an abbreviation;
   * with an empty `method` it refers to one. `timeoutMs` is 0 without deadline.
   */
  onCall(
    id: number,
    method: string,
    methodRef: number,
    payload: Uint8Array,
    timeoutMs: number,
    metadata: Metadata | undefined,
  ): void;
  /** Receives the cancellation of a call. */
  onCancel(id: number): void;
  /** Receives the largest reply payload that the client accepts, in bytes. */
  onMaxReplyBytes(count: number): void;
}

/** Receives the contents of an ExchangeResponse. */
export interface BatchResponseSink {
  /** Receives the reply and status of a call. `payload` may alias the message. */
  onReply(
    id: number,
    code: number,
    message: string,
    payload: Uint8Array,
    headers: Metadata | undefined,
    trailers: Metadata | undefined,
  ): void;
  /** Receives how many calls the server runs at once for this stream. */
  onMaxCalls(count: number): void;
}

// Buffer and position of the read in progress, module-wide because reads are synchronous. A sink may start another
// read, so both variables are set again after each call of a sink.
let input: Uint8Array = EMPTY_BYTES;
let position = 0;

/** Reads an ExchangeRequest, whose buffer cannot be transferred from then on. Throws ProtocolError if it is malformed. */
export function readBatchRequest(message: Uint8Array, sink: BatchRequestSink): void {
  markAsUntransferable(message.buffer as ArrayBuffer);
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

/** Reads an ExchangeResponse, whose buffer cannot be transferred from then on. Throws ProtocolError if it is malformed. */
export function readBatchResponse(message: Uint8Array, sink: BatchResponseSink): void {
  markAsUntransferable(message.buffer as ArrayBuffer);
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
  let payload = noBytes();
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
        payload = readOwnBytes(end);
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
  let payload = noBytes();
  let headers: Metadata | undefined;
  let trailers: Metadata | undefined;
  while (position < end) {
    const tag = readVarint(end);
    switch (tag) {
      case 0x08:
        id = readVarint(end);
        break;
      case 0x12:
        payload = readOwnBytes(end);
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
    else if (tag === 0x1a) value = readOwnBytes(end);
    else skip(tag, end);
  }
  // As on HTTP/2, metadata entries that `Metadata.append` would refuse are dropped.
  into.appendReceived(key.toLowerCase(), value);
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
      if (value > 0xffff_ffff) throw malformed(`the number ${value} exceeds 4294967295`);
      return value;
    }
    scale *= 128;
  }
  throw malformed("a number has more than 10 bytes");
}

function readEnd(limit: number): number {
  const length = readVarint(limit);
  const end = position + length;
  if (end > limit) {
    throw malformed(`a field has ${length} bytes, ${limit - position} are left`);
  }
  return end;
}

function readBytes(limit: number): Uint8Array<ArrayBuffer> {
  const end = readEnd(limit);
  const bytes = input.subarray(position, end) as Uint8Array<ArrayBuffer>;
  position = end;
  return bytes;
}

/** Reads bytes for an application, whose transfer to a worker must not detach those of other calls. */
function readOwnBytes(limit: number): Uint8Array<ArrayBuffer> {
  const bytes = readBytes(limit);
  return CAN_MARK_BUFFERS ? bytes : bytes.slice();
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
      throw malformed(`wire type ${tag & 7} is unknown`);
  }
  if (position > limit) throw malformed("a field is cut off");
}

function readVarintAnySize(limit: number): void {
  for (let i = 0; i < 10; i++) {
    if (position >= limit) throw malformed("a number is cut off");
    if (input[position++] < 128) return;
  }
  throw malformed("a number has more than 10 bytes");
}

function malformed(what: string): ProtocolError {
  return new ProtocolError("stream", 2, `Cannot read a batch: ${what}`);
}
