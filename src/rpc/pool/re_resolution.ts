/**
 * When to ask for the addresses of a target: at first, and after failures, but not too often.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";

// Without any address, asking again soon is all that can help.
const EMPTY_RETRY_MS = 1_000;

/** What a {@link Resolution} needs and whom it tells. */
export interface ResolutionOptions {
  /** For texts. */
  readonly target: string;
  /** Gives the addresses of the target. */
  readonly resolve: (signal: AbortSignal) => Promise<readonly string[]>;
  /** The least time between two answers, in ms. */
  readonly minIntervalMs: number;
  readonly clock: Clock;
  /** New addresses, at least one, each once. */
  readonly onAddresses: (addresses: string[]) => void;
  /** There is no answer; asking goes on. */
  readonly onError: (error: Error) => void;
}

/** Asks for the addresses of one target. */
export class Resolution {
  readonly #options: ResolutionOptions;
  readonly #abort = new AbortController();
  #running = false;
  #again = false;
  #known = false;
  #lastMs = -Infinity;
  #timer: unknown = undefined;

  /** Does nothing until `start`. */
  constructor(options: ResolutionOptions) {
    this.#options = options;
  }

  /** Asks now. */
  start(): void {
    this.#run();
  }

  /** Asks again, as soon as the least interval allows. */
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

  /** Stops asking. */
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
