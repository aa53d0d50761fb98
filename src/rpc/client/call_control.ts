/**
 * Deadline and cancellation of a call that passes through interceptors and credentials, which may never settle.
 *
 * @module
 */

import { deferred } from "../core/deferred.ts";
import type { Metadata } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import { deadlineExceeded, errorFromOutside, type RpcError } from "../../errors.ts";
import { abortSafely, newAbortController } from "../core/abort.ts";
import type { DeadlineHandle } from "../core/deadline_queue.ts";
import type { CallOptions } from "../core/types.ts";
import { type Abortable, unwatchAbort, watchAbort } from "./abort_fanout.ts";
import { type CallCore, type ClientMethod, deadlineOf, hasPassed } from "./call_core.ts";
import { abortError } from "./call_error.ts";
import type { ClientStream } from "./streaming_call.ts";

// Time in ms after a cancel or the deadline in which interceptors can settle with an error or reply of their own.
const GRACE_MS = 10;

/** Deadline and cancellation of one call, from the entry into its first interceptor to its end. */
export class CallControl implements Abortable {
  abortSlot = -1;
  readonly core: CallCore;
  readonly method: ClientMethod;
  readonly options: CallOptions;
  readonly deadlineMs: number;
  #controller: AbortController | undefined = undefined;
  #reason: RpcError | undefined = undefined;
  #deadline: DeadlineHandle | undefined = undefined;
  #ended = false;
  /** Functions that reject the pending promises of `race`. */
  readonly #waiting = new Set<(error: RpcError) => void>();
  #graceTimer: unknown = undefined;
  /** Streaming calls that were started after all interceptors. */
  readonly #streams: ClientStream[] = [];
  readonly #onEnd: ((error: RpcError | undefined) => void) | undefined;

  /** Starts the deadline. `onEnd` is called once, at the end of the call. */
  constructor(
    core: CallCore,
    method: ClientMethod,
    options: CallOptions,
    onEnd?: (error: RpcError | undefined) => void,
  ) {
    this.core = core;
    this.method = method;
    this.options = options;
    this.#onEnd = onEnd;
    this.deadlineMs = deadlineOf(core, method, options);
    if (options.signal?.aborted) this.onAbort(options.signal.reason);
    else if (options.signal !== undefined) watchAbort(options.signal, this);
    if (this.deadlineMs !== Infinity) {
      this.#deadline = core.deadlines.add(this.deadlineMs, () => this.#abort(deadlineExceeded()));
    }
  }

  /** Signal of the call, for interceptors. Made on first use. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = newAbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Whether an error is the reason of the caller's signal, which other calls may share. */
  isCallers(error: unknown): boolean {
    return error === this.#reason && error === this.options.signal?.reason;
  }

  /** Whether an error is the one with which the deadline or the signal ended the call. */
  isReason(error: unknown): boolean {
    return error === this.#reason;
  }

  /** Throws the call's error if it was cancelled or its deadline has passed. */
  throwIfOver(): void {
    if (hasPassed(this.deadlineMs, this.core.clock)) this.#abort(deadlineExceeded());
    if (this.#reason !== undefined) throw this.#reason;
  }

  /** Returns the options of the call that follows the interceptors: their metadata, and the time left for the call. */
  inner(metadata: Metadata): CallOptions {
    const timeoutMs = this.deadlineMs === Infinity
      ? undefined
      : Math.max(0, this.deadlineMs - this.core.clock.now());
    return { ...this.options, metadata, timeoutMs, parent: null };
  }

  /** Registers a streaming call started after all interceptors, to be cancelled at the end of this call. */
  started(stream: ClientStream): ClientStream {
    this.#streams.push(stream);
    return stream;
  }

  /** Settles like `value`, but rejects with the call's error if the call ends before. */
  race<T>(value: T | PromiseLike<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const { processRef } = this.core;
      // Timers of the clock do not keep the process alive, so a call with a deadline holds a reference.
      const holds = this.deadlineMs !== Infinity;
      const settle = (act: () => void) => {
        if (!this.#waiting.delete(rejectNow)) return;
        if (holds) processRef.release();
        act();
      };
      const rejectNow = (error: RpcError) => settle(() => reject(error));
      this.#waiting.add(rejectNow);
      if (holds) processRef.acquire();
      Promise.resolve(value).then(
        (result) => settle(() => resolve(result)),
        (error) => settle(() => reject(error)),
      );
    });
  }

  /** Resolves once `promise`, which never rejects, has settled, or after 10 ms. */
  async awaitSoon(promise: Promise<void>): Promise<void> {
    const { clock } = this.core;
    const { promise: over, resolve } = deferred<void>();
    const timer = clock.setTimer(resolve, GRACE_MS);
    await Promise.race([promise, over]);
    clock.clearTimer(timer);
  }

  onAbort(reason: unknown): void {
    this.#abort(abortError(reason));
  }

  /** Ends the call: removes its deadline, stops watching its signal, and cancels its streams and pending promises. */
  end(error?: RpcError): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#deadline !== undefined) this.core.deadlines.cancel(this.#deadline);
    if (this.options.signal !== undefined) unwatchAbort(this.options.signal, this);
    if (this.#graceTimer !== undefined) this.#endGrace();
    if (error !== undefined) this.#abort(error);
    const over = error ?? errorFromOutside(Status.CANCELLED, "The call has ended");
    for (const reject of [...this.#waiting]) reject(over);
    for (const stream of this.#streams) stream.cancel(over);
    this.#onEnd?.(error);
  }

  #abort(reason: RpcError): void {
    this.#reason ??= reason;
    if (!this.#ended) this.#endSoon();
    if (this.#controller === undefined) return;
    const { failures } = this.core;
    abortSafely(this.#controller, this.#reason, (error) => {
      failures.hook("listener of an interceptor's call.signal", error);
    });
  }

  #endSoon(): void {
    if (this.#graceTimer !== undefined) return;
    const { clock, processRef } = this.core;
    processRef.acquire();
    this.#graceTimer = clock.setTimer(() => this.end(this.#reason), GRACE_MS);
  }

  #endGrace(): void {
    const { clock, processRef } = this.core;
    clock.clearTimer(this.#graceTimer);
    this.#graceTimer = undefined;
    processRef.release();
  }
}
