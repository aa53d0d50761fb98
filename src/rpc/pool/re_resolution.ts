/**
 * Name resolution of a target: at the start and again after failures, at a minimum interval.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";

// Interval while there is no address yet, unless the minimum interval is shorter.
const EMPTY_RETRY_MS = 1_000;

/** Configuration and callbacks of a {@link Resolution}. */
export interface ResolutionOptions {
  /** The target, for error texts. */
  readonly target: string;
  /** Resolves the target to addresses. */
  readonly resolve: (signal: AbortSignal) => Promise<readonly string[]>;
  /** Minimum interval between two resolutions, in ms. */
  readonly minIntervalMs: number;
  readonly clock: Clock;
  /** Receives the resolved addresses: at least one, without duplicates. */
  readonly onAddresses: (addresses: string[]) => void;
  /** Receives a failure. Without any earlier success, resolution is retried automatically. */
  readonly onError: (error: Error) => void;
}

/** Resolves one target, repeatedly. */
export class Resolution {
  readonly #options: ResolutionOptions;
  readonly #abort = new AbortController();
  #running = false;
  #again = false;
  #known = false;
  #lastMs = -Infinity;
  #timer: unknown = undefined;

  /** Has no effect until `start`. */
  constructor(options: ResolutionOptions) {
    this.#options = options;
  }

  /** Resolves now. */
  start(): void {
    this.#run();
  }

  /** Resolves again once the minimum interval has passed. */
  again(): void {
    if (this.#abort.signal.aborted || this.#timer !== undefined) return;
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
    this.#abort.abort();
    if (this.#timer !== undefined) this.#options.clock.clearTimer(this.#timer);
  }

  async #run(): Promise<void> {
    const { clock, target, onAddresses, onError } = this.#options;
    const { signal } = this.#abort;
    this.#running = true;
    this.#again = false;
    this.#lastMs = clock.now();
    let addresses: readonly string[] = [];
    let error: Error | undefined;
    try {
      addresses = await this.#options.resolve(signal);
      if (addresses.length === 0) {
        error = new Error(`Cannot resolve ${target}: it has no addresses`);
      }
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      error = new Error(`Cannot resolve ${target}: ${reason}`, { cause });
    }
    this.#running = false;
    if (signal.aborted) return;
    if (error === undefined) {
      this.#known = true;
      onAddresses([...new Set(addresses)]);
    } else {
      onError(error);
      if (!this.#known) this.#again = true;
    }
    if (this.#again) this.again();
  }
}
