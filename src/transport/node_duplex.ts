/**
 * A {@link ByteStream} as a Node duplex stream, for node:tls to run inside it.
 *
 * @module
 */

import process from "node:process";
import { Duplex } from "node:stream";
import { acquireBuffer, releaseBuffer } from "../bytes/pool.ts";
import { systemTurns } from "../event_loop/turns.ts";
import type { ByteStream } from "./types.ts";

// What an idle stream waits with, and what a busy one reads with. node:tls
// keeps memory for the largest piece that it was given until the connection's objects are collected, and takes twice
// as long for a message of 1 MiB in pieces of 64 KiB.
const IDLE_READ_BYTES = 4096;
const BUSY_READ_BYTES = 16384;

/** A ByteStream as a Node duplex stream. Its `data` is good until the listener returns: node:tls copies it. */
export class ByteStreamDuplex extends Duplex {
  readonly #inner: ByteStream;
  #readBytes = IDLE_READ_BYTES;
  #held = false;
  #wanted = false;
  #begun = false;
  /**
   * Whether what was read waits for its turn of the event loop: a server's step of a handshake is half a millisecond
   * of work, and many may be due at once, before the small calls of open connections. Default false.
   */
  readsInTurn = false;
  /** Why the inner stream broke, when it did: Node's TLS replaces this by an error of its own. */
  failure: unknown;

  /** Wraps `inner`, which from then on belongs to this stream. */
  constructor(inner: ByteStream) {
    super({ allowHalfOpen: true });
    this.#inner = inner;
  }

  /** Stops reading from the inner stream, or goes on: node:tls reads on when its socket is paused. */
  hold(held: boolean): void {
    this.#held = held;
    if (held || !this.#wanted) return;
    this.#wanted = false;
    this._read();
  }

  override _read(): void {
    if (this.#held) {
      this.#wanted = true;
      return;
    }
    const buffer = acquireBuffer(this.#readBytes);
    const reading = this.readsInTurn ? this.#readInTurn(buffer) : this.#inner.read(buffer);
    reading.then((count) => {
      if (this.destroyed || count === null) {
        releaseBuffer(buffer);
        if (!this.destroyed) this.push(null);
        return;
      }
      if (count === buffer.length) this.#readBytes = Math.min(count * 4, BUSY_READ_BYTES);
      else if (count <= buffer.length / 4) {
        this.#readBytes = Math.max(buffer.length / 4, IDLE_READ_BYTES);
      }
      this.push(buffer.subarray(0, count));
      // What isn't kept here for a paused reader was taken by the listener.
      if (this.readableLength === 0) releaseBuffer(buffer);
    }, (error) => {
      releaseBuffer(buffer);
      this.#fail(error);
    });
  }

  async #readInTurn(buffer: Uint8Array): Promise<number | null> {
    const count = await this.#inner.read(buffer);
    await systemTurns.nextTurn();
    // The first step, with the key exchange and the signature, is most of a handshake.
    if (!this.#begun) systemTurns.forcePollBeforeNextTurn();
    this.#begun = true;
    return count;
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error) => void): void {
    this.#writeAll(chunk).then(() => done(), (error) => {
      this.failure ??= error;
      done(error);
    });
  }

  async #writeAll(chunk: Uint8Array): Promise<void> {
    let sent = await this.#inner.write(chunk);
    while (sent < chunk.length) sent += await this.#inner.write(chunk.subarray(sent));
  }

  override _final(done: (error?: Error) => void): void {
    this.#inner.closeWrite().then(() => done(), done);
  }

  /** Destroys a moment later than asked: TLS hands over its last alert right after asking. */
  override destroy(error?: Error): this {
    process.nextTick(() => super.destroy(error));
    return this;
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#inner.close();
    done(error);
  }

  #fail(error: Error): void {
    if (this.destroyed) return;
    this.failure ??= error;
    super.destroy(error);
  }
}
