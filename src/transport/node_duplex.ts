/**
 * {@link ByteStream}s as Node duplex streams, for node:tls.
 *
 * @module
 */

import process from "node:process";
import { Duplex } from "node:stream";
import { acquireBuffer, releaseBuffer } from "../bytes/pool.ts";
import { systemTurns } from "../event_loop/turns.ts";
import type { PeerInfo } from "../call/wire.ts";
import type { Carrier } from "./tls_stream.ts";
import type { ByteStream } from "./types.ts";

// Read sizes of idle and busy streams. node:tls keeps memory for the largest piece it has received until the
// connection is collected, and takes twice as long for a message of 1 MiB in pieces of 64 KiB.
const IDLE_READ_BYTES = 4096;
const BUSY_READ_BYTES = 16384;

/**
 * Adapts a ByteStream to a Node duplex stream, for node:tls. Chunks of `data` events are valid only until the listener
 * returns, because their buffers are reused; node:tls copies them.
 */
export class ByteStreamDuplex extends Duplex implements Carrier {
  readonly #inner: ByteStream;
  #readBytes = IDLE_READ_BYTES;
  #held = false;
  #wanted = false;
  #begun = false;
  /**
   * Whether reads wait for a turn of the event loop. True during a server's handshakes: each of their steps takes half
   * a millisecond, and many at once would delay the calls of open connections. Default false.
   */
  readsInTurn = false;
  /** Error of the inner stream, which node:tls replaces by one of its own. */
  failure: unknown;

  /** Takes over `inner`. */
  constructor(inner: ByteStream) {
    super({ allowHalfOpen: true });
    this.#inner = inner;
  }

  get peer(): PeerInfo {
    return this.#inner.peer;
  }

  get localAddress(): string {
    return this.#inner.localAddress;
  }

  /** Closes the inner stream at once. */
  close(): void {
    this.#inner.close();
  }

  /** Lets the process exit while the inner stream is open. */
  unref(): void {
    this.#inner.unref?.();
  }

  /** Pauses or resumes reads of the inner stream: node:tls continues to read while its socket is paused. */
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
      // If nothing is queued, the `data` listener has copied the bytes, so the buffer can be reused.
      if (this.readableLength === 0) releaseBuffer(buffer);
    }, (error) => {
      releaseBuffer(buffer);
      this.#fail(error);
    });
  }

  async #readInTurn(buffer: Uint8Array): Promise<number | null> {
    const count = await this.#inner.read(buffer);
    await systemTurns.nextTurn();
    // The first step has most of a handshake's work, key exchange and signature, so sockets are polled before the next
    // turn.
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

  /** Destroys the stream on the next tick: TLS writes its last alert after this call. */
  override destroy(error?: Error): this {
    process.nextTick(() => super.destroy(error));
    return this;
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#inner.close();
    done(error);
  }

  /** Resolves once the inner stream was closed and is released. */
  async released(): Promise<void> {
    if (!this.closed) await new Promise<void>((resolve) => this.once("close", () => resolve()));
    await this.#inner.released?.();
  }

  #fail(error: Error): void {
    if (this.destroyed) return;
    this.failure ??= error;
    super.destroy(error);
  }
}
