/**
 * Layers around a dispatcher: a concurrency limit, time limits by method, a barrier for exceptions.
 *
 * @module
 */

import { checkFunctions, checkRange, whole } from "../../limits/ranges.ts";
import { serverStreams } from "../../call/method.ts";
import { Status } from "../../call/status.ts";
import { deadlineExceeded, isInstance, RpcError } from "../../errors.ts";
import { isBytes } from "../../bytes/is_bytes.ts";
import { runWithContext } from "../core/current_context.ts";
import { ignoreRejection } from "../core/promises.ts";
import type { Dispatcher, DispatcherWrapper, DispatchReply } from "./dispatcher.ts";
import type { HandlerContext, MethodInfo } from "../core/types.ts";

type Request = Uint8Array | AsyncIterable<Uint8Array>;
type Answer = DispatchReply | Promise<DispatchReply>;

/** Combines wrappers into one; the first is the outermost. */
export function composeDispatchers(...wrappers: readonly DispatcherWrapper[]): DispatcherWrapper {
  return (next) => wrappers.reduceRight((inner, wrap) => wrap(inner), next);
}

/** Base of dispatchers that wrap another one: forwards everything except `dispatch`. */
export abstract class DispatcherLayer implements Dispatcher {
  /** Wrapped dispatcher. */
  readonly next: Dispatcher;

  /** Wraps `next`. */
  constructor(next: Dispatcher) {
    this.next = next;
  }

  /** Finds a method in `next`. */
  find(path: string): MethodInfo | undefined {
    return this.next.find(path);
  }

  /** Asks `next` for the error text of an unknown path. */
  explainMissing(path: string): string {
    return this.next.explainMissing?.(path) ?? `Unknown method ${path}`;
  }

  /** Closes `next`. */
  close(): Promise<void> | void {
    return this.next.close?.();
  }

  /** Runs a call, usually by `next.dispatch`. See {@link Dispatcher.dispatch}. */
  abstract dispatch(
    method: MethodInfo,
    request: Uint8Array | AsyncIterable<Uint8Array>,
    context: HandlerContext,
    lend?: boolean,
  ): DispatchReply | Promise<DispatchReply>;
}

/** Options of {@link concurrencyLimit}. */
export interface ConcurrencyLimitOptions {
  /** Calls that run at once: 1 or more, Infinity for no limit. */
  limit: number;
  /**
   * Calls that wait for a slot: 0 or more, Infinity for no limit; further calls fail at once with RESOURCE_EXHAUSTED.
   * Default 0.
   */
  maxQueue?: number;
  /** Paths that share the limit. Default: all. */
  methods?: readonly string[];
}

/**
 * Limits how many calls run at once. A stream counts until its last reply. Waiting calls start in order of arrival; a
 * cancelled one leaves the queue. Throws RangeError for options out of range.
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
  // A Set keeps insertion order and removes in O(1).
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
    return this.#wait(context).then(() => {
      if (context.timeRemainingMs() <= 0) {
        this.#release();
        throw deadlineExceeded();
      }
      return this.#run(method, request, context, lend);
    });
  }

  /** Resolves once the call has taken a free slot. */
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

  /** Runs a call that has taken a concurrency slot, which is released at its end. `lend` as in {@link Dispatcher.dispatch}. */
  #run(method: MethodInfo, request: Request, context: HandlerContext, lend?: boolean): Answer {
    let answer: Answer;
    try {
      answer = this.next.dispatch(method, request, context, lend);
    } catch (error) {
      this.#release();
      throw error;
    }
    if (isInstance(answer, Promise)) {
      return answer.then((reply) => this.#counted(method, reply), (error) => {
        this.#release();
        throw error;
      });
    }
    return this.#counted(method, answer);
  }

  /** Releases the call's concurrency slot: at the end of the reply stream if the method streams replies, else at once. */
  #counted(method: MethodInfo, reply: DispatchReply): DispatchReply {
    if (isBytes(reply) || !serverStreams(method.kind)) {
      this.#release();
      return reply;
    }
    try {
      return new CountedReplies(reply, this.#release);
    } catch (error) {
      this.#release();
      throw error;
    }
  }
}

