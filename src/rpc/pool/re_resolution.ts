/**
 * Name resolution of a target: at the start and again after failures, at a minimum interval.
 *
 * @module
 */

import { deferred } from "../core/deferred.ts";
import type { Clock } from "../../call/clock.ts";
import { textOf } from "../../errors.ts";
import { abortSafely, newAbortController } from "../core/abort.ts";
import type { FailureLog } from "../core/failure_log.ts";
import type { ResolverUpdate } from "../resolver/types.ts";

// Interval between resolutions while there is no address yet, in ms, unless the minimum interval is shorter.
const EMPTY_RETRY_MS = 1_000;

/** Configuration and callbacks of a {@link Resolution}. */
export interface ResolutionOptions {
  /** The target, for error texts. */
  readonly target: string;
  /** Resolves the target. */
  readonly resolve: (signal: AbortSignal) => Promise<ResolverUpdate>;
  /** Time limit of one resolution, in ms: a resolver may never settle. */
  readonly timeoutMs: number;
  /** Minimum interval between two resolutions, in ms. */
  readonly minIntervalMs: number;
  readonly clock: Clock;
  /** Logs exceptions of listeners of the resolver's signal. */
  readonly failures: FailureLog;
  /** Receives what was resolved, with at least one address. */
  readonly onUpdate: (update: ResolverUpdate) => void;
  /** Receives a failure. Until the first success, failed resolutions are retried automatically. */
  readonly onError: (error: Error) => void;
}

/** Finds the addresses of one target, and follows their changes. */
export interface AddressSource {
  /** Begins. */
  start(): void;
  /** Asks for new addresses. */
  again(): void;
  /** Ends, for good. */
  close(): void;
}

/** Resolves one target, repeatedly. */
export class Resolution implements AddressSource {
  readonly #options: ResolutionOptions;
  /** Aborts the resolution that is running. */
  #abort: AbortController | undefined = undefined;
  #closed = false;
  #running = false;
  #again = false;
  #known = false;
  #lastMs = -Infinity;
  #timer: unknown = undefined;

  /** Creates a resolution that begins at `start`. */
  constructor(options: ResolutionOptions) {
    this.#options = options;
  }

  /** Resolves now. */
  start(): void {
    this.#run();
  }

  /** Resolves again once the minimum interval has passed. */
  again(): void {
    if (this.#closed || this.#timer !== undefined) return;
    if (this.#running) {
      this.#again = true;
      return;
    }
    const { clock, minIntervalMs } = this.#options;
    const waitMs = this.#known ? minIntervalMs : Math.min(EMPTY_RETRY_MS, minIntervalMs);
    this.#timer = clock.setTimer(() => {
      this.#timer = undefined;
      this.#run();
    }, Math.max(0, this.#lastMs + waitMs - clock.now()));
  }

  /** Stops resolving. */
  close(): void {
    this.#closed = true;
    if (this.#abort !== undefined) this.#end(this.#abort, new Error("The channel was closed"));
    if (this.#timer !== undefined) this.#options.clock.clearTimer(this.#timer);
  }

  async #run(): Promise<void> {
    const { clock, target, onUpdate, onError } = this.#options;
    this.#running = true;
    this.#again = false;
    this.#lastMs = clock.now();
    let update!: ResolverUpdate;
    let error: Error | undefined;
    try {
      update = await this.#resolve();
      if (update.addresses.length === 0) {
        error = new Error(`Cannot resolve ${target}: it has no addresses`);
      }
    } catch (cause) {
      error = new Error(`Cannot resolve ${target}: ${textOf(cause)}`, { cause });
    }
    this.#running = false;
    if (this.#closed) return;
    if (error === undefined) {
      this.#known = true;
      onUpdate(update);
    } else {
      onError(error);
      if (!this.#known) this.#again = true;
    }
    if (this.#again) this.again();
  }

  /** Resolves once, within the time limit. */
  async #resolve(): Promise<ResolverUpdate> {
    const { clock, resolve, timeoutMs } = this.#options;
    const abort = this.#abort = newAbortController();
    const ended = deferred<never>();
    abort.signal.addEventListener("abort", () => ended.reject(abort.signal.reason));
    const timer = clock.setTimer(
      () => this.#end(abort, new Error(`timed out after ${timeoutMs} ms`)),
      timeoutMs,
    );
    try {
      return await Promise.race([resolve(abort.signal), ended.promise]);
    } finally {
      clock.clearTimer(timer);
      this.#abort = undefined;
    }
  }

  #end(abort: AbortController, reason: Error): void {
    abortSafely(abort, reason, (error) => {
      this.#options.failures.hook("listener of the resolver's signal", error);
    });
  }
}
