/**
 * Hedging by policy (gRPC A6): a call is sent several times, a delay apart, and the first good response counts.
 * Only for methods that may run more than once.
 *
 * @module
 */

import type { Metadata } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import type { Attempt, AttemptEnd } from "./attempt.ts";
import type { AttemptStrategy, ReplayableCall } from "./replayable_call.ts";
import { attemptMetadata, type PolicyContext, pushback } from "./retry.ts";
import type { HedgingPolicy } from "../resolver/service_config.ts";

/** Runs several attempts of a call at once. */
export class HedgingStrategy implements AttemptStrategy {
  readonly #call: ReplayableCall;
  readonly #policy: HedgingPolicy;
  readonly #context: PolicyContext;
  #started = 0;
  #timer: unknown = undefined;
  /** Whether the server's pushback forbade further attempts. */
  #stopped = false;
  /** Status of the attempt that ended last. */
  #lastEnd: AttemptEnd | undefined = undefined;

  constructor(call: ReplayableCall, policy: HedgingPolicy, context: PolicyContext) {
    this.#call = call;
    this.#policy = policy;
    this.#context = context;
  }

  begin(): void {
    this.#next();
  }

  metadataFor(attempt: Attempt): Metadata | undefined {
    return attemptMetadata(this.#call.request.metadata, attempt.number);
  }

  afterAttempt(attempt: Attempt, end: AttemptEnd): void {
    const { throttle } = this.#context;
    this.#lastEnd = end;
    if (end.code === Status.OK) {
      throttle?.succeeded();
      return this.#call.conclude(attempt, end);
    }
    const delay = pushback(end);
    const fatal = !this.#policy.nonFatalCodes.has(end.code);
    if (!fatal || delay === "never") throttle?.failed();
    if (fatal) return this.#call.conclude(attempt, end);
    if (delay === "never") this.#stopped = true;
    if (this.#mayStart()) {
      this.#clearTimer();
      if (typeof delay !== "number") this.#next();
      else this.#wait(delay);
    } else if (this.#timer === undefined && this.#allOver()) {
      this.#call.conclude(attempt, end);
    }
  }

  onCommitted(): void {
    this.#context.throttle?.succeeded();
    this.#clearTimer();
  }

  onFinished(): void {
    this.#clearTimer();
  }

  #mayStart(): boolean {
    if (this.#stopped || this.#started >= this.#policy.maxAttempts) return false;
    return this.#started === 0 || (this.#context.throttle?.open ?? true);
  }

  #next(): void {
    do {
      if (this.#call.endIfExpired()) return;
      const extra = this.#started++ > 0;
      if (extra) this.#context.onExtraAttempt();
      this.#call.startAttempt(extra ? "hedge" : "first");
    } while (this.#policy.delayMs === 0 && this.#mayStart() && !this.#call.ended);
    if (this.#mayStart() && !this.#call.ended) this.#wait(this.#policy.delayMs);
  }

  #wait(delayMs: number): void {
    // An attempt that failed before `startAttempt` returned has already set the timer.
    this.#clearTimer();
    const { core } = this.#call;
    core.processRef.acquire();
    this.#timer = core.clock.setTimer(() => {
      this.#clearTimer();
      if (this.#mayStart()) this.#next();
      else this.#concludeIfAllOver();
    }, delayMs);
  }

  /** Throttled with no live attempt: ends the call with the last failure. */
  #concludeIfAllOver(): void {
    if (this.#lastEnd === undefined || !this.#allOver()) return;
    this.#call.conclude(this.#call.attempts.at(-1)!, this.#lastEnd);
  }

  #allOver(): boolean {
    return this.#call.attempts.every((attempt) => attempt.over);
  }

  #clearTimer(): void {
    if (this.#timer === undefined) return;
    const { core } = this.#call;
    core.clock.clearTimer(this.#timer);
    this.#timer = undefined;
    core.processRef.release();
  }
}
