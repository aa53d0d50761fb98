/**
 * Fewer connections when there is less to do: single ones of a pool that has grown, and all of them when
 * the channel isn't used.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import type { Subchannel } from "./subchannel.ts";

/** What a {@link PoolTrimmer} looks at. */
export interface TrimmedPool {
  /** The subchannels in use. */
  readonly subchannels: readonly Subchannel[];
  /** Connections that each address keeps. */
  readonly min: number;
  /** Calls started so far. */
  readonly callsStarted: number;
  /** Whether calls are in flight or waiting. */
  readonly busy: boolean;
  /** Nothing was called for long: close everything. */
  toIdle(): void;
}

/** Looks from time to time what was used since the last look, so that calls don't pay for it. */
export class PoolTrimmer {
  readonly #pool: TrimmedPool;
  readonly #clock: Clock;
  readonly #shrinkAfterMs: number;
  readonly #idleTimeoutMs: number;
  #shrinkTimer: unknown = undefined;
  #idleTimer: unknown = undefined;
  #callsSeen = 0;

  /** Does nothing until `watchIdle` and `watchSize`. */
  constructor(
    pool: TrimmedPool,
    options: { clock: Clock; shrinkAfterMs: number; idleTimeoutMs: number },
  ) {
    this.#pool = pool;
    this.#clock = options.clock;
    this.#shrinkAfterMs = options.shrinkAfterMs;
    this.#idleTimeoutMs = options.idleTimeoutMs;
  }

  /** The channel is in use. */
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

  /** There may be more connections than there need be. */
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

  /** Stops looking. */
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
