/** One end of a world: a process, whose connections share the turns of an event loop. */

import type { Clock } from "../../../src/call/clock.ts";
import type { EventLoop } from "../../../src/event_loop/loop.ts";
import { TurnScheduler } from "../../../src/event_loop/turns.ts";
import { ThrottleSlots } from "../../../src/rpc/core/read_throttle.ts";
import type { Events, Ticket } from "./events.ts";

// 61 turns without work take 40 µs in Deno.
const EMPTY_TURN_MS = 0.00065;

/** The event loop of a process, whose turns are events. */
class SimulatedLoop implements EventLoop {
  constructor(readonly events: Events) {}

  now(): number {
    return this.events.nowMs;
  }

  setImmediate(callback: () => void): void {
    this.events.after(EMPTY_TURN_MS, callback);
  }

  setTimeout(callback: () => void, delayMs: number): void {
    this.events.after(delayMs, callback);
  }
}

/** A clock whose timers are events; those in the background don't keep the world busy. */
class SimulatedClock implements Clock {
  constructor(readonly events: Events, readonly background: boolean) {}

  now(): number {
    return this.events.nowMs;
  }

  setTimer(callback: () => void, delayMs: number): Ticket {
    return this.events.at(this.events.nowMs + delayMs, callback, this.background);
  }

  clearTimer(timer: unknown): void {
    this.events.cancel(timer as Ticket);
  }
}

/** A process: the clients' or the servers' end of all connections. */
export class Process {
  readonly turns: TurnScheduler;
  /** Clock of timeouts, which don't keep the world busy. */
  readonly clock: Clock;
  /** Clock of waits, which keep the world busy until they end. */
  readonly foreground: Clock;
  readonly throttleSlots = new ThrottleSlots(64);

  /** Each KiB of input takes `workMsPerKiB` of the process. */
  constructor(readonly events: Events, readonly workMsPerKiB: number) {
    this.turns = new TurnScheduler(new SimulatedLoop(events));
    this.clock = new SimulatedClock(events, true);
    this.foreground = new SimulatedClock(events, false);
  }

  /** Takes the time that `bytes` of input need. */
  work(bytes: number): void {
    if (this.workMsPerKiB > 0) this.events.jump(bytes / 1_024 * this.workMsPerKiB);
  }
}
