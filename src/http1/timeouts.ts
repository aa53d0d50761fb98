/**
 * Timeouts of one connection: header section, body, idleness, output.
 *
 * The connection reports its events, calls {@link Timeouts.check} at the latest at {@link Timeouts.nextMs}, and may
 * call it earlier.
 *
 * @module
 */

import type { Http1Limits } from "./options.ts";

/** Subset of {@link Http1Limits} that concerns time. */
export type TimeLimits = Pick<
  Required<Http1Limits>,
  | "headersTimeoutMs"
  | "requestTimeoutMs"
  | "minBodyBytesPerSecond"
  | "keepAliveTimeoutMs"
  | "stallTimeoutMs"
>;

/** Timeout that has expired: header section, body, wait for a further request, or the peer's reading of output. */
export type Late = "head" | "body" | "idle" | "output" | undefined;

// Interval over which the rate of a body is measured, in ms.
const RATE_WINDOW_MS = 5_000;

const Phase = {
  /** Between requests; output of the last response may still be unsent. */
  IDLE: 0,
  /** Receiving a header section. */
  HEAD: 1,
  /** Receiving a body. */
  BODY: 2,
  /** Request received; its response is not complete. */
  RESPONSE: 3,
} as const;

/** Timeouts of one connection. */
export class Timeouts {
  readonly #limits: TimeLimits;
  #phase: number = Phase.HEAD;
  #phaseMs: number;
  #phaseEndMs: number;
  /** Whether the phase starts at the next reported time, because the last reported time may be long past. */
  #startPending = false;
  #windowMs = RATE_WINDOW_MS;
  #windowEndMs = Infinity;
  #windowBytes = 0;
  /** Bytes of the body that must arrive within a window. */
  #leastBytes = 0;
  #windowPaused = false;
  /** Time of the next check for output progress; Infinity if no output was pending at the last check. */
  #outputCheckMs = Infinity;
  #drained = true;

  /** Starts at `nowMs`; the first header section has to be complete `headersTimeoutMs` later. */
  constructor(limits: TimeLimits, nowMs: number) {
    this.#limits = limits;
    this.#phaseMs = limits.headersTimeoutMs;
    this.#phaseEndMs = nowMs + limits.headersTimeoutMs;
  }

  /** Latest time of the next {@link check}. */
  get nextMs(): number {
    return Math.min(this.#phaseEndMs, this.#windowEndMs, this.#outputCheckMs);
  }

  /** Starts the timeout of a header section, whose first byte arrived. */
  headStarted(nowMs: number): void {
    if (this.#phase === Phase.IDLE) this.#start(Phase.HEAD, this.#limits.headersTimeoutMs, nowMs);
  }

  /** Starts the timeout and the rate measurement of a body. */
  bodyStarted(nowMs: number): void {
    this.#start(Phase.BODY, this.#limits.requestTimeoutMs, nowMs);
    this.#windowMs = RATE_WINDOW_MS;
    this.#leastBytes = this.#limits.minBodyBytesPerSecond * RATE_WINDOW_MS / 1_000;
    if (this.#leastBytes > 0) this.#startWindow(nowMs);
    this.#windowPaused = this.#startPending;
  }

  /** Lifts the total time and the least rate of the body: a byte of it in each `requestTimeoutMs` is enough. */
  bodyStreams(nowMs: number): void {
    this.#phaseEndMs = this.#phaseMs = Infinity;
    this.#windowMs = this.#limits.requestTimeoutMs;
    this.#leastBytes = 1;
    this.#startWindow(nowMs);
    this.#windowPaused = this.#startPending;
  }

  /** Counts `count` received bytes of the body. */
  bodyReceived(count: number): void {
    this.#windowBytes += count;
  }

  /** Exempts the current window from the rate limit, because the server was not reading the body. */
  bodyPaused(): void {
    this.#windowPaused = true;
  }

  /** Stops the timeouts of the request, which is complete. */
  requestEnded(): void {
    this.#start(Phase.RESPONSE, Infinity, 0);
    this.#windowEndMs = Infinity;
  }

  /** Starts the idle timeout at the next reported time: the response is complete, the current time unknown. */
  exchangeEnded(lastKnownMs: number): void {
    this.#startPending = true;
    // The response may have ended within the call that delivered the end of the body.
    this.#windowEndMs = Infinity;
    this.#start(Phase.IDLE, this.#limits.keepAliveTimeoutMs, lastKnownMs);
  }

  /** Starts the output timeout, unless it is running. Output was written at about `lastKnownMs`. */
  outputWritten(lastKnownMs: number): void {
    if (this.#outputCheckMs === Infinity) {
      this.#outputCheckMs = lastKnownMs + this.#limits.stallTimeoutMs;
    }
  }

  /** Records that the socket accepted output. */
  outputDrained(nowMs: number): void {
    this.#drained = true;
    this.setNow(nowMs);
  }

  /** Reports the current time, at which a pending phase starts. */
  setNow(nowMs: number): void {
    if (!this.#startPending) return;
    this.#startPending = false;
    this.#phaseEndMs = nowMs + this.#phaseMs;
  }

  /** Stops all timeouts except that of output. */
  stopInput(): void {
    this.#start(Phase.RESPONSE, Infinity, 0);
    this.#windowEndMs = Infinity;
  }

  /** Stops all timeouts. */
  stop(): void {
    this.stopInput();
    this.#outputCheckMs = Infinity;
  }

  /** Returns the timeout that has expired at `nowMs`. `hasOutput`: whether output waits for the peer. */
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
    if (!this.#windowPaused && this.#windowBytes < this.#leastBytes) return true;
    this.#startWindow(nowMs);
    return false;
  }

  #startWindow(nowMs: number): void {
    this.#windowEndMs = nowMs + this.#windowMs;
    this.#windowBytes = 0;
    this.#windowPaused = false;
  }
}
