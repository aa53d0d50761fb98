/**
 * Writes of one connection: from its engine to its byte stream.
 *
 * Output of one turn is coalesced into one write; output produced meanwhile into the next.
 *
 * @module
 */

import { releaseBuffer } from "../../bytes/pool.ts";
import type { ConnectionEngine } from "../../call/wire.ts";
import { TURN_BYTES, type TurnScheduler } from "../../event_loop/turns.ts";
import type { ByteStream } from "../../transport/types.ts";
import type { ConnectionIo } from "./connection_io.ts";
import { StallWatch, type StallWatchOwner } from "./stall_watch.ts";

// Writes of at least this size, in bytes, are followed by a turn's wait while the turn scheduler polls sockets.
const SMALL_WRITE_BYTES = 4_096;
// Output below this size, in bytes, that was produced during a write waits one turn to be coalesced with more.
const COALESCE_BYTES = 16_384;

/** Connection interface used by its writer. */
export interface WriterOwner {
  /** Whether the byte stream was closed. */
  readonly closed: boolean;
  /** Called after the stream has accepted all bytes of one write. */
  onDrained(): void;
  /** Called when all output was written, unless the connection was closed. */
  onWritten(): void;
  /** Closes the connection. */
  close(reason: string, error?: Error): void;
  /** Called when a write has failed; nothing more is written. */
  onWriteFailed(error: unknown): void;
  /** Closes the connection because the engine has thrown. */
  fail(error: unknown): void;
}

/** Writes the output of one connection. */
export class ConnectionWriter implements StallWatchOwner {
  readonly #owner: WriterOwner;
  readonly #stream: ByteStream;
  readonly #engine: ConnectionEngine;
  readonly #turns: TurnScheduler;
  readonly #stallTimeoutMs: number;
  readonly #stall: StallWatch;
  #writing = false;

  /** Closes the connection when a write accepts no byte for `stallTimeoutMs`. */
  constructor(owner: WriterOwner, io: ConnectionIo, stallTimeoutMs: number) {
    this.#owner = owner;
    this.#stream = io.stream;
    this.#engine = io.engine;
    this.#turns = io.turns;
    this.#stallTimeoutMs = stallTimeoutMs;
    this.#stall = new StallWatch(this, io.clock, stallTimeoutMs);
  }

  /** Whether output is being written. False once the connection is closed. */
  get writing(): boolean {
    return this.#writing && !this.#owner.closed;
  }

  /** Writes until the engine has no more output. Must not be called while `writing`. */
  start(): void {
    this.#writing = true;
    this.#run();
  }

  /** Discards the output of a closed connection; during a write, output is discarded when the write ends. */
  close(): void {
    this.#stall.stop();
    if (!this.#writing) this.#clear();
  }

  /** Closes the connection, because a write has accepted no byte for the stall timeout. */
  onStall(): void {
    this.#owner.close(`The peer read nothing for ${this.#stallTimeoutMs} ms`);
  }

  async #run(): Promise<void> {
    let turnBytes = 0;
    let sending = false;
    try {
      const { out } = this.#engine;
      while (out.length > 0 && !this.#owner.closed) {
        const { buffer, length } = out.take();
        try {
          let sent = 0;
          while (sent < length) {
            this.#stall.onWrite();
            sending = true;
            sent += await this.#stream.write(buffer.subarray(sent, length));
            sending = false;
          }
          out.accepted = out.taken;
          turnBytes += length;
        } finally {
          releaseBuffer(buffer);
        }
        if (turnBytes >= TURN_BYTES || this.#turns.isPolling() && length >= SMALL_WRITE_BYTES) {
          turnBytes = 0;
          await this.#turns.nextTurn();
        }
        if (this.#owner.closed) break;
        this.#owner.onDrained();
        // Handlers and callers often produce more output before the next turn, which then shares a write with this.
        if (out.length > 0 && out.length < COALESCE_BYTES) await this.#turns.nextMacrotask();
      }
    } catch (error) {
      if (sending) this.#owner.onWriteFailed(error);
      else this.#owner.fail(error);
    }
    this.#writing = false;
    if (this.#owner.closed) this.#clear();
    else this.#owner.onWritten();
  }

  #clear(): void {
    try {
      this.#engine.out.clear();
    } catch (error) {
      this.#owner.fail(error);
    }
  }
}
