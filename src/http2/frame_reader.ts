/**
 * Cuts received bytes into frames (RFC 9113 §4.1). DATA is passed on as it arrives; the payload of any other frame, at
 * most `maxFrameBytes`, is gathered first.
 *
 * @module
 */

import { EMPTY_BYTES } from "../bytes/empty.ts";
import { Flag, FRAME_HEADER_BYTES, FrameType } from "./constants.ts";

/** Handles all frames except DATA. Buffers are only valid during the call. */
export interface FrameHandler {
  /** Called when a frame header announces a length above `maxFrameBytes`. */
  onOversizedFrame(length: number): void;
  /** Called when a frame is complete; its payload is `start` to `end` of `buffer`. */
  onFrame(
    type: number,
    flags: number,
    streamId: number,
    buffer: Uint8Array,
    start: number,
    end: number,
  ): void;
}

/** Handles DATA in parts, as it arrives. Buffers are only valid during the call. */
export interface DataHandler {
  /** Called when a DATA frame begins; `length` is that of its whole payload, padding included. */
  onDataBegin(flags: number, streamId: number, length: number): void;
  /** Called for each part of the frame's data, without padding. */
  onDataPart(buffer: Uint8Array, start: number, end: number): void;
  /** Called when the padding is not shorter than the payload, a connection error (RFC 9113 §6.1). */
  onBadPadding(): void;
  /** Called when the frame's last octet, padding included, has arrived. */
  onDataEnd(): void;
}

/** The reader's state between chunks. */
export class FrameReader {
  /** Whether all further bytes are ignored. */
  stopped = false;
  // Received bytes of an incomplete frame: its header and, except for DATA, its payload.
  #partial: Uint8Array = EMPTY_BYTES;
  #partialLength = 0;
  // State of an incomplete DATA frame: octets of data and of padding still to come.
  #inData = false;
  #dataLeft = 0;
  #padLeft = 0;
  #padUnknown = false;

  /** `maxFrameBytes` is this side's SETTINGS_MAX_FRAME_SIZE. */
  constructor(
    readonly frames: FrameHandler,
    readonly data: DataHandler,
    readonly maxFrameBytes: number,
  ) {}

  /** Size of the buffer that holds an incomplete frame, in bytes. */
  get bufferedBytes(): number {
    return this.#partial.length;
  }

  /** Ignores all further bytes and drops an incomplete frame. Handlers may call it. */
  stop(): void {
    this.stopped = true;
    this.#partial = EMPTY_BYTES;
    this.#partialLength = 0;
  }

  /** Reads received bytes and calls the handlers for every frame, or part of DATA, in them. */
  feed(chunk: Uint8Array): void {
    const end = chunk.length;
    let at = 0;
    if (this.#partialLength > 0) at = this.#complete(chunk);
    while (at < end && !this.stopped) {
      if (this.#inData) {
        at = this.#data(chunk, at);
        continue;
      }
      if (end - at < FRAME_HEADER_BYTES) return this.#keep(chunk, at, FRAME_HEADER_BYTES);
      const length = chunk[at] << 16 | chunk[at + 1] << 8 | chunk[at + 2];
      if (length > this.maxFrameBytes) return this.frames.onOversizedFrame(length);
      const type = chunk[at + 3];
      if (type !== FrameType.DATA && end - at < FRAME_HEADER_BYTES + length) {
        return this.#keep(chunk, at, FRAME_HEADER_BYTES + length);
      }
      at = this.#frame(chunk, at, length, type);
    }
  }

  // Passes on the frame whose header is at `at`; except for DATA, its payload is complete.
  #frame(buffer: Uint8Array, at: number, length: number, type: number): number {
    const flags = buffer[at + 4];
    const id = (buffer[at + 5] & 0x7f) << 24 | buffer[at + 6] << 16 | buffer[at + 7] << 8 |
      buffer[at + 8];
    const start = at + FRAME_HEADER_BYTES;
    if (type !== FrameType.DATA) {
      this.frames.onFrame(type, flags, id, buffer, start, start + length);
      return start + length;
    }
    this.data.onDataBegin(flags, id, length);
    if (this.stopped) return start;
    this.#inData = true;
    this.#dataLeft = length;
    this.#padLeft = 0;
    this.#padUnknown = (flags & Flag.PADDED) !== 0;
    if (length === 0 && !this.#padUnknown) {
      this.#inData = false;
      this.data.onDataEnd();
      return start;
    }
    if (length === 0) this.data.onBadPadding();
    return start;
  }

  #data(chunk: Uint8Array, at: number): number {
    if (this.#padUnknown) {
      this.#padUnknown = false;
      this.#dataLeft--;
      this.#padLeft = chunk[at++];
      if (this.#padLeft > this.#dataLeft) {
        this.data.onBadPadding();
        return at;
      }
      this.#dataLeft -= this.#padLeft;
    }
    const part = Math.min(this.#dataLeft, chunk.length - at);
    if (part > 0) {
      this.#dataLeft -= part;
      this.data.onDataPart(chunk, at, at + part);
      at += part;
    }
    if (this.#dataLeft === 0) {
      const padding = Math.min(this.#padLeft, chunk.length - at);
      this.#padLeft -= padding;
      at += padding;
      if (this.#padLeft === 0) {
        this.#inData = false;
        if (!this.stopped) this.data.onDataEnd();
      }
    }
    return at;
  }

  #keep(chunk: Uint8Array, at: number, needed: number): void {
    if (this.#oversized(chunk, at, chunk.length - at)) return;
    // Allocates the whole frame once its length is known (at most `maxFrameBytes`), so that its payload is copied once.
    this.#partial = new Uint8Array(needed);
    this.#partial.set(chunk.subarray(at));
    this.#partialLength = chunk.length - at;
  }

  // Checks the frame length as soon as its 3 bytes have arrived: a peer of another protocol may send little more.
  #oversized(buffer: Uint8Array, at: number, available: number): boolean {
    if (available < 3) return false;
    const length = buffer[at] << 16 | buffer[at + 1] << 8 | buffer[at + 2];
    if (length <= this.maxFrameBytes) return false;
    this.frames.onOversizedFrame(length);
    return true;
  }

  #complete(chunk: Uint8Array): number {
    let at = this.#fill(chunk, 0, FRAME_HEADER_BYTES);
    const p = this.#partial;
    if (this.#oversized(p, 0, this.#partialLength)) return chunk.length;
    if (this.#partialLength < FRAME_HEADER_BYTES) return at;
    const length = p[0] << 16 | p[1] << 8 | p[2];
    const type = p[3];
    if (type !== FrameType.DATA) {
      at = this.#fill(chunk, at, FRAME_HEADER_BYTES + length);
      if (this.#partialLength < FRAME_HEADER_BYTES + length) return at;
    }
    const whole = this.#partial;
    this.#partial = EMPTY_BYTES;
    this.#partialLength = 0;
    this.#frame(whole, 0, length, type);
    return at;
  }

  #fill(chunk: Uint8Array, at: number, needed: number): number {
    if (this.#partial.length < needed) {
      const grown = new Uint8Array(needed);
      grown.set(this.#partial.subarray(0, this.#partialLength));
      this.#partial = grown;
    }
    const part = Math.min(Math.max(0, needed - this.#partialLength), chunk.length - at);
    this.#partial.set(chunk.subarray(at, at + part), this.#partialLength);
    this.#partialLength += part;
    return at + part;
  }
}
