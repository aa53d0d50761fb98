/**
 * Messages in DATA, for both sides of a call: a compression flag, 4 bytes of length, the message ("Length-Prefixed-
 * Message" in gRPC's PROTOCOL-HTTP2.md).
 *
 * @module
 */

import { copyMessage } from "../bytes/message_slab.ts";
import { Http2Stream } from "../http2/stream.ts";

const PREFIX_BYTES = 5;
// First allocation for a message, in bytes: the buffer grows with the received bytes, not with the declared length.
const FIRST_ALLOCATION_BYTES = 64;
// Received bytes of a message after which its declared length is allocated at once, if at most half of the pool is used
// then.
const EAGER_ALLOCATION_BYTES = 16_384;
// Prefix buffer shared by all calls, because the scheduler copies it before `sendFramed` returns.
const prefix = new Uint8Array(PREFIX_BYTES);

/** Stream that carries gRPC messages. */
export abstract class GrpcStream extends Http2Stream {
  #have = 0;
  #flag = 0;
  #length = 0;
  #message: Uint8Array | null = null;
  #filled = 0;

  /** Largest message accepted, in bytes. */
  abstract get maxReceiveMessageBytes(): number;
  /** Called with a complete message, which the callee then owns. */
  abstract onFramedMessage(message: Uint8Array, flag: number): void;
  /** Called when the declared length of a message exceeds the limit; nothing more is read from this stream. */
  abstract onMessageTooLarge(length: number): void;

  /** Called when the memory pool has no room for a message; nothing more is read from this stream. */
  abstract onNoMemory(length: number): void;

  onDropped(): void {
    if (this.#message !== null) this.connection.memory.give(this.#message.length);
    this.#message = null;
  }

  /** Whether a message is incomplete: some of its bytes, prefix included, have arrived. */
  get inMessage(): boolean {
    return this.#have > 0;
  }

  onData(buffer: Uint8Array, start: number, end: number): void {
    while (start < end && this.canReceiveMore) {
      if (this.#have === 0 && end - start >= PREFIX_BYTES) {
        // Fast path: the prefix, and often the whole message, is in one piece.
        this.#flag = buffer[start];
        this.#length = (buffer[start + 1] << 24 | buffer[start + 2] << 16 | buffer[start + 3] << 8 |
          buffer[start + 4]) >>> 0;
        start += PREFIX_BYTES;
        if (this.#length > this.maxReceiveMessageBytes) return this.onMessageTooLarge(this.#length);
        if (end - start >= this.#length) {
          const message = copyMessage(buffer, start, start + this.#length);
          start += this.#length;
          this.onFramedMessage(message, this.#flag);
          continue;
        }
        this.#have = PREFIX_BYTES;
      } else if (this.#have < PREFIX_BYTES) {
        start = this.#readPrefix(buffer, start);
        if (this.#have < PREFIX_BYTES) continue;
        if (this.#length > this.maxReceiveMessageBytes) return this.onMessageTooLarge(this.#length);
      }
      start = this.#readMessage(buffer, start, end);
    }
  }

  /** Whether the call still accepts messages; false after its end. */
  abstract get canReceiveMore(): boolean;

  #readPrefix(buffer: Uint8Array, at: number): number {
    const byte = buffer[at];
    if (this.#have === 0) {
      this.#flag = byte;
      this.#length = 0;
    } else {
      this.#length = (this.#length << 8 | byte) >>> 0;
    }
    this.#have++;
    return at + 1;
  }

  #readMessage(buffer: Uint8Array, start: number, end: number): number {
    const part = Math.min(this.#length - this.#filled, end - start);
    let message = this.#message;
    if (message === null || message.length < this.#filled + part) {
      const { memory } = this.connection;
      const held = message === null ? 0 : message.length;
      const wanted = this.#room(this.#filled + part);
      if (!memory.allows(wanted - held)) {
        this.onNoMemory(this.#length);
        return end;
      }
      memory.take(wanted - held);
      const grown = new Uint8Array(wanted);
      if (message !== null) grown.set(message.subarray(0, this.#filled));
      this.#message = message = grown;
    }
    if (part > 0) message.set(buffer.subarray(start, start + part), this.#filled);
    this.#filled += part;
    if (this.#filled === this.#length) {
      const whole = message.length === this.#length ? message : message.slice(0, this.#length);
      this.connection.memory.give(message.length);
      this.#message = null;
      this.#have = this.#filled = 0;
      this.onFramedMessage(whole, this.#flag);
    }
    return start + part;
  }

  // Returns the buffer size for a message of which `arrived` bytes have been received. Allocating the declared length
  // at once saves copies, which take a quarter of the CPU time of 1 MiB messages.
  #room(arrived: number): number {
    const { pool } = this.connection.memory;
    if (arrived >= EAGER_ALLOCATION_BYTES && pool.used + this.#length <= pool.limitBytes / 2) {
      return this.#length;
    }
    return Math.min(this.#length, Math.max(arrived * 2, FIRST_ALLOCATION_BYTES));
  }

  /** Sends one message with its prefix. The engine takes ownership of `message`. */
  sendFramed(message: Uint8Array, compressed: boolean, endStream: boolean): void {
    putPrefix(prefix, 0, compressed, message.length);
    this.connection.sendData(this, prefix, message, endStream);
  }
}

/** Writes a message's prefix at `at`. */
export function putPrefix(
  target: Uint8Array,
  at: number,
  compressed: boolean,
  length: number,
): void {
  target[at] = compressed ? 1 : 0;
  target[at + 1] = length >>> 24;
  target[at + 2] = length >>> 16;
  target[at + 3] = length >>> 8;
  target[at + 4] = length;
}
