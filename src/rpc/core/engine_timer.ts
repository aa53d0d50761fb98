/**
 * Timer of a connection's engine.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import type { ConnectionEngine } from "../../call/wire.ts";

/** Receives the events of an {@link EngineTimer}. */
export interface EngineTimerOwner {
  /** Called after the timer has fired and the engine, if it was due, has handled it. */
  onTimer(): void;
  /** Closes the connection because the engine has thrown. */
  fail(error: unknown): void;
}

/** Calls an engine at the time that the engine requests. */
export class EngineTimer {
  readonly #owner: EngineTimerOwner;
  readonly #engine: ConnectionEngine;
  readonly #clock: Clock;
  #timer: unknown = null;
  #atMs = Infinity;

  /** Creates a timer that is set by `arm`. */
  constructor(owner: EngineTimerOwner, engine: ConnectionEngine, clock: Clock) {
    this.#owner = owner;
    this.#engine = engine;
    this.#clock = clock;
  }

  /** Sets the timer if the engine asks for an earlier time. A later one is set when the timer fires. */
  arm(): void {
    const atMs = this.#engine.nextTimerMs();
    if (atMs >= this.#atMs) return;
    if (this.#timer !== null) this.#clock.clearTimer(this.#timer);
    this.#atMs = atMs;
    this.#timer = this.#clock.setTimer(() => this.#fire(), atMs - this.#clock.now());
  }

  /** Cancels the timer. */
  stop(): void {
    if (this.#timer !== null) this.#clock.clearTimer(this.#timer);
  }

  #fire(): void {
    this.#timer = null;
    this.#atMs = Infinity;
    try {
      const nowMs = this.#clock.now();
      if (this.#engine.nextTimerMs() <= nowMs) this.#engine.onTimer(nowMs);
    } catch (error) {
      return this.#owner.fail(error);
    }
    this.#owner.onTimer();
  }
}
