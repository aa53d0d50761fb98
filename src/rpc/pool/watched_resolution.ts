/**
 * Addresses of a target that a resolver watches.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import { isInstance, textOf } from "../../errors.ts";
import { abortSafely, newAbortController } from "../core/abort.ts";
import { deferred } from "../core/deferred.ts";
import type { FailureLog } from "../core/failure_log.ts";
import type { NameResolver, ResolverTarget, ResolverUpdate } from "../resolver/types.ts";
import { Backoff } from "./backoff.ts";
import type { AddressSource } from "./re_resolution.ts";

/** Configuration and callbacks of a {@link WatchedResolution}. */
export interface WatchedResolutionOptions {
  readonly resolver: NameResolver;
  readonly target: ResolverTarget;
  /** Minimum interval between an update and a re-resolution, in ms. */
  readonly minIntervalMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  /** Logs exceptions of listeners of the resolver's signal. */
  readonly failures: FailureLog;
  readonly log: (level: "debug" | "warn", message: string) => void;
  readonly onUpdate: (update: ResolverUpdate) => void;
  readonly onError: (error: Error) => void;
}

/** Watches one target, and again after failures. */
export class WatchedResolution implements AddressSource {
  readonly #options: WatchedResolutionOptions;
  readonly #abort = newAbortController();
  readonly #backoff: Backoff;
  #closed = false;
  #wanted = false;
  #waiting: { resolve: () => void; reject: (error: unknown) => void } | undefined = undefined;
  /** Whether the iteration has ended; it begins again when addresses are wanted. */
  #ended = false;
  #lastMs = -Infinity;
  #timer: unknown = undefined;
  #iterator: AsyncIterator<ResolverUpdate | Error> | undefined = undefined;

  /** Creates a resolution that begins at `start`. */
  constructor(options: WatchedResolutionOptions) {
    this.#options = options;
    this.#backoff = new Backoff({}, options.random);
  }

  start(): void {
    this.#run();
  }

  again(): void {
    if (this.#closed) return;
    this.#wanted = true;
    this.#schedule();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const reason = new Error("The channel was closed");
    abortSafely(this.#abort, reason, (error) => {
      this.#options.failures.hook("listener of the resolver's signal", error);
    });
    this.#waiting?.reject(reason);
    this.#clearTimer();
    // A step that does not settle must not hold up the channel.
    this.#iterator?.return?.().catch(() => {});
  }

  #clearTimer(): void {
    if (this.#timer !== undefined) this.#options.clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  // Grants a wanted re-resolution once the resolver waits for it and the interval has passed.
  #schedule(): void {
    if (!this.#wanted || this.#timer !== undefined) return;
    if (this.#waiting === undefined && !this.#ended) return;
    const { clock, minIntervalMs } = this.#options;
    this.#later(Math.max(0, this.#lastMs + minIntervalMs - clock.now()), () => {
      this.#wanted = false;
      if (this.#ended) return void this.#run();
      this.#waiting?.resolve();
      this.#waiting = undefined;
    });
  }

  #later(delayMs: number, act: () => void): void {
    this.#timer = this.#options.clock.setTimer(() => {
      this.#timer = undefined;
      act();
    }, delayMs);
  }

  async #run(): Promise<void> {
    this.#ended = false;
    const { resolver, target, clock, random, log } = this.#options;
    const { signal } = this.#abort;
    try {
      const context = { signal, clock, random, log, reresolution: () => this.#reresolution() };
      const iterator = resolver.watch(target, context)[Symbol.asyncIterator]();
      this.#iterator = iterator;
      while (true) {
        const step = await iterator.next();
        if (this.#closed) return;
        if (step.done) break;
        this.#take(step.value);
      }
      this.#ended = true;
      this.#schedule();
    } catch (error) {
      if (this.#closed) return;
      this.#fail(error);
      this.#waiting = undefined;
      this.#clearTimer();
      this.#later(this.#backoff.next(), () => this.#run());
    }
  }

  #take(value: ResolverUpdate | Error): void {
    if (isInstance(value, Error)) return this.#fail(value);
    this.#lastMs = this.#options.clock.now();
    this.#backoff.reset();
    this.#options.onUpdate(value);
  }

  #fail(error: unknown): void {
    const { target, onError } = this.#options;
    onError(new Error(`Cannot resolve ${target.text}: ${textOf(error)}`, { cause: error }));
  }

  #reresolution(): Promise<void> {
    if (this.#closed) return Promise.reject(this.#abort.signal.reason);
    const { promise, resolve, reject } = deferred<void>();
    this.#waiting = { resolve, reject };
    this.#schedule();
    return promise;
  }
}
