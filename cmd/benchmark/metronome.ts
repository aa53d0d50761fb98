/**
 * Clock whose timers are kept by a thread that sleeps: exact to about 0.1 ms, without a busy core.
 *
 * @module
 */

import { clearImmediate, setImmediate } from "node:timers";
import type { ScheduleOptions } from "../../src/load/generate/schedule.ts";
import type { Clock } from "../../src/load/mod.ts";

/** How long before it is due a call may be sent, when it shares a wake-up with the one before; a little above 0.25. */
export const EARLY_MS = 0.251;
/** Largest difference of the clocks of two threads, in ms. */
const SKEW_MS = 0.05;

/** Message to the thread. */
export interface MetronomeOrder {
  /**
   * A sequence number (int32 at 0), negative for the end, and the time that is due (float64 at 8); of a schedule, 1 after its
   * start, and the time of that.
   */
  readonly memory: SharedArrayBuffer;
  /** Origin of the times, in ms since the Unix epoch. */
  readonly originMs: number;
  /** Port to which 0 is sent at the start, and then each sequence number whose time has come. */
  readonly port: MessagePort;
  /** Times at which to ring; undefined for those that are ordered one by one. */
  readonly schedule?: ScheduleOptions;
}

interface Wait {
  readonly callback: () => void;
  readonly dueMs: number;
  immediate?: NodeJS.Immediate;
}

/**
 * One timer at a time: setting one replaces the one before. With a schedule, timers ring at its times only, which costs
 * half: its thread needs no orders.
 */
export class Metronome implements Clock {
  readonly #memory = new SharedArrayBuffer(16);
  readonly #sequence = new Int32Array(this.#memory, 0, 1);
  readonly #due = new Float64Array(this.#memory, 8, 1);
  readonly #port: MessagePort;
  readonly #hasSchedule: boolean;
  #wait: Wait | undefined;

  private constructor(port: MessagePort, hasSchedule: boolean) {
    this.#port = port;
    this.#hasSchedule = hasSchedule;
  }

  /** Starts the thread; resolves when it is there. Rejects when it can't be started. */
  static async start(schedule?: ScheduleOptions): Promise<Metronome> {
    const { port1, port2 } = new MessageChannel();
    const metronome = new Metronome(port1, schedule !== undefined);
    const worker = new Worker(new URL("./metronome_worker.ts", import.meta.url), {
      type: "module",
      name: "benchmark metronome",
    });
    const ready = Promise.withResolvers<void>();
    port1.onmessage = () => ready.resolve();
    worker.onerror = (event) => {
      event.preventDefault();
      ready.reject(new Error(`The metronome thread failed: ${event.message}`));
    };
    const originMs = performance.timeOrigin;
    worker.postMessage(
      { memory: metronome.#memory, originMs, port: port2, schedule } satisfies MetronomeOrder,
      [port2],
    );
    await ready.promise;
    port1.onmessage = ({ data }: MessageEvent<number>) => {
      // Not of a timer that was replaced.
      if (data === Atomics.load(metronome.#sequence, 0)) metronome.#ring();
    };
    return metronome;
  }

  /** Starts the schedule, at a time of this thread's clock. */
  begin(atMs: number): void {
    this.#due[0] = atMs;
    this.#next();
  }

  now(): number {
    return performance.now();
  }

  setTimer(callback: () => void, delayMs: number): unknown {
    const wait: Wait = { callback, dueMs: performance.now() + delayMs };
    this.#wait = wait;
    if (delayMs <= 0) {
      wait.immediate = setImmediate(() => this.#ring());
    } else if (!this.#hasSchedule) {
      this.#due[0] = wait.dueMs;
      this.#next();
    }
    return wait;
  }

  clearTimer(timer: unknown): void {
    if (timer === undefined || timer !== this.#wait) return;
    clearImmediate(this.#wait?.immediate);
    this.#wait = undefined;
  }

  /** Ends the thread. */
  close(): void {
    this.#wait = undefined;
    Atomics.store(this.#sequence, 0, -1);
    Atomics.notify(this.#sequence, 0);
    this.#port.close();
  }

  #next(): void {
    const after = (Atomics.load(this.#sequence, 0) + 1) & 0x3fffffff;
    Atomics.store(this.#sequence, 0, after);
    Atomics.notify(this.#sequence, 0);
  }

  #ring(): void {
    const wait = this.#wait;
    if (wait === undefined) return;
    const leftMs = wait.dueMs - performance.now();
    if (leftMs > (this.#hasSchedule ? EARLY_MS : 0)) {
      // A time of the schedule that was made up for.
      if (this.#hasSchedule && leftMs > EARLY_MS + SKEW_MS) return;
      // The clocks of two threads differ by a few µs.
      wait.immediate = setImmediate(() => this.#ring());
      return;
    }
    this.#wait = undefined;
    wait.callback();
  }
}
