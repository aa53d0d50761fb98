/**
 * Timer of a connection's engine.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import type { ConnectionEngine } from "../../call/wire.ts";
import type { TurnScheduler } from "../../event_loop/turns.ts";
import type { ConnectionIo } from "./connection_io.ts";

/** Receives the events of an {@link EngineTimer}. */
export interface EngineTimerOwner {
  /** Called after the timer has fired and the engine, if it was due, has handled it. */
  onTimer(): void;
  /** Closes the connection because the engine has thrown. */
  fail(error: unknown): void;
}

/**
 * Calls an engine at the time that the engine requests. Once the work of the turn has reached its limit, in a later one:
 * the header sections of thousands of connections may time out together.
 */
export class EngineTimer {
  readonly #owner: EngineTimerOwner;
  readonly #engine: ConnectionEngine;
  readonly #clock: Clock;
  readonly #turns: TurnScheduler;
  #timer: unknown = null;
  #atMs = Infinity;
  #stopped = false;

  /** Creates a timer that is set by `arm`. */
  constructor(owner: EngineTimerOwner, io: Pick<ConnectionIo, "engine" | "clock" | "turns">) {
    this.#owner = owner;
    this.#engine = io.engine;
    this.#clock = io.clock;
    this.#turns = io.turns;
  }

  /** Sets the timer if the engine asks for an earlier time. A later one is set when the timer fires. */
  arm(): void {
    const atMs = this.#engine.nextTimerMs();
    if (atMs >= this.#atMs) return;
    if (this.#timer !== null) this.#clock.clearTimer(this.#timer);
    this.#atMs = atMs;
    this.#timer = this.#clock.setTimer(() => this.#onDue(), atMs - this.#clock.now());
  }

  /** Cancels the timer. */
  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) this.#clock.clearTimer(this.#timer);
  }

  #onDue(): void {
    this.#timer = null;
    this.#turns.runInTurn(() => this.#fire());
  }

  #fire(): void {
    if (this.#stopped) return;
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
