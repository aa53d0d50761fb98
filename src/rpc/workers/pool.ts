/**
 * Pool of Web Workers that run CPU-heavy handlers, so that those do not block connections.
 *
 * @module
 */

import { availableParallelism } from "node:os";
import { Metadata } from "../../call/metadata.ts";
import { printable } from "../../call/printable.ts";
import { checkFunctions, checkRanges, measured, type Ranges, whole } from "../../limits/ranges.ts";
import { Status, statusFromNumber } from "../../call/status.ts";
import { deadlineExceeded, RpcError, textOf } from "../../errors.ts";
import { DispatcherLayer } from "../dispatch/layers.ts";
import { decodeStatusDetails, DETAILS_KEY } from "../../codec/status_details.ts";
import type { Dispatcher, DispatcherWrapper, DispatchReply } from "../dispatch/dispatcher.ts";
import { serverLog } from "../core/log.ts";
import { invoke } from "../dispatch/invoke.ts";
import { RegisteredMethod } from "../dispatch/registry.ts";
import type { RuntimeWorker } from "../../runtime/mod.ts";
import type { HandlerContext, MethodInfo } from "../core/types.ts";
import { PooledWorker, type WorkerJob } from "./worker.ts";
import { epochMs, postableMetadata, type WorkerReply } from "./messages.ts";

/** Options of a {@link WorkerPool}. */
export interface WorkerPoolOptions {
  /**
   * Creates a worker whose module calls `serveWorker`. Write it as
   * `() => new Worker(new URL("./my_worker.ts", import.meta.url), { type: "module" })`: `deno compile` does not find
   * a computed URL.
   */
  create: () => RuntimeWorker;
  /**
   * Paths of the methods that run in workers. They must be unary and registered with the server too; their interceptors
   * run on the server's thread.
   */
  methods: readonly string[];
  /** Number of workers, 1 to 1,024. Default: the number of processors less one, at least 1. */
  workers?: number;
  /**
   * Calls that wait for a worker: 0 or more, Infinity for no limit; further calls fail at once with RESOURCE_EXHAUSTED.
   * Default 256.
   */
  maxQueue?: number;
  /** Value for the `configure` function of `serveWorker`; must be cloneable. Default: undefined. */
  init?: unknown;
  /**
   * Time for a worker to finish a call that was cancelled or passed its deadline, in ms, before the worker is replaced:
   * 0 or more, Infinity for never. Default 1,000.
   */
  stuckMs?: number;
}

/** Longest wait for a terminated worker to end, in ms: the runtime does not interrupt a running computation. */
const END_TIMEOUT_MS = 1_000;

const RANGES: Ranges<WorkerPoolOptions> = {
  workers: whole(1, 1_024),
  maxQueue: whole(0, Infinity),
  stuckMs: measured(0),
};

/** Counters of a {@link WorkerPool}. */
export interface WorkerPoolStats {
  /** Number of workers, including those that are starting. */
  workers: number;
  /** Number of workers that are running a call. */
  busy: number;
  /** Number of calls that wait for a worker. */
  queued: number;
  /** Largest number of waiting calls so far. */
  maxQueued: number;
  /** Calls that ended, with whatever status. */
  answered: number;
  /** Calls that were refused because the queue was full. */
  refused: number;
  /** Workers that were replaced after a crash or because of `stuckMs`. */
  replaced: number;
}

/**
 * Pool of workers that run one call each at a time. When a worker crashes, its call ends with INTERNAL and the worker
 * is replaced. Pass `dispatcher` to the option of that name of `serve`; closing the server closes the pool.
 */
export class WorkerPool {
  /** Wrapper that runs the pool's methods in workers and passes all others on. */
  readonly dispatcher: DispatcherWrapper;
  readonly #options: WorkerPoolOptions;
  readonly #maxQueue: number;
  readonly #methods: ReadonlySet<string>;
  #workers: PooledWorker[] = [];
  // A Set keeps insertion order and removes in O(1).
  #queue = new Set<WorkerJob>();
  #closed = false;
  #closing: Promise<void> | undefined = undefined;
  #counts = { maxQueued: 0, answered: 0, refused: 0, replaced: 0 };

