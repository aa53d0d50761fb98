/**
 * A server's limit on how often a client pings (gRPC A8).
 *
 * @module
 */

/** Number of early pings tolerated, as in gRPC A8 and grpc-go. */
const MAX_STRIKES = 2;
/** Shortest interval between pings without open calls, in ms: two hours (gRPC A8). */
const IDLE_PING_INTERVAL_MS = 7_200_000;

/** The options that a {@link PingLimit} follows. */
export interface PingLimits {
  /** Shortest interval between pings during calls, in ms. */
  readonly minPingIntervalMs: number;
  /** Whether `minPingIntervalMs` applies without open calls too; otherwise two hours do. */
  readonly permitPingWithoutCalls: boolean;
}

/** Limit on the pings of one client. */
export class PingLimit {
  readonly #limits: PingLimits;
  #lastMs = -Infinity;
  #strikes = 0;

  constructor(limits: PingLimits) {
    this.#limits = limits;
  }

  /** Resets the count of early pings after useful activity on the connection. */
  forgive(): void {
    this.#strikes = 0;
  }

  /** Accepts a ping at any interval, and resets the count of early ones. */
  allow(nowMs: number): void {
    this.#strikes = 0;
    this.#lastMs = nowMs;
  }

  /** Checks a ping; returns false for the third early one, which must end the connection. */
  admit(nowMs: number, openCalls: number): boolean {
    const elapsedMs = nowMs - this.#lastMs;
    const leastMs = this.leastIntervalMs(openCalls);
    if (elapsedMs >= leastMs) {
      // Advances the last time by the interval, so that a ping read late does not make the next one early.
      this.#lastMs = elapsedMs < 2 * leastMs ? this.#lastMs + leastMs : nowMs;
      return true;
    }
    this.#lastMs = nowMs;
    return ++this.#strikes <= MAX_STRIKES;
  }

  /** Shortest interval between pings with `openCalls` open calls, in ms. */
  leastIntervalMs(openCalls: number): number {
    const { minPingIntervalMs, permitPingWithoutCalls } = this.#limits;
    return openCalls > 0 || permitPingWithoutCalls
      ? minPingIntervalMs
      : Math.max(minPingIntervalMs, IDLE_PING_INTERVAL_MS);
  }
}
