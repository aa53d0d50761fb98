/**
 * Closes idle connections: single ones above the minimum, and all of them once the channel is idle.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import type { Subchannel } from "./subchannel.ts";

/** The pool as a {@link PoolTrimmer} sees it. */
export interface TrimmedPool {
  /** Subchannels of current addresses. */
  readonly subchannels: readonly Subchannel[];
  /** Connections that each address keeps. */
  readonly min: number;
  /** Calls started so far. */
  readonly callsStarted: number;
  /** Whether calls are in flight or queued. */
  readonly busy: boolean;
  /** Closes all connections until the next call. */
  toIdle(): void;
}

/** Detects idle connections by comparing call counts at intervals, which costs nothing per call. */
export class PoolTrimmer {
  readonly #pool: TrimmedPool;
  readonly #clock: Clock;
  readonly #shrinkAfterMs: number;
  readonly #idleTimeoutMs: number;
  #shrinkTimer: unknown = undefined;
  #idleTimer: unknown = undefined;
  #callsSeen = 0;

  /** Creates a trimmer without timers; `watchIdle` and `watchSize` set them. */
  constructor(
    pool: TrimmedPool,
    options: { clock: Clock; shrinkAfterMs: number; idleTimeoutMs: number },
  ) {
    this.#pool = pool;
    this.#clock = options.clock;
    this.#shrinkAfterMs = options.shrinkAfterMs;
    this.#idleTimeoutMs = options.idleTimeoutMs;
  }

  /** Makes the pool idle after `idleTimeoutMs` without calls. */
  watchIdle(): void {
    if (this.#idleTimeoutMs === Infinity || this.#idleTimer !== undefined) return;
    const pool = this.#pool;
    this.#callsSeen = pool.callsStarted;
    this.#idleTimer = this.#clock.setTimer(() => {
      this.#idleTimer = undefined;
      if (pool.busy || pool.callsStarted !== this.#callsSeen) this.watchIdle();
      else pool.toIdle();
    }, this.#idleTimeoutMs);
  }

  /** Closes connections above `min` that have no calls for `shrinkAfterMs`. */
  watchSize(): void {
    if (this.#shrinkTimer !== undefined) return;
    const { subchannels, min } = this.#pool;
    if (!subchannels.some((one) => one.ready.length > min)) return;
    for (const { ready } of subchannels) {
      for (const connection of ready) connection.callsSeen = connection.callsStarted;
    }
    this.#shrinkTimer = this.#clock.setTimer(() => {
      this.#shrinkTimer = undefined;
      for (const subchannel of this.#pool.subchannels) this.#shrink(subchannel);
      this.watchSize();
    }, this.#shrinkAfterMs);
  }

  /** Cancels the timers of `watchIdle` and `watchSize`. */
  stop(): void {
    for (const timer of [this.#shrinkTimer, this.#idleTimer]) {
      if (timer !== undefined) this.#clock.clearTimer(timer);
    }
    this.#shrinkTimer = this.#idleTimer = undefined;
  }

  #shrink(subchannel: Subchannel): void {
    const { min } = this.#pool;
    const idle = subchannel.ready.filter((one) =>
      one.load === 0 && one.callsStarted === one.callsSeen
    );
    for (const connection of idle) {
      if (subchannel.wanted <= min || subchannel.ready.length <= min) return;
      subchannel.wanted--;
      connection.drain();
    }
  }
}
