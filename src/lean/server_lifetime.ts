/**
 * When a server ends a connection on its own account: age, idleness, the wait behind a goodbye; and whether a
 * client pings too often.
 *
 * @module
 */

import type { LeanOptions } from "./options.ts";
import type { LivenessTimers } from "./liveness.ts";

const MAX_PING_STRIKES = 2;
const IDLE_PING_INTERVAL_MS = 7_200_000;

/** What is to be done now. */
export type LifeEvent = "drain" | "abort" | "close" | undefined;

/** The times of one server connection. */
export class ServerLifetime {
  readonly #options: Readonly<LeanOptions>;
  readonly #watch: LivenessTimers;
  readonly #bornMs: number;
  #lingerMs = Infinity;
  #graceMs = Infinity;
  #idleFromMs: number;
  #idleStartPending = false;
  #pingMs = -Infinity;
  #pingStrikes = 0;

  constructor(options: Readonly<LeanOptions>, watch: LivenessTimers, nowMs: number) {
    this.#options = options;
    this.#watch = watch;
    this.#bornMs = this.#idleFromMs = nowMs;
    watch.schedule(nowMs + Math.min(options.maxConnectionAgeMs, options.maxConnectionIdleMs));
  }

  /** A drained connection waits for the client to hang up: closing first could destroy the goodbye under way. */
  linger(nowMs: number): void {
    if (this.#lingerMs !== Infinity) return;
    this.#lingerMs = nowMs + this.#options.lingerMs;
    this.#watch.schedule(this.#lingerMs);
  }

  /** The last call ended; when, the next that is known of the time says. */
  callsEnded(): void {
    this.#idleStartPending = true;
  }

  /** Tells the time. */
  setNow(nowMs: number): void {
    if (!this.#idleStartPending) return;
    this.#idleStartPending = false;
    this.#idleFromMs = nowMs;
    this.#watch.schedule(nowMs + this.#options.maxConnectionIdleMs);
  }

  /** Looks at the time, and says when to look again. */
  check(nowMs: number, leaving: boolean, calls: number): LifeEvent {
    if (nowMs >= this.#lingerMs) return "close";
    if (nowMs >= this.#graceMs) return "abort";
    this.setNow(nowMs);
    this.#watch.schedule(Math.min(this.#lingerMs, this.#graceMs));
    const { maxConnectionAgeMs, maxConnectionAgeGraceMs, maxConnectionIdleMs } = this.#options;
    const oldMs = this.#bornMs + maxConnectionAgeMs;
    // The client's goodbye is no leave to stay: its calls, too, have the grace period and no more.
    if (nowMs >= oldMs && this.#graceMs === Infinity) {
      this.#graceMs = nowMs + maxConnectionAgeGraceMs;
      this.#watch.schedule(this.#graceMs);
      return "drain";
    }
    if (nowMs < oldMs) this.#watch.schedule(oldMs);
    if (leaving) return undefined;
    const idleMs = (calls > 0 ? nowMs : this.#idleFromMs) + maxConnectionIdleMs;
    if (nowMs >= idleMs) return "drain";
    this.#watch.schedule(idleMs);
    return undefined;
  }

  /** A call forgives pings that came before it. */
  forgivePings(): void {
    this.#pingStrikes = 0;
  }

  /** A ping came; returns what is wrong when pings come too fast. */
  admitPing(nowMs: number, calls: number): string | undefined {
    const { minPingIntervalMs, permitPingWithoutCalls } = this.#options;
    const least = calls > 0 || permitPingWithoutCalls
      ? minPingIntervalMs
      : Math.max(minPingIntervalMs, IDLE_PING_INTERVAL_MS);
    const passed = nowMs - this.#pingMs;
    this.#pingMs = nowMs;
    if (passed >= least || ++this.#pingStrikes <= MAX_PING_STRIKES) return undefined;
    return `Pings ${Math.round(passed)} ms apart: the least is ${least}`;
  }
}
