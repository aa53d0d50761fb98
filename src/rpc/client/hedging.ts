/**
 * Hedging by policy (gRPC A6): the call is sent several times, a delay apart, and the first good reply
 * counts. Only for methods that may run more than once.
 *
 * @module
 */

import type { Metadata } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import type { ClientCallSink } from "../../call/wire.ts";
import type { CallCore, OutgoingRequest } from "./call_core.ts";
import { type Attempt, type AttemptEnd, ReplayCall } from "./replayable_call.ts";
import { attemptMetadata, type PolicyContext, pushback } from "./retry.ts";
import type { HedgingPolicy } from "./service_config.ts";

/** A call that runs in several copies. */
export class HedgedCall extends ReplayCall {
  readonly #policy: HedgingPolicy;
  readonly #context: PolicyContext;
  #started = 0;
  #timer: unknown = undefined;
  /** The server forbade more copies. */
  #stopped = false;

  constructor(
    core: CallCore,
    request: OutgoingRequest,
    sink: ClientCallSink,
    policy: HedgingPolicy,
    context: PolicyContext,
  ) {
    super(core, request, sink);
    this.#policy = policy;
    this.#context = context;
  }

  override begin(): this {
    this.#next();
    return this;
  }

  override metadataFor(attempt: Attempt): Metadata | undefined {
    return attemptMetadata(this.request.metadata, attempt.number);
  }

  protected override afterAttempt(attempt: Attempt, end: AttemptEnd): void {
    const { throttle } = this.#context;
    if (end.code === Status.OK) {
      throttle?.succeeded();
      return this.conclude(attempt, end);
    }
    const said = pushback(end);
    const fatal = !this.#policy.nonFatalCodes.has(end.code);
    if (!fatal || said === "never") throttle?.failed();
    if (fatal) return this.conclude(attempt, end);
    if (said === "never") this.#stopped = true;
    if (this.#mayStart()) {
      this.#clearTimer();
      if (typeof said !== "number") this.#next();
      else this.#wait(said);
    } else if (this.#timer === undefined && this.attempts.every((one) => one.over)) {
      this.conclude(attempt, end);
    }
  }

  protected override onCommitted(): void {
    this.#context.throttle?.succeeded();
    this.#clearTimer();
  }

  protected override onFinished(): void {
    this.#clearTimer();
  }

  #mayStart(): boolean {
    if (this.#stopped || this.#started >= this.#policy.maxAttempts) return false;
    return this.#started === 0 || (this.#context.throttle?.open ?? true);
  }

  #next(): void {
    do {
      if (this.#started++ > 0) this.#context.onExtraAttempt();
      this.startAttempt();
    } while (this.#policy.delayMs === 0 && this.#mayStart() && !this.ended);
    if (this.#mayStart() && !this.ended) this.#wait(this.#policy.delayMs);
  }

  #wait(delayMs: number): void {
    // A copy that failed at once has set it already.
    this.#clearTimer();
    this.core.hold.acquire();
    this.#timer = this.core.clock.setTimer(() => {
      this.#clearTimer();
      if (this.#mayStart()) this.#next();
      else this.#concludeIfAlone();
    }, delayMs);
  }

  // The throttle closed while the last copies were waited for: their failure is the call's.
  #concludeIfAlone(): void {
    const last = this.attempts.at(-1)!;
    if (this.attempts.every((one) => one.over) && this.#lastEnd) this.conclude(last, this.#lastEnd);
  }
  #lastEnd: AttemptEnd | undefined = undefined;

  override attemptEnded(attempt: Attempt, end: AttemptEnd): void {
    this.#lastEnd = end;
    super.attemptEnded(attempt, end);
  }

  #clearTimer(): void {
    if (this.#timer === undefined) return;
    this.core.clock.clearTimer(this.#timer);
    this.#timer = undefined;
    this.core.hold.release();
  }
}
