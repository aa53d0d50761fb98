/**
 * A growing output buffer that frames are written straight into.
 *
 * @module
 */

import { acquireBuffer, releaseBuffer } from "./pool.ts";

const EMPTY = new Uint8Array(0);
const utf8 = new TextEncoder();

/** Appends big-endian numbers, bytes and text; the driver takes what has gathered in one piece. */
export class ByteWriter {
  /** The buffer; bytes 0 to `length` are valid. Engines may write into it after `reserve`. */
  buffer: Uint8Array<ArrayBuffer> = EMPTY;
  /** How many bytes have gathered. */
  length = 0;
  /** How often what had gathered was taken away: while it stays, earlier positions still hold. */
  taken = 0;

  /** Makes room for `count` more bytes behind `length`. Call it before writing into `buffer` directly. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.buffer.length) return;
    // Twice as much each time, or 1 MiB more: growing by what is needed would copy it all for every frame.
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

  /** Appends 16 bits. */
  u16(value: number): void {
    this.reserve(2);
    const { buffer, length } = this;
    buffer[length] = value >>> 8;
    buffer[length + 1] = value;
    this.length = length + 2;
  }

  /** Appends 32 bits. */
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

  /** Appends text as UTF-8; returns how many bytes it took. */
  text(value: string): number {
    this.reserve(value.length * 3);
    const { written } = utf8.encodeInto(value, this.buffer.subarray(this.length));
    this.length += written;
    return written;
  }

  /** A view of what has gathered; valid until the next write. */
  view(): Uint8Array<ArrayBuffer> {
    return this.buffer.subarray(0, this.length);
  }

  /**
   * Takes the whole buffer away, with `length` bytes of it valid, and starts anew without one. The caller
   * gives it back with `releaseBuffer` when it has been sent.
   */
  take(): { buffer: Uint8Array<ArrayBuffer>; length: number } {
    this.taken++;
    const taken = { buffer: this.buffer, length: this.length };
    this.buffer = EMPTY;
    this.length = 0;
    return taken;
  }

  /** Forgets what has gathered and gives the buffer back. */
  clear(): void {
    this.taken++;
    releaseBuffer(this.buffer);
    this.buffer = EMPTY;
    this.length = 0;
  }
}
