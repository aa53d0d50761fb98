/**
 * The requests of a call as an AsyncIterable, with backpressure: what the handler has not asked for is
 * bounded, and beyond the bound the wire stops giving the caller credit.
 *
 * @module
 */

import { Status } from "../../call/status.ts";
import { decompress } from "../../codec/compression.ts";
import { RpcError } from "../../errors.ts";

// Reading pauses above, and goes on below half of this. One window of small messages fits.
const HIGH_BYTES = 65536;
const HIGH_COUNT = 128;

/** What the stream needs of its call. */
export interface RequestSource {
  /** Stops or restarts giving credit. */
  setReadPaused(paused: boolean): void;
  /** The compression of flagged messages. */
  readonly encoding: string;
  /** Charges the caller for a message that can't be inflated. */
  chargeFault?(): void;
}

const ignore = () => {};

class Compressed {
  readonly bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** Requests on their way from the wire to a handler. */
export class RequestStream<T = Uint8Array> implements AsyncIterableIterator<T, undefined, void> {
  /** Whether the message taken last came compressed. */
  lastCompressed = false;
  #source: RequestSource;
  #maxMessageBytes: number;
  #decode: ((bytes: Uint8Array) => T) | undefined = undefined;
  // A queue whose front is at #first, so that taking is O(1).
  #queue: (Uint8Array | Compressed)[] = [];
  #first = 0;
  #bytes = 0;
  #paused = false;
  #ended = false;
  #failure: RpcError | undefined = undefined;
  #waiters: PromiseWithResolvers<IteratorResult<T, undefined>>[] = [];

  constructor(source: RequestSource, maxMessageBytes: number) {
    this.#source = source;
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** Has messages decoded as they are taken. For the rpc layer, before anything was taken. */
  decodeWith<M>(decode: (bytes: Uint8Array) => M): RequestStream<M> {
    const typed = this as unknown as RequestStream<M>;
    typed.#decode = decode;
    return typed;
  }

  /** A message arrived. For the rpc layer. */
  push(message: Uint8Array, compressed: boolean): void {
    // After the handler has stopped reading, messages are dropped and the caller keeps its credit.
    if (this.#ended) return;
    const item = compressed ? new Compressed(message) : message;
    const waiter = this.#waiters.shift();
    if (waiter) {
      this.#settle(waiter, item);
      return;
    }
    this.#queue.push(item);
    this.#bytes += message.length;
    if (!this.#paused && (this.#bytes >= HIGH_BYTES || this.#count >= HIGH_COUNT)) {
      this.#paused = true;
      this.#source.setReadPaused(true);
    }
  }

  /** The caller has sent all. For the rpc layer. */
  end(): void {
    this.#ended = true;
    for (const waiter of this.#waiters.splice(0)) waiter.resolve(DONE);
  }

  /** The call is over: whoever reads gets `reason`. For the rpc layer. */
  fail(reason: RpcError): void {
    if (this.#ended && this.#count === 0) return;
    this.#ended = true;
    this.#failure = reason;
    this.#drop();
    for (const waiter of this.#waiters.splice(0)) {
      // A handler that asked and then forgot must not end the process when its caller goes away.
      waiter.promise.catch(ignore);
      waiter.reject(reason);
    }
  }

  /** The next request. Rejects with an RpcError when the call was given up or the request can't be read. */
  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#count > 0) {
      const item = this.#take();
      try {
        return Promise.resolve({ done: false, value: this.#open(item) });
      } catch (error) {
        return Promise.reject(error);
      }
    }
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#ended) return Promise.resolve(DONE);
    const waiter = Promise.withResolvers<IteratorResult<T, undefined>>();
    this.#waiters.push(waiter);
    return waiter.promise;
  }

  /** Stops reading: what is here and what still comes is dropped. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.#drop();
    this.end();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  get #count(): number {
    return this.#queue.length - this.#first;
  }

  #take(): Uint8Array | Compressed {
    const item = this.#queue[this.#first];
    if (++this.#first === this.#queue.length) {
      this.#queue.length = this.#first = 0;
    } else if (this.#first >= 1024) {
      this.#queue.splice(0, this.#first);
      this.#first = 0;
    }
    this.#bytes -= item instanceof Compressed ? item.bytes.length : item.length;
    if (this.#paused && this.#bytes <= HIGH_BYTES / 2 && this.#count <= HIGH_COUNT / 2) {
      this.#paused = false;
      this.#source.setReadPaused(false);
    }
    return item;
  }

  #drop(): void {
    this.#queue.length = this.#first = this.#bytes = 0;
    if (this.#paused) {
      this.#paused = false;
      this.#source.setReadPaused(false);
    }
  }

  #settle(
    waiter: PromiseWithResolvers<IteratorResult<T, undefined>>,
    item: Uint8Array | Compressed,
  ): void {
    try {
      waiter.resolve({ done: false, value: this.#open(item) });
    } catch (error) {
      waiter.reject(error);
    }
  }

  #inflate(message: Uint8Array): Uint8Array {
    try {
      return decompress(message, this.#source.encoding, this.#maxMessageBytes);
    } catch (error) {
      this.#source.chargeFault?.();
      throw error;
    }
  }

  /** Inflated only now: a queue of small compressed messages must not become a queue of large ones. */
  #open(item: Uint8Array | Compressed): T {
    try {
      this.lastCompressed = item instanceof Compressed;
      const bytes = item instanceof Compressed ? this.#inflate(item.bytes) : item;
      return this.#decode ? this.#decode(bytes) : bytes as T;
    } catch (error) {
      const failure = error instanceof RpcError ? error : unreadable(error);
      this.#drop();
      this.end();
      this.#failure = failure;
      throw failure;
    }
  }
}

/** What a request that can't be decoded ends its call with (as in grpc-go). */
export function unreadable(cause: unknown): RpcError {
  return new RpcError(Status.INTERNAL, "Cannot decode the request", { cause });
}
