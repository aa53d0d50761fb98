/**
 * Times of one connection: header section, body, idleness, output.
 *
 * The connection reports what happens, asks {@link Timeouts.nextMs} when to look, and calls {@link Timeouts.check} then.
 * A look may come early, never late.
 *
 * @module
 */

import type { Http1Limits } from "./options.ts";

/** Times of {@link Http1Limits}. */
export type TimeLimits = Pick<
  Required<Http1Limits>,
  | "headersTimeoutMs"
  | "requestTimeoutMs"
  | "minBodyBytesPerSecond"
  | "keepAliveTimeoutMs"
  | "stallTimeoutMs"
>;

/** What is too late: a header section, a body, a further request, or the peer's reading of output. */
export type Late = "head" | "body" | "idle" | "output" | undefined;

// Interval over which the rate of a body is measured, in ms.
const RATE_WINDOW_MS = 5_000;

const Phase = {
  /** Between requests; a response may be on its way. */
  IDLE: 0,
  /** A header section has begun. */
  HEAD: 1,
  /** The header section is complete, the body is not. */
  BODY: 2,
  /** The request is complete. */
  RESPONSE: 3,
} as const;

/** Keeps the times of one connection. */
export class Timeouts {
  readonly #limits: TimeLimits;
  #phase: number = Phase.HEAD;
  #phaseMs: number;
  #phaseEndMs: number;
  /** Whether the phase starts at the next time that is reported: the last one may be long ago. */
  #startPending = false;
  #windowEndMs = Infinity;
  #windowBytes = 0;
  #windowPaused = false;
  /** Next look at the output; Infinity when there was none at the last. */
  #outputCheckMs = Infinity;
  #drained = true;

  /** Starts at `nowMs`; the first header section has to be complete `headersTimeoutMs` later. */
  constructor(limits: TimeLimits, nowMs: number) {
    this.#limits = limits;
    this.#phaseMs = limits.headersTimeoutMs;
    this.#phaseEndMs = nowMs + limits.headersTimeoutMs;
  }

  /** When to check at the latest. */
  get nextMs(): number {
    return Math.min(this.#phaseEndMs, this.#windowEndMs, this.#outputCheckMs);
  }

  /** The first byte of a header section arrived. */
  headStarted(nowMs: number): void {
    if (this.#phase === Phase.IDLE) this.#start(Phase.HEAD, this.#limits.headersTimeoutMs, nowMs);
  }

  /** A header section is complete, and a body follows. */
  bodyStarted(nowMs: number): void {
    this.#start(Phase.BODY, this.#limits.requestTimeoutMs, nowMs);
    if (this.#limits.minBodyBytesPerSecond > 0) this.#startWindow(nowMs);
    this.#windowPaused = this.#startPending;
  }

  /** `count` bytes of the body arrived. */
  bodyReceived(count: number): void {
    this.#windowBytes += count;
  }

  /** The connection does not read the body: the time is not the peer's. */
  bodyPaused(): void {
    this.#windowPaused = true;
  }

  /** The request is complete. */
  requestEnded(): void {
    this.#start(Phase.RESPONSE, Infinity, 0);
    this.#windowEndMs = Infinity;
  }

  /** The response is complete too, at a time that is not known yet. */
  exchangeEnded(lastKnownMs: number): void {
    this.#startPending = true;
    this.#start(Phase.IDLE, this.#limits.keepAliveTimeoutMs, lastKnownMs);
  }

  /** Output was written at about `lastKnownMs`. */
  outputWritten(lastKnownMs: number): void {
    if (this.#outputCheckMs === Infinity) {
      this.#outputCheckMs = lastKnownMs + this.#limits.stallTimeoutMs;
    }
  }

  /** The peer has accepted output. */
  outputDrained(nowMs: number): void {
    this.#drained = true;
    this.setNow(nowMs);
  }

  /** Reports the time, from which a phase counts whose start was not known. */
  setNow(nowMs: number): void {
    if (!this.#startPending) return;
    this.#startPending = false;
    this.#phaseEndMs = nowMs + this.#phaseMs;
  }

  /** Only output is timed from now on. */
  stopInput(): void {
    this.#start(Phase.RESPONSE, Infinity, 0);
    this.#windowEndMs = Infinity;
  }

  /** Nothing is timed any more. */
  stop(): void {
    this.stopInput();
    this.#outputCheckMs = Infinity;
  }

  /** Looks at the times. `hasOutput`: output waits for the peer. */
  check(nowMs: number, hasOutput: boolean): Late {
    if (nowMs >= this.#outputCheckMs) {
      if (hasOutput && !this.#drained) return "output";
      this.#drained = false;
      this.#outputCheckMs = hasOutput ? nowMs + this.#limits.stallTimeoutMs : Infinity;
    }
    this.setNow(nowMs);
    if (nowMs >= this.#windowEndMs && this.#isSlow(nowMs)) return "body";
    if (nowMs < this.#phaseEndMs) return undefined;
    if (this.#phase === Phase.BODY) return "body";
    return this.#phase === Phase.HEAD ? "head" : "idle";
  }

  #start(phase: number, phaseMs: number, nowMs: number): void {
    this.#phase = phase;
    this.#phaseMs = phaseMs;
    this.#phaseEndMs = nowMs + phaseMs;
  }

  #isSlow(nowMs: number): boolean {
    const leastBytes = this.#limits.minBodyBytesPerSecond * RATE_WINDOW_MS / 1_000;
    if (!this.#windowPaused && this.#windowBytes < leastBytes) return true;
    this.#startWindow(nowMs);
    return false;
  }

  #startWindow(nowMs: number): void {
    this.#windowEndMs = nowMs + RATE_WINDOW_MS;
    this.#windowBytes = 0;
    this.#windowPaused = false;
  }
}
