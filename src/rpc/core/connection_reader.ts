/**
 * Reads of one connection: from its byte stream into its engine, in fair shares of the event loop.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import type { ConnectionEngine } from "../../call/wire.ts";
import { textOf, toError } from "../../errors.ts";
import { TURN_BYTES, type TurnScheduler } from "../../event_loop/turns.ts";
import type { ByteStream } from "../../transport/types.ts";
import type { ConnectionIo } from "./connection_io.ts";
import { ReadBuffer, SMALL_READ_BYTES } from "./read_buffer.ts";
import { SliceLength } from "./read_slices.ts";
import { ReadThrottle } from "./read_throttle.ts";

/** Connection interface used by its reader. */
export interface ReaderOwner {
  /** Whether the byte stream was closed. */
  readonly closed: boolean;
  /** Whether all output was written and the connection waits for its peer's end. Input is then discarded. */
  readonly lingering: boolean;
  /** Called after the engine has received bytes. */
  onInput(): void;
  /** Called for input that is discarded, with its number of bytes. */
  onDiscarded(count: number): void;
  /** Closes the connection. */
  close(reason: string, error?: Error): void;
  /** Closes the connection because the engine has thrown. */
  fail(error: unknown): void;
}

/** Reads one connection until it is closed. */
export class ConnectionReader {
  readonly #owner: ReaderOwner;
  readonly #stream: ByteStream;
  readonly #engine: ConnectionEngine;
  readonly #clock: Clock;
  readonly #turns: TurnScheduler;
  readonly #deferClose: boolean;
  readonly #buffer = new ReadBuffer();
  // `#slice` and `#throttle` are created on first use: few connections have long reads or are throttled.
  #slice: SliceLength | null = null;
  #throttle: ReadThrottle | null = null;
  #turnBytes = 0;
  #endPause: (() => void) | null = null;

  /** Reads once `run` is called. With `deferClose`, end of stream is handled in a later turn of the event loop. */
  constructor(owner: ReaderOwner, io: ConnectionIo, deferClose: boolean) {
    this.#owner = owner;
    this.#stream = io.stream;
    this.#engine = io.engine;
    this.#clock = io.clock;
    this.#turns = io.turns;
    this.#deferClose = deferClose;
  }

  /** Reads until the connection is closed. Never rejects. */
  async run(): Promise<void> {
    const engine = this.#engine;
    let reading = false;
    try {
      while (!this.#owner.closed) {
        reading = true;
        const count = await this.#stream.read(this.#buffer.bytes);
        reading = false;
        if (this.#owner.closed) return;
        if (count === null) return await this.#receiveEnd();
        if (this.#endsTurn(count)) {
          await this.#turns.nextTurn();
          if (this.#owner.closed) return;
        }
        if (this.#owner.lingering) {
          this.#owner.onDiscarded(count);
          this.#buffer.discard();
          continue;
        }
        if (count >= SMALL_READ_BYTES) {
          await this.#receiveSlices(count);
          if (this.#owner.closed) return;
        } else {
          engine.receive(this.#buffer.bytes.subarray(0, count), this.#clock.now());
          this.#owner.onInput();
        }
        if (this.#isThrottled()) await this.#throttle!.wait();
        if (!engine.wantsRead && !engine.finished) await this.#pause();
        this.#buffer.adjust(count);
      }
    } catch (error) {
      if (!reading) return this.#owner.fail(error);
      if (this.#deferClose && !this.#owner.closed) await this.#turns.nextTurn();
      this.#owner.close(`Connection lost: ${textOf(error)}`, toError(error));
    } finally {
      this.#buffer.release();
    }
  }

  /** Continues to read if the engine had paused it and wants input again. */
  resume(): void {
    if (this.#endPause !== null && this.#engine.wantsRead) this.#endPause();
  }

  /** Ends a pause or throttle in progress, because the connection is closed or starts to linger. */
  interrupt(): void {
    this.#endPause?.();
    this.#throttle?.end();
  }

  #isThrottled(): boolean {
    if (!this.#engine.readThrottledUntilMs) return false;
    this.#throttle ??= new ReadThrottle(this.#engine, this.#clock);
    return this.#throttle.isDue;
  }

  /** Whether a read of `count` bytes waits for the next turn before it is processed. */
  #endsTurn(count: number): boolean {
    this.#turnBytes += count;
    if (
      this.#turnBytes < TURN_BYTES && (count < SMALL_READ_BYTES || !this.#turns.isTurnOver())
    ) return false;
    this.#turnBytes = 0;
    return true;
  }

  async #receiveSlices(count: number): Promise<void> {
    const { bytes } = this.#buffer;
    const slice = this.#slice ??= new SliceLength();
    let startMs = this.#clock.now();
    let nowMs = startMs;
    for (let start = 0; start < count;) {
      const end = Math.min(start + slice.bytes, count);
      this.#engine.receive(bytes.subarray(start, end), nowMs);
      this.#owner.onInput();
      start = end;
      const endMs = this.#clock.now();
      slice.adjust(this.#turns.scaledCost(endMs - nowMs), end < count);
      nowMs = endMs;
      const throttled = this.#isThrottled();
      if (start < count && (throttled || this.#turns.exceedsSlice(nowMs - startMs))) {
        this.#turns.spendTurn(nowMs - startMs);
        await (throttled ? this.#throttle!.wait() : this.#turns.nextTurn());
        if (this.#owner.closed || this.#owner.lingering) return;
        startMs = nowMs = this.#clock.now();
      }
    }
    this.#turns.spendTurn(nowMs - startMs);
  }

  async #receiveEnd(): Promise<void> {
    if (this.#owner.lingering) return this.#owner.close("The connection was closed");
    if (this.#deferClose) await this.#turns.nextTurn();
    if (this.#owner.closed) return;
    this.#engine.receiveEnd(this.#clock.now());
    this.#owner.close("The peer closed the connection");
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#endPause = () => {
        this.#endPause = null;
        resolve();
      };
    });
  }
}