  /**
   * Creates the workers. Throws RangeError for options out of range, and TypeError for a `create` that is not a
   * function and an `init` that cannot be cloned.
   */
  constructor(options: WorkerPoolOptions) {
    const { workers = Math.max(1, availableParallelism() - 1), maxQueue = 256 } = options;
    checkRanges(options, RANGES);
    checkFunctions("create", [options.create]);
    checkCloneable(options.init);
    this.#options = options;
    this.#maxQueue = maxQueue;
    this.#methods = new Set(options.methods);
    for (let i = 0; i < workers; i++) this.#workers.push(this.#newWorker());
    this.dispatcher = (next) => new PoolDispatcher(next, this.#methods, this);
  }

  /** Returns the counters since the pool was created. */
  stats(): WorkerPoolStats {
    return {
      workers: this.#workers.length,
      busy: this.#workers.filter((worker) => worker.busy).length,
      queued: this.#queue.size,
      ...this.#counts,
    };
  }

  /**
   * Terminates the workers; running and waiting calls end with UNAVAILABLE. Resolves when no code of the workers
   * runs any more, after 1 s at the latest: a handler that computes runs on until it is done.
   */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#closed = true;
    const reason = new RpcError(Status.UNAVAILABLE, "The worker pool was closed");
    const workers = this.#workers;
    for (const worker of workers) worker.end(reason);
    this.#workers = [];
    for (const job of this.#queue) job.fail(reason);
    this.#queue.clear();
    await Promise.all(workers.map((worker) => worker.ended(END_TIMEOUT_MS)));
  }

  /**
   * Runs a unary call in a worker. Throws RESOURCE_EXHAUSTED if the queue is full and UNAVAILABLE if the pool is
   * closed; rejects with the error of the call.
   */
  run(path: string, request: Uint8Array, context: HandlerContext): Promise<Uint8Array> {
    if (this.#closed) throw new RpcError(Status.UNAVAILABLE, "The worker pool was closed");
    const idle = this.#workers.find((worker) => worker.idle);
    if (!idle && this.#queue.size >= this.#maxQueue) {
      this.#counts.refused++;
      throw new RpcError(
        Status.RESOURCE_EXHAUSTED,
        `All ${this.#workers.length} workers are busy and ${this.#queue.size} calls wait, limit is ${this.#maxQueue}`,
      );
    }
    return new Promise((resolve, reject) => {
      const { signal } = context;
      const settle = () => {
        signal.removeEventListener("abort", onAbort);
        this.#counts.answered++;
      };
      const job: WorkerJob = {
        expired: () => context.timeRemainingMs() <= 0,
        call: () => ({
          path,
          // Posting a view would copy its whole buffer.
          payload: request.slice(),
          metadata: postableMetadata(context.metadata),
          deadlineMs: epochMs() + context.timeRemainingMs(),
          peer: { address: context.peer.address, transport: context.peer.transport },
          authority: context.authority,
          wire: context.wire,
        }),
        reply: (reply) => {
          settle();
          try {
            resolve(accept(reply, context));
          } catch (error) {
            reject(error);
          }
        },
        fail: (error) => {
          settle();
          reject(error);
        },
      };
      const onAbort = () => {
        // The call ends at once; a worker that runs it gets `stuckMs` to stop.
        if (!this.#queue.delete(job)) job.cancel?.();
        settle();
        reject(signal.reason);
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener("abort", onAbort, { once: true });
      if (idle) {
        idle.run(job);
      } else {
        this.#queue.add(job);
        this.#counts.maxQueued = Math.max(this.#counts.maxQueued, this.#queue.size);
      }
    });
  }

  #newWorker(startDelayMs = 0): PooledWorker {
    return new PooledWorker({
      create: this.#options.create,
      init: this.#options.init,
      stuckMs: this.#options.stuckMs ?? 1000,
      startDelayMs,
      onIdle: (worker) => this.#next(worker),
      onEnd: (worker, reason) => this.#replace(worker, reason),
      onForeignMessage: () =>
        serverLog.warn("A worker posted a message that is not of serveWorker; such are ignored"),
    });
  }

  #next(worker: PooledWorker): void {
    for (const job of this.#queue) {
      this.#queue.delete(job);
      if (!job.expired()) return worker.run(job);
      job.fail(deadlineExceeded());
    }
  }

  #replace(worker: PooledWorker, reason: string): void {
    const at = this.#workers.indexOf(worker);
    if (this.#closed || at < 0) return;
    this.#counts.replaced++;
    // Workers that fail before they are ready are replaced after increasing delays: 100 ms, doubled up to 5 s.
    const delayMs = worker.wasReady ? 0 : Math.min(5000, Math.max(100, worker.startDelayMs * 2));
    serverLog.warn("Replacing a worker in {delayMs} ms: {reason}", {
      delayMs,
      reason: printable(reason),
    });
    this.#workers[at] = this.#newWorker(delayMs);
  }
}

/** Throws TypeError for a value that cannot be posted to a worker. */
function checkCloneable(init: unknown): void {
  try {
    structuredClone(init);
  } catch (cause) {
    throw new TypeError(`Cannot use init: ${textOf(cause)}`, { cause });
  }
}

class PoolDispatcher extends DispatcherLayer {
  readonly #methods = new Map<string, RegisteredMethod>();
  /** Methods whose interceptors run on this thread, around the call to the worker. */
  readonly #intercepted = new Map<string, RegisteredMethod>();
  readonly #pool: WorkerPool;

  constructor(next: Dispatcher, methods: ReadonlySet<string>, pool: WorkerPool) {
    super(next);
    this.#pool = pool;
    for (const path of methods) {
      const method = next.find(path);
      if (method?.kind !== "unary") {
        throw new TypeError(
          `Cannot run ${path} in workers: it is ${method ? method.kind : "not registered"}`,
        );
      }
      // Fails closed: the interceptors of a method of another kind, such as `authorize`, could not run.
      if (!(method instanceof RegisteredMethod)) {
        throw new TypeError(
          `Cannot run ${path} in workers: the dispatcher below the pool does not return the registered method`,
        );
      }
      this.#methods.set(path, method);
      if (method.intercepted) this.#intercepted.set(path, this.#around(method));
    }
  }

  /** Puts the interceptors around the call to a worker. They need decoded messages, which are encoded again. */
  #around(method: RegisteredMethod): RegisteredMethod {
    const { path, requestCodec, responseCodec } = method;
    return method.around(async (request: unknown, context: HandlerContext) =>
      responseCodec.decode(await this.#pool.run(path, requestCodec.encode(request), context))
    );
  }

  dispatch(
    method: MethodInfo,
    request: Uint8Array | AsyncIterable<Uint8Array>,
    context: HandlerContext,
    lend?: boolean,
  ): DispatchReply | Promise<DispatchReply> {
    const registered = this.#methods.get(method.path);
    if (registered === undefined || !(request instanceof Uint8Array)) {
      return this.next.dispatch(method, request, context, lend);
    }
    const sameFormat = method.requestCodec === registered.requestCodec;
    const intercepted = this.#intercepted.get(method.path);
    if (intercepted !== undefined) {
      const target = sameFormat ? intercepted : intercepted.json ?? intercepted;
      return invoke(target, request, context, lend);
    }
    return sameFormat
      ? this.#pool.run(method.path, request, context)
      : this.#transcode(registered, method, request, context);
  }

  /** Runs a call whose messages have another format than those of the worker. */
  async #transcode(
    { path, requestCodec, responseCodec }: RegisteredMethod,
    method: MethodInfo,
    request: Uint8Array,
    context: HandlerContext,
  ): Promise<Uint8Array> {
    const encoded = requestCodec.encode(method.requestCodec.decode(request));
    const reply = await this.#pool.run(path, encoded, context);
    return method.responseCodec.encode(responseCodec.decode(reply));
  }

  override async close(): Promise<void> {
    await this.#pool.close();
    await this.next.close?.();
  }
}

/** Returns the payload of a reply and copies its metadata into the context. Throws the error of the call. */
function accept(reply: WorkerReply, context: HandlerContext): Uint8Array {
  for (const [key, value] of reply.headers) context.responseHeaders.append(key, value);
  if (reply.code === Status.OK && reply.payload) {
    for (const [key, value] of reply.trailers) context.responseTrailers.append(key, value);
    return reply.payload;
  }
  const metadata = new Metadata(reply.trailers);
  const encoded = metadata.get(DETAILS_KEY);
  metadata.delete(DETAILS_KEY);
  throw new RpcError(statusFromNumber(reply.code), reply.message, {
    metadata,
    details: encoded ? decodeStatusDetails(encoded) : [],
  });
}
