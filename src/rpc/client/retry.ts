/**
 * Retries by policy, and the throttle that stops them while a server is overloaded (gRPC A6).
 *
 * @module
 */

import { Metadata } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import type { Attempt, AttemptEnd } from "./attempt.ts";
import type { AttemptStrategy, ReplayableCall } from "./replayable_call.ts";
import type { RetryPolicy } from "../resolver/service_config.ts";

/** Request metadata: number of earlier attempts. */
const ATTEMPTS_KEY = "grpc-previous-rpc-attempts";
/** Response trailer: delay before the next attempt in ms; negative forbids it. */
const PUSHBACK_KEY = "grpc-retry-pushback-ms";

/** Stops retries and hedges while most attempts fail; shared by all calls of a channel. */
export class RetryThrottle {
  readonly #max: number;
  readonly #ratio: number;
  #tokens: number;

  /** Starts with `maxTokens` tokens. */
  constructor(options: { readonly maxTokens: number; readonly tokenRatio: number }) {
    this.#max = options.maxTokens;
    this.#ratio = options.tokenRatio;
    this.#tokens = options.maxTokens;
  }

  /** Whether it was made with these limits. */
  hasLimits(options: { readonly maxTokens: number; readonly tokenRatio: number }): boolean {
    return this.#max === options.maxTokens && this.#ratio === options.tokenRatio;
  }

  /** Whether another attempt is allowed: more than half of the tokens are left. */
  get open(): boolean {
    return this.#tokens > this.#max / 2;
  }

  /** Takes a token: an attempt failed with a retryable status. */
  failed(): void {
    this.#tokens = Math.max(0, this.#tokens - 1);
  }

  /** Adds `tokenRatio` tokens: an attempt succeeded, or failed with a status that is not retryable. */
  succeeded(): void {
    this.#tokens = Math.min(this.#max, this.#tokens + this.#ratio);
  }
}

/** State of retries and hedges shared by all calls of a channel. */
export interface PolicyContext {
  readonly throttle: RetryThrottle | undefined;
  /** Counts attempts beyond the first. */
  readonly onExtraAttempt: () => void;
}

/** Returns the server's pushback: a delay in ms, `never`, or undefined for none. */
export function pushback(end: AttemptEnd): number | "never" | undefined {
  const text = end.trailers().get(PUSHBACK_KEY);
  if (text === undefined) return undefined;
  // gRPC A6: an invalid value counts as negative.
  return /^[0-9]{1,10}$/.test(text) ? Number(text) : "never";
}

/** Returns the call's metadata with the number of earlier attempts added, if there are any. */
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
    this.#call.startAttempt("first");
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
      if (this.#call.endIfExpired()) return;
      this.#context.onExtraAttempt();
      this.#call.startAttempt("retry");
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
    const delay = pushback(end);
    if (!this.#policy.retryableCodes.has(end.code)) {
      // gRPC A6: a negative pushback counts as a failure whatever the status.
      if (delay === "never") throttle?.failed();
      else throttle?.succeeded();
      return undefined;
    }
    throttle?.failed();
    if (delay === "never" || this.#counted >= this.#policy.maxAttempts) return undefined;
    if (throttle !== undefined && !throttle.open) return undefined;
    if (delay !== undefined) {
      this.#backoffMs = this.#policy.initialBackoffMs;
      return delay;
    }
    // Exponential back-off (gRPC A6), with the jitter of gRPC's implementations: plus or minus a fifth.
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
