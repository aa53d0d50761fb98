/**
 * Replies that a handler writes one by one, as the iterable that the call is answered from.
 *
 * @module
 */

import type { RpcError } from "../../errors.ts";
import type { ReplyWriter } from "../core/types.ts";

interface Written {
  readonly message: unknown;
  readonly taken: PromiseWithResolvers<void>;
}

const DONE: IteratorResult<unknown, undefined> = { done: true, value: undefined };

// A handler that doesn't wait for its writes must not end the process when its caller goes away.
const ignore = () => {};

function rejected(reason: unknown): Promise<never> {
  const promise = Promise.reject(reason);
  promise.catch(ignore);
  return promise;
}

/** The two ends of a queue: handlers write, the call reads. A write resolves when its message was taken. */
export class ReplyQueue implements ReplyWriter, AsyncIterableIterator<unknown, undefined, void> {
  #written: Written[] = [];
  #ended = false;
  #failure: unknown = undefined;
  #aborted: RpcError | undefined = undefined;
  #waiting: PromiseWithResolvers<IteratorResult<unknown, undefined>> | undefined = undefined;

  write(message: unknown, options?: { last?: boolean }): Promise<void> {
    if (this.#aborted) return rejected(this.#aborted);
    if (this.#ended) {
      return rejected(new TypeError("Cannot write a reply: the last one was written"));
    }
    if (options?.last) this.#ended = true;
    const waiting = this.#waiting;
    if (waiting) {
      this.#waiting = undefined;
      waiting.resolve({ done: false, value: message });
      return Promise.resolve();
    }
    const taken = Promise.withResolvers<void>();
    this.#written.push({ message, taken });
    return taken.promise;
  }

  /** No more will be written. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** The handler failed: after what was written, the reader gets `reason`. */
  fail(reason: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure = reason ?? new Error("The handler failed without a reason");
    this.#wake();
  }

  /** The call is over: writes reject with `reason`. */
  abort(reason: RpcError): void {
    this.#aborted ??= reason;
    this.#ended = true;
    for (const { taken } of this.#written.splice(0)) {
      taken.promise.catch(ignore);
      taken.reject(reason);
    }
    this.#wake();
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    const one = this.#written.shift();
    if (one) {
      one.taken.resolve();
      return Promise.resolve({ done: false, value: one.message });
    }
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      this.#failure = undefined;
      return Promise.reject(failure);
    }
    if (this.#ended) return Promise.resolve(DONE);
    this.#waiting ??= Promise.withResolvers();
    return this.#waiting.promise;
  }

  return(): Promise<IteratorResult<unknown, undefined>> {
    this.#ended = true;
    for (const one of this.#written.splice(0)) one.taken.resolve();
    this.#wake();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #wake(): void {
    const waiting = this.#waiting;
    if (!waiting) return;
    this.#waiting = undefined;
    if (this.#failure !== undefined) {
      waiting.reject(this.#failure);
      this.#failure = undefined;
    } else {
      waiting.resolve(DONE);
    }
  }
}
