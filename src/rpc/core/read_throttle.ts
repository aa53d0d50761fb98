/**
 * Delays before the next read from a peer whose engine asks for them (`readThrottledUntilMs`).
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import type { ConnectionEngine } from "../../call/wire.ts";

// Cap on throttled connections; while one is throttled, a close by its peer goes unnoticed.
const MAX_THROTTLED = 64;

/** Slots for throttled connections. `free` is to be checked before `take`, which does not enforce the cap. */
export class ThrottleSlots {
  readonly #max: number;
  #used = 0;

  /** Allows `max` throttled connections at once. */
  constructor(max: number) {
    this.#max = max;
  }

  /** Whether a slot is free. */
  get free(): boolean {
    return this.#used < this.#max;
  }

  /** Takes a slot. */
  take(): void {
    this.#used++;
  }

  /** Returns a slot. */
  give(): void {
    this.#used--;
  }
}

const systemSlots = new ThrottleSlots(MAX_THROTTLED);

/** Read throttle of one connection. */
export class ReadThrottle {
  readonly #engine: ConnectionEngine;
  readonly #clock: Clock;
  readonly #slots: ThrottleSlots;
  #timer: unknown = null;
  #resume: (() => void) | null = null;

  /** Takes its slot from `slots`, which connections share; by default from the 64 slots of this thread. */
  constructor(engine: ConnectionEngine, clock: Clock, slots: ThrottleSlots = systemSlots) {
    this.#engine = engine;
    this.#clock = clock;
    this.#slots = slots;
  }

  /** Whether the next read should wait: the engine asks for it, and a slot is free. */
  get isDue(): boolean {
    const { readThrottledUntilMs } = this.#engine;
    return readThrottledUntilMs !== undefined && readThrottledUntilMs > 0 && this.#slots.free &&
      !this.#engine.finished && readThrottledUntilMs > this.#clock.now();
  }

  /** Resolves at the engine's `readThrottledUntilMs`, or on {@link end}. */
  wait(): Promise<void> {
    return new Promise((resolve) => this.onEnd(resolve));
  }

  /** Calls `resume` when {@link wait} would resolve. */
  onEnd(resume: () => void): void {
    this.#slots.take();
    this.#resume = resume;
    this.#timer = this.#clock.setTimer(
      () => this.end(),
      this.#engine.readThrottledUntilMs! - this.#clock.now(),
    );
  }

  /** Ends a wait in progress. */
  end(): void {
    const resume = this.#resume;
    if (resume === null) return;
    this.#resume = null;
    this.#clock.clearTimer(this.#timer);
    this.#slots.give();
    resume();
  }
}
