/**
 * Retrying by policy, and the throttle that stops it while a server is overloaded (gRPC A6).
 *
 * @module
 */

import { Metadata } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import type { Attempt, AttemptEnd, AttemptStrategy, ReplayableCall } from "./replayable_call.ts";
import type { RetryPolicy } from "./service_config.ts";

/** Tells the server how many attempts came before. */
const ATTEMPTS_KEY = "grpc-previous-rpc-attempts";
/** The server's word on when to try again, in ms; negative for never. */
const PUSHBACK_KEY = "grpc-retry-pushback-ms";

/** Stops retries and hedges while most calls fail: one for all calls of a channel. */
export class RetryThrottle {
  readonly #max: number;
  readonly #ratio: number;
  #tokens: number;

  /** Starts full. */
  constructor(options: { readonly maxTokens: number; readonly tokenRatio: number }) {
    this.#max = options.maxTokens;
    this.#ratio = options.tokenRatio;
    this.#tokens = options.maxTokens;
  }

  /** Whether another attempt is allowed. */
  get open(): boolean {
    return this.#tokens > this.#max / 2;
  }

  /** An attempt failed in a way that asks for another. */
  failed(): void {
    this.#tokens = Math.max(0, this.#tokens - 1);
  }

  /** An attempt succeeded, or failed in a way that trying again can't help. */
  succeeded(): void {
    this.#tokens = Math.min(this.#max, this.#tokens + this.#ratio);
  }
}

/** What policies share beside the core. */
export interface PolicyContext {
  readonly throttle: RetryThrottle | undefined;
  /** Counts attempts beyond the first. */
  readonly onExtraAttempt: () => void;
}

/** What the server says about trying again: a delay in ms, `never`, or nothing. */
export function pushback(end: AttemptEnd): number | "never" | undefined {
  const text = end.trailers().get(PUSHBACK_KEY);
  if (text === undefined) return undefined;
  // A6: what can't be read counts as a negative number.
  return /^[0-9]{1,10}$/.test(text) ? Number(text) : "never";
}

/** The call's metadata, with the number of earlier attempts. */
export function attemptMetadata(own: Metadata | undefined, earlier: number): Metadata | undefined {
  if (earlier === 0) return own;
  const metadata = new Metadata(own);
  metadata.set(ATTEMPTS_KEY, String(earlier));
  return metadata;
}

/** Retries a call that fails with one of the policy's codes. */
export class RetryStrategy implements AttemptStrategy {
  readonly #call: ReplayableCall;
  readonly #policy: RetryPolicy;
  readonly #context: PolicyContext;
  /** Attempts that ended, transparent retries not counted. */
  #counted = 0;
  #backoffMs: number;
  #timer: unknown = undefined;

  constructor(call: ReplayableCall, policy: RetryPolicy, context: PolicyContext) {
    this.#call = call;
    this.#policy = policy;
    this.#context = context;
    this.#backoffMs = policy.initialBackoffMs;
  }

  begin(): void {
    this.#call.startAttempt();
  }

  metadataFor(_attempt: Attempt): Metadata | undefined {
    return attemptMetadata(this.#call.request.metadata, this.#counted);
  }

  afterAttempt(attempt: Attempt, end: AttemptEnd): void {
    this.#counted++;
    const delayMs = this.#delayMs(end);
    if (delayMs === undefined) return this.#call.conclude(attempt, end);
    const { core } = this.#call;
    core.processRef.acquire();
    this.#timer = core.clock.setTimer(() => {
      this.#clearTimer();
      this.#context.onExtraAttempt();
      this.#call.startAttempt();
    }, delayMs);
  }

  onCommitted(): void {}

  onFinished(end: AttemptEnd | undefined): void {
    if (end?.code === Status.OK) this.#context.throttle?.succeeded();
    this.#clearTimer();
  }

  #delayMs(end: AttemptEnd): number | undefined {
    const { throttle } = this.#context;
    if (end.code === Status.OK) return undefined;
    const said = pushback(end);
    if (!this.#policy.retryableCodes.has(end.code)) {
      // A6: a pushback of "never" counts as a failure whatever the code.
      if (said === "never") throttle?.failed();
      else throttle?.succeeded();
      return undefined;
    }
    throttle?.failed();
    if (said === "never" || this.#counted >= this.#policy.maxAttempts) return undefined;
    if (throttle !== undefined && !throttle.open) return undefined;
    if (said !== undefined) {
      this.#backoffMs = this.#policy.initialBackoffMs;
      return said;
    }
    // A6 as gRPC's implementations have it: jitter of a fifth around the exponential.
    const delayMs = Math.min(this.#backoffMs, this.#policy.maxBackoffMs) *
      (0.8 + 0.4 * this.#call.core.random());
    this.#backoffMs = Math.min(
      this.#policy.maxBackoffMs,
      this.#backoffMs * this.#policy.backoffMultiplier,
    );
    return delayMs;
  }

  #clearTimer(): void {
    if (this.#timer === undefined) return;
    const { core } = this.#call;
    core.clock.clearTimer(this.#timer);
    this.#timer = undefined;
    core.processRef.release();
  }
}