/** Returns an iterator over replies. Throws TypeError for anything that cannot be iterated over. */
function iteratorOf(source: AsyncIterable<Uint8Array>): AsyncIterator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  ignoreRejection(iterator);
  if (typeof iterator?.next === "function") return iterator;
  throw new TypeError("The iterable of replies returned no iterator");
}

/**
 * Replies that call `release` once at their end. Not a generator: `return()` before the first `next()` would not reach
 * the source.
 */
class CountedReplies implements AsyncIterableIterator<Uint8Array, void, void> {
  readonly #source: AsyncIterator<Uint8Array>;
  #release: (() => void) | undefined;

  constructor(source: AsyncIterable<Uint8Array>, release: () => void) {
    this.#source = iteratorOf(source);
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
  /** Limit of methods that are not listed, in ms, over 0. Default: Infinity, no limit. */
  defaultMs?: number;
  /** Limits by path, in ms, over 0. */
  methods?: Readonly<Record<string, number>>;
}

/**
 * Limits how long calls may take, whatever deadline the caller sent: a call that takes longer ends with
 * DEADLINE_EXCEEDED, and its handler's signal fires. Throws RangeError for a limit that is not over 0.
 */
export function methodTimeouts(options: MethodTimeoutsOptions): DispatcherWrapper {
  const { defaultMs = Infinity } = options;
  const methods = new Map(
    Object.entries<number | undefined>(options.methods ?? {})
      .filter((entry): entry is [string, number] => entry[1] !== undefined),
  );
  for (const timeoutMs of [defaultMs, ...methods.values()]) {
    if (!(timeoutMs > 0)) {
      throw new RangeError(`Cannot use a timeout of ${timeoutMs} ms: it must be over 0`);
    }
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
 * Converts exceptions other than RpcErrors into UNKNOWN without their text, so that the layers around this one see
 * statuses only. The server does the same for what passes all layers. `onPanic` is called with every such exception;
 * what it throws is ignored.
 */
export function panicBarrier(
  onPanic?: (method: MethodInfo, error: unknown) => void,
): DispatcherWrapper {
  if (onPanic !== undefined) checkFunctions("onPanic", [onPanic]);
  return (next) => new PanicBarrier(next, onPanic);
}

/**
 * Replies whose exceptions become RpcErrors. Not a generator: `return()` before the first `next()` would not reach the
 * source.
 */
class GuardedReplies implements AsyncIterableIterator<Uint8Array, void, void> {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #caught: (error: unknown) => RpcError;

  constructor(source: AsyncIterable<Uint8Array>, caught: (error: unknown) => RpcError) {
    this.#source = iteratorOf(source);
    this.#caught = caught;
  }

  async next(): Promise<IteratorResult<Uint8Array, void>> {
    try {
      const step: unknown = await this.#source.next();
      if (typeof step !== "object" || step === null) {
        throw new TypeError(`The iterator of replies returned a ${typeof step}`);
      }
      return step as IteratorResult<Uint8Array, void>;
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
      if (isInstance(answer, Promise)) {
        return answer.then(
          (reply) => isBytes(reply) ? reply : new GuardedReplies(reply, caught),
        ).catch((error) => {
          throw caught(error);
        });
      }
      return isBytes(answer) ? answer : new GuardedReplies(answer, caught);
    } catch (error) {
      throw caught(error);
    }
  }

  #caught(method: MethodInfo, error: unknown): RpcError {
    if (isInstance(error, RpcError)) return error;
    try {
      ignoreRejection(this.#onPanic?.(method, error));
    } catch {
      // What `onPanic` throws is ignored: the barrier itself must throw nothing but RpcErrors.
    }
    return new RpcError(Status.UNKNOWN, "The handler failed", { cause: error });
  }
}
