/**
 * Envelopes in a body: one byte of flags, 4 bytes of length, the message (gRPC's Length-Prefixed-Message; Connect,
 * "Streaming RPCs").
 *
 * @module
 */

import { copyMessage } from "../bytes/message_slab.ts";
import type { MemoryShare } from "../limits/memory_pool.ts";

/** Flag of a compressed message, in all protocols. */
export const COMPRESSED_FLAG = 0x01;
/** Flag of the last envelope of a Connect stream, which holds its error and trailers. */
export const END_STREAM_FLAG = 0x02;
/** Flag of the trailers of a gRPC-Web call. */
export const TRAILER_FLAG = 0x80;
/** Size of flags and length, in bytes. */
export const PREFIX_BYTES = 5;

// First allocation for a message, in bytes: the buffer grows with the received bytes, not with the declared length.
const FIRST_ALLOCATION_BYTES = 64;

/** Receives the envelopes of an {@link EnvelopeReader}. */
export interface EnvelopeSink {
  /** Called with the contents of a complete envelope, which the callee then owns. */
  onEnvelope(message: Uint8Array, flags: number): void;
  /** Called when an envelope declares more bytes than allowed; nothing more is read. */
  onTooLarge(bytes: number): void;
  /** Called when there is no memory for an envelope; nothing more is read. */
  onNoMemory(bytes: number): void;
}

/** Cuts envelopes from a body that arrives in parts. */
export class EnvelopeReader {
  readonly #sink: EnvelopeSink;
  readonly #maxBytes: number;
  readonly #memory: MemoryShare;
  #have = 0;
  #flags = 0;
  #length = 0;
  #message: Uint8Array | null = null;
  #filled = 0;
  #stopped = false;

  /** Accepts envelopes of at most `maxBytes` bytes; those that are incomplete count in `memory`. */
  constructor(sink: EnvelopeSink, maxBytes: number, memory: MemoryShare) {
    this.#sink = sink;
    this.#maxBytes = maxBytes;
    this.#memory = memory;
  }

  /** Whether an envelope is incomplete: some of its bytes, prefix included, have arrived. */
  get inEnvelope(): boolean {
    return this.#have > 0;
  }

  /** Drops an incomplete envelope and reads nothing more. Idempotent. */
  stop(): void {
    this.#stopped = true;
    if (this.#message !== null) this.#memory.give(this.#message.length);
    this.#message = null;
  }

  /** Reads `buffer` from `start` to `end`, which is only valid during the call. */
  receive(buffer: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end && !this.#stopped) {
      if (this.#have < PREFIX_BYTES) {
        const byte = buffer[at++];
        if (this.#have === 0) {
          this.#flags = byte;
          this.#length = 0;
        } else {
          this.#length = (this.#length << 8 | byte) >>> 0;
        }
        if (++this.#have < PREFIX_BYTES) continue;
        if (this.#length > this.#maxBytes) {
          this.stop();
          return this.#sink.onTooLarge(this.#length);
        }
        if (end - at >= this.#length) {
          const message = copyMessage(buffer, at, at + this.#length);
          at += this.#length;
          this.#have = 0;
          this.#sink.onEnvelope(message, this.#flags);
        }
      } else {
        at = this.#fill(buffer, at, end);
      }
    }
  }

  #fill(buffer: Uint8Array, start: number, end: number): number {
    const part = Math.min(this.#length - this.#filled, end - start);
    const message = this.#reserve(this.#filled + part);
    if (message === null) {
      this.stop();
      this.#sink.onNoMemory(this.#length);
      return end;
    }
    message.set(buffer.subarray(start, start + part), this.#filled);
    this.#filled += part;
    if (this.#filled === this.#length) {
      const whole = message.length === this.#length ? message : message.slice(0, this.#length);
      this.#memory.give(message.length);
      this.#message = null;
      this.#have = this.#filled = 0;
      this.#sink.onEnvelope(whole, this.#flags);
    }
    return start + part;
  }

  /** Returns a buffer with room for `bytes` of the message; null if the memory does not allow it. */
  #reserve(bytes: number): Uint8Array | null {
    const message = this.#message;
    const held = message === null ? 0 : message.length;
    if (message !== null && held >= bytes) return message;
    const wanted = Math.min(this.#length, Math.max(bytes * 2, FIRST_ALLOCATION_BYTES));
    if (!this.#memory.tryTake(wanted - held)) return null;
    const grown = new Uint8Array(wanted);
    if (message !== null) grown.set(message.subarray(0, this.#filled));
    return this.#message = grown;
  }
}

/** Writes flags and length of an envelope at `at`. */
export function putEnvelopePrefix(
  target: Uint8Array,
  at: number,
  flags: number,
  length: number,
): void {
  target[at] = flags;
  target[at + 1] = length >>> 24;
  target[at + 2] = length >>> 16;
  target[at + 3] = length >>> 8;
  target[at + 4] = length;
}

/** Returns an envelope with a copy of `message`. */
export function envelope(message: Uint8Array, flags: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(PREFIX_BYTES + message.length);
  putEnvelopePrefix(bytes, 0, flags, message.length);
  bytes.set(message, PREFIX_BYTES);
  return bytes;
}
