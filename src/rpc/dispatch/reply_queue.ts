/**
 * Queue between a handler that writes replies one by one and the call that sends them.
 *
 * @module
 */

import { type Deferred, deferred } from "../core/deferred.ts";
import { isBytes } from "../../bytes/is_bytes.ts";
import { LOST_MESSAGE } from "../../bytes/lost_message.ts";
import { Status } from "../../call/status.ts";
import { RpcError } from "../../errors.ts";
import { Fifo } from "../core/message_queue.ts";
import type { ReplyWriter } from "../core/types.ts";

interface Written {
  readonly message: unknown;
  /** Length of a message that is bytes, -1 for others: its buffer may be detached before it is taken. */
  readonly bytes: number;
  readonly taken: Deferred<void>;
}

const DONE: IteratorResult<unknown, undefined> = { done: true, value: undefined };

// An un-awaited write must not become an unhandled rejection when its call is cancelled.
const ignore = () => {};

function rejected(reason: unknown): Promise<never> {
  const promise = Promise.reject(reason);
  promise.catch(ignore);
  return promise;
}

/** Replies that a handler writes, as an async iterable. A write resolves when its reply was taken. */
export class ReplyQueue implements ReplyWriter, AsyncIterableIterator<unknown, undefined, void> {
  readonly #written = new Fifo<Written>();
  #ended = false;
  #failure: unknown = undefined;
  #aborted: RpcError | undefined = undefined;
  #waiting: Deferred<IteratorResult<unknown, undefined>> | undefined = undefined;

  write(message: unknown, options?: { last?: boolean }): Promise<void> {
    if (this.#aborted) return rejected(this.#aborted);
    if (this.#ended) {
      return rejected(new TypeError("Cannot write a reply: the last one was already written"));
    }
    if (options?.last) this.#ended = true;
    const waiting = this.#waiting;
    if (waiting) {
      this.#waiting = undefined;
      waiting.resolve({ done: false, value: message });
      return Promise.resolve();
    }
    const taken = deferred<void>();
    this.#written.push({ message, bytes: isBytes(message) ? message.length : -1, taken });
    return taken.promise;
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  fail(reason: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure = reason ?? new Error("The handler failed without a reason");
    this.#wake();
  }

  /** Rejects pending and later writes with `reason`: the call is over. */
  abort(reason: RpcError): void {
    this.#aborted ??= reason;
    this.#ended = true;
    for (let one = this.#written.take(); one !== undefined; one = this.#written.take()) {
      one.taken.promise.catch(ignore);
      one.taken.reject(reason);
    }
    this.#wake();
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    const one = this.#written.take();
    if (one !== undefined) {
      one.taken.resolve();
      if (one.bytes >= 0 && (one.message as Uint8Array).length !== one.bytes) {
        return Promise.reject(new RpcError(Status.INTERNAL, LOST_MESSAGE));
      }
      return Promise.resolve({ done: false, value: one.message });
    }
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      this.#failure = undefined;
      return Promise.reject(failure);
    }
    if (this.#ended) return Promise.resolve(DONE);
    this.#waiting ??= deferred();
    return this.#waiting.promise;
  }

  return(): Promise<IteratorResult<unknown, undefined>> {
    this.#ended = true;
    for (let one = this.#written.take(); one !== undefined; one = this.#written.take()) {
      one.taken.resolve();
    }
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
