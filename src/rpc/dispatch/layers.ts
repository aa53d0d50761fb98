/**
 * Ready wrappers around a dispatcher: a concurrency limit, time limits per method, a barrier for errors.
 *
 * @module
 */

import { checkRange, whole } from "../../limits/ranges.ts";
import { Status } from "../../call/status.ts";
import { RpcError } from "../../errors.ts";
import { runWithContext } from "../core/current_context.ts";
import type { Dispatcher, DispatcherWrapper, DispatchReply } from "./dispatcher.ts";
import type { HandlerContext, MethodInfo } from "../core/types.ts";

type Request = Uint8Array | AsyncIterable<Uint8Array>;
type Answer = DispatchReply | Promise<DispatchReply>;

/** Applies several wrappers; the first is the outermost. */
export function composeDispatchers(...wrappers: readonly DispatcherWrapper[]): DispatcherWrapper {
  return (next) => wrappers.reduceRight((inner, wrap) => wrap(inner), next);
}

/** A dispatcher that asks another one for everything but `dispatch`. */
export abstract class DispatcherLayer implements Dispatcher {
  /** The one inside. */
  protected readonly next: Dispatcher;

  /** Goes around `next`. */
  constructor(next: Dispatcher) {
    this.next = next;
  }

  /** As `next` has it. */
  find(path: string): MethodInfo | undefined {
    return this.next.find(path);
  }

  /** As `next` has it. */
  explainMissing(path: string): string {
    return this.next.explainMissing?.(path) ?? `Unknown method ${path}`;
  }

  /** Closes `next`. */
  close(): Promise<void> | void {
    return this.next.close?.();
  }

  /** Runs a call, usually by `next.dispatch`. */
  abstract dispatch(
    method: MethodInfo,
    request: Uint8Array | AsyncIterable<Uint8Array>,
    context: HandlerContext,
    lend?: boolean,
  ): DispatchReply | Promise<DispatchReply>;
}

/** Options of {@link concurrencyLimit}. */
export interface ConcurrencyLimitOptions {
  /** How many calls run at once; 1 or more, Infinity for no limit. */
  limit: number;
  /** How many wait their turn; any more get RESOURCE_EXHAUSTED at once. 0 or more, Infinity for no limit. Default 0. */
  maxQueue?: number;
  /** The paths that are limited, together. Default: all. */
  methods?: readonly string[];
}

/**
 * Lets a number of calls run at once. Streams count until their last reply. Waiting calls keep their order;
 * one that is given up leaves the queue.
 */
export function concurrencyLimit(options: ConcurrencyLimitOptions): DispatcherWrapper {
  const { limit, maxQueue = 0 } = options;
  checkRange("limit", limit, whole(1, Infinity));
  checkRange("maxQueue", maxQueue, whole(0, Infinity));
  return (next) => new ConcurrencyLimit(next, options, maxQueue);
}

class ConcurrencyLimit extends DispatcherLayer {
  readonly #limit: number;
  readonly #maxQueue: number;
  readonly #methods: ReadonlySet<string> | undefined;
  #running = 0;
  // Insertion order is the order of waiting; leaving is O(1).
  #waiting = new Set<() => void>();
  #release = () => {
    this.#running--;
    const first = this.#waiting.values().next();
    if (!first.done) first.value();
  };

  constructor(next: Dispatcher, options: ConcurrencyLimitOptions, maxQueue: number) {
    super(next);
    this.#limit = options.limit;
    this.#maxQueue = maxQueue;
    this.#methods = options.methods && new Set(options.methods);
  }

  dispatch(method: MethodInfo, request: Request, context: HandlerContext, lend?: boolean): Answer {
    if (this.#methods && !this.#methods.has(method.path)) {
      return this.next.dispatch(method, request, context, lend);
    }
    if (this.#running < this.#limit) {
      this.#running++;
      return this.#run(method, request, context, lend);
    }
    if (this.#waiting.size >= this.#maxQueue) {
      throw new RpcError(
        Status.RESOURCE_EXHAUSTED,
        `${this.#running} calls run and ${this.#waiting.size} wait, limits are ${this.#limit} and ${this.#maxQueue}`,
      );
    }
    return this.#wait(context).then(() => this.#run(method, request, context, lend));
  }

  /** Resolves when a slot is free and taken. */
  #wait(context: HandlerContext): Promise<void> {
    return new Promise((resolve, reject) => {
      const { signal } = context;
      const start = () => {
        this.#waiting.delete(start);
        signal.removeEventListener("abort", leave);
        this.#running++;
        resolve();
      };
      const leave = () => {
        this.#waiting.delete(start);
        reject(signal.reason);
      };
      this.#waiting.add(start);
      signal.addEventListener("abort", leave, { once: true });
    });
  }

  /** Runs a call that has a slot. */
  #run(method: MethodInfo, request: Request, context: HandlerContext, lend?: boolean): Answer {
    let answer: Answer;
    try {
      answer = this.next.dispatch(method, request, context, lend);
    } catch (error) {
      this.#release();
      throw error;
    }
    if (answer instanceof Uint8Array) {
      this.#release();
      return answer;
    }
    if (answer instanceof Promise) {
      return answer.then((reply) => {
        if (!(reply instanceof Uint8Array)) return new CountedReplies(reply, this.#release);
        this.#release();
        return reply;
      }, (error) => {
        this.#release();
        throw error;
      });
    }
    return new CountedReplies(answer, this.#release);
  }
}

