/**
 * Growing output buffer, into which frames are written directly.
 *
 * @module
 */

import { EMPTY_BYTES } from "./empty.ts";
import { acquireBuffer, releaseBuffer } from "./pool.ts";

const utf8 = new TextEncoder();

/** Appends big-endian numbers, bytes and text; the driver takes the whole buffer at once. */
export class ByteWriter {
  /** Buffer, valid from 0 to `length`. Engines may write into it after `reserve`. */
  buffer: Uint8Array<ArrayBuffer> = EMPTY_BYTES;
  /** Number of valid bytes. */
  length = 0;
  /** Number of times that the contents were taken; offsets into `buffer` are valid while it is unchanged. */
  taken = 0;
  /** Value of `taken` at the last time all taken bytes had been accepted by the socket. Set by the driver. */
  accepted = 0;

  /** Ensures room for `count` bytes after `length`. Call it before writing into `buffer` directly. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.buffer.length) return;
    // Doubles the buffer, or adds 1 MiB if that is less: growing it by `count` alone would copy everything for every
    // frame.
    const { length } = this.buffer;
    const grown = acquireBuffer(Math.max(needed, Math.min(length * 2, length + 1_048_576), 4096));
    if (this.length > 0) grown.set(this.buffer.subarray(0, this.length));
    releaseBuffer(this.buffer);
    this.buffer = grown;
  }

  /** Appends one byte. */
  u8(value: number): void {
    this.reserve(1);
    this.buffer[this.length++] = value;
  }

  /** Appends a 16-bit integer, big-endian. */
  u16(value: number): void {
    this.reserve(2);
    const { buffer, length } = this;
    buffer[length] = value >>> 8;
    buffer[length + 1] = value;
    this.length = length + 2;
  }

  /** Appends a 32-bit integer, big-endian. */
  u32(value: number): void {
    this.reserve(4);
    const { buffer, length } = this;
    buffer[length] = value >>> 24;
    buffer[length + 1] = value >>> 16;
    buffer[length + 2] = value >>> 8;
    buffer[length + 3] = value;
    this.length = length + 4;
  }

  /** Appends a copy of `source`. */
  bytes(source: Uint8Array): void {
    this.reserve(source.length);
    this.buffer.set(source, this.length);
    this.length += source.length;
  }

  /** Appends text as UTF-8; returns its length in bytes. */
  text(value: string): number {
    this.reserve(value.length * 3);
    const { written } = utf8.encodeInto(value, this.buffer.subarray(this.length));
    this.length += written;
    return written;
  }

  /** View of the valid bytes. The view is valid until the next write. */
  view(): Uint8Array<ArrayBuffer> {
    return this.buffer.subarray(0, this.length);
  }

  /**
   * Takes the buffer, of which `length` bytes are valid, and leaves the writer empty. The caller returns the buffer
   * with `releaseBuffer` once its bytes are sent.
   */
  take(): { buffer: Uint8Array<ArrayBuffer>; length: number } {
    this.taken++;
    const taken = { buffer: this.buffer, length: this.length };
    this.buffer = EMPTY_BYTES;
    this.length = 0;
    return taken;
  }

  /** Drops the contents and releases the buffer. */
  clear(): void {
    this.taken++;
    releaseBuffer(this.buffer);
    this.buffer = EMPTY_BYTES;
    this.length = 0;
  }
}