/** Replies that say once when they have ended, also when nobody has begun to read them. */
class CountedReplies implements AsyncIterableIterator<Uint8Array, void, void> {
  readonly #source: AsyncIterator<Uint8Array>;
  #release: (() => void) | undefined;

  constructor(source: AsyncIterable<Uint8Array>, release: () => void) {
    this.#source = source[Symbol.asyncIterator]();
    this.#release = release;
  }

  async next(): Promise<IteratorResult<Uint8Array, void>> {
    try {
      const step = await this.#source.next();
      if (step.done) this.#ended();
      return step;
    } catch (error) {
      this.#ended();
      throw error;
    }
  }

  async return(): Promise<IteratorResult<Uint8Array, void>> {
    try {
      await this.#source.return?.();
    } finally {
      this.#ended();
    }
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #ended(): void {
    const release = this.#release;
    this.#release = undefined;
    release?.();
  }
}

/** Options of {@link methodTimeouts}. */
export interface MethodTimeoutsOptions {
  /** For methods that are not listed, in ms. Default: no limit. */
  defaultMs?: number;
  /** By path, in ms. */
  methods?: Readonly<Record<string, number>>;
}

/**
 * Limits how long calls may take, whatever deadline their callers gave: then they end with
 * DEADLINE_EXCEEDED and their handlers' signals fire.
 */
export function methodTimeouts(options: MethodTimeoutsOptions): DispatcherWrapper {
  const { defaultMs = Infinity } = options;
  const methods = new Map(Object.entries(options.methods ?? {}));
  for (const timeoutMs of [defaultMs, ...methods.values()]) {
    if (!(timeoutMs > 0)) throw new RangeError(`Cannot use a timeout of ${timeoutMs} ms`);
  }
  return (next) => new MethodTimeouts(next, methods, defaultMs);
}

class MethodTimeouts extends DispatcherLayer {
  readonly #methods: ReadonlyMap<string, number>;
  readonly #defaultMs: number;

  constructor(next: Dispatcher, methods: ReadonlyMap<string, number>, defaultMs: number) {
    super(next);
    this.#methods = methods;
    this.#defaultMs = defaultMs;
  }

  dispatch(method: MethodInfo, request: Request, context: HandlerContext, lend?: boolean): Answer {
    const timeoutMs = this.#methods.get(method.path) ?? this.#defaultMs;
    if (timeoutMs === Infinity) return this.next.dispatch(method, request, context, lend);
    context.tightenDeadline(timeoutMs);
    return runWithContext(context, () => this.next.dispatch(method, request, context, lend));
  }
}

/**
 * Turns whatever is thrown below into an RpcError: UNKNOWN, without the text, for anything that is none. The
 * server does the same in the end; with this, wrappers further out see statuses only. `onPanic` hears of
 * every such error.
 */
export function panicBarrier(
  onPanic?: (method: MethodInfo, error: unknown) => void,
): DispatcherWrapper {
  return (next) => new PanicBarrier(next, onPanic);
}

/** Replies whose errors become statuses. No generator, which would not pass on the end of what nobody has begun to read. */
class GuardedReplies implements AsyncIterableIterator<Uint8Array, void, void> {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #caught: (error: unknown) => RpcError;

  constructor(source: AsyncIterable<Uint8Array>, caught: (error: unknown) => RpcError) {
    this.#source = source[Symbol.asyncIterator]();
    this.#caught = caught;
  }

  async next(): Promise<IteratorResult<Uint8Array, void>> {
    try {
      return await this.#source.next();
    } catch (error) {
      throw this.#caught(error);
    }
  }

  async return(): Promise<IteratorResult<Uint8Array, void>> {
    try {
      await this.#source.return?.();
    } catch (error) {
      throw this.#caught(error);
    }
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

class PanicBarrier extends DispatcherLayer {
  readonly #onPanic: ((method: MethodInfo, error: unknown) => void) | undefined;

  constructor(next: Dispatcher, onPanic?: (method: MethodInfo, error: unknown) => void) {
    super(next);
    this.#onPanic = onPanic;
  }

  dispatch(method: MethodInfo, request: Request, context: HandlerContext, lend?: boolean): Answer {
    const caught = (error: unknown) => this.#caught(method, error);
    try {
      const answer = this.next.dispatch(method, request, context, lend);
      if (answer instanceof Uint8Array) return answer;
      if (answer instanceof Promise) {
        return answer.then(
          (reply) => reply instanceof Uint8Array ? reply : new GuardedReplies(reply, caught),
          (error) => {
            throw caught(error);
          },
        );
      }
      return new GuardedReplies(answer, caught);
    } catch (error) {
      throw caught(error);
    }
  }

  #caught(method: MethodInfo, error: unknown): RpcError {
    if (error instanceof RpcError) return error;
    try {
      this.#onPanic?.(method, error);
    } catch {
      // A barrier that throws would be none.
    }
    return new RpcError(Status.UNKNOWN, "The handler failed", { cause: error });
  }
}
