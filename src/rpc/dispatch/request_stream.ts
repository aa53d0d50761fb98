/**
 * Requests of a streaming call as an async iterable with back-pressure: the queue is bounded, and above its bound the
 * wire grants the caller no more flow-control credit.
 *
 * @module
 */

import { Status } from "../../call/status.ts";
import { decompress } from "../../codec/compression.ts";
import { RpcError } from "../../errors.ts";
import { MessageQueue, type Watermarks } from "../core/message_queue.ts";

// One flow-control window (64 KiB) of small messages fits.
const WATERMARKS: Watermarks = {
  pauseBytes: 65_536,
  pauseCount: 128,
  resumeBytes: 32_768,
  resumeCount: 64,
};

/** Wire side of a {@link RequestStream}. */
export interface RequestSource {
  /** Stops or resumes granting flow-control credit. */
  setReadPaused(paused: boolean): void;
  /** Compression of messages that are flagged as compressed. */
  readonly encoding: string;
  /** Charges the caller for a message that cannot be decompressed. */
  chargeFault?(): void;
}

const ignore = () => {};

class Compressed {
  readonly bytes: Uint8Array;
  readonly length: number;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.length = bytes.length;
  }
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** Requests between the wire and the handler. */
export class RequestStream<T = Uint8Array> implements AsyncIterableIterator<T, undefined, void> {
  /** Whether the last request taken was compressed. */
  lastCompressed = false;
  readonly #source: RequestSource;
  readonly #maxMessageBytes: number;
  #decode: ((bytes: Uint8Array) => T) | undefined = undefined;
  readonly #queue = new MessageQueue<Uint8Array | Compressed>(WATERMARKS);
  #ended = false;
  #failure: RpcError | undefined = undefined;
  #waiters: PromiseWithResolvers<IteratorResult<T, undefined>>[] = [];

  /** Creates an empty stream; `maxMessageBytes` bounds a decompressed request. */
  constructor(source: RequestSource, maxMessageBytes: number) {
    this.#source = source;
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** Sets the decoder of requests, which runs as each is taken. Call it before the first `next`. */
  decodeWith<M>(decode: (bytes: Uint8Array) => M): RequestStream<M> {
    const typed = this as unknown as RequestStream<M>;
    typed.#decode = decode;
    return typed;
  }

  /** Adds a received message. */
  push(message: Uint8Array, compressed: boolean): void {
    // Once the handler has stopped reading, messages are dropped and the caller keeps its credit.
    if (this.#ended) return;
    const item = compressed ? new Compressed(message) : message;
    const waiter = this.#waiters.shift();
    if (waiter) {
      this.#settle(waiter, item);
      return;
    }
    if (this.#queue.push(item)) this.#source.setReadPaused(true);
  }

  /** Ends the stream after the queued requests: the caller has half-closed. */
  end(): void {
    this.#ended = true;
    for (const waiter of this.#waiters.splice(0)) waiter.resolve(DONE);
  }

  /** Drops queued requests and rejects reads with `reason`: the call is over. */
  fail(reason: RpcError): void {
    if (this.#ended && this.#queue.length === 0) return;
    this.#ended = true;
    this.#failure = reason;
    this.#drop();
    for (const waiter of this.#waiters.splice(0)) {
      // An un-awaited read must not become an unhandled rejection.
      waiter.promise.catch(ignore);
      waiter.reject(reason);
    }
  }

  /** Takes the next request. Rejects with an RpcError when the call was cancelled or the request is not valid. */
  next(): Promise<IteratorResult<T, undefined>> {
    const item = this.#queue.take();
    if (item !== undefined) {
      if (this.#queue.resumes()) this.#source.setReadPaused(false);
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

  /** Stops reading: queued and later requests are dropped. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.#drop();
    this.end();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #drop(): void {
    this.#queue.clear();
    if (this.#queue.resumes()) this.#source.setReadPaused(false);
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

  /** Decompresses and decodes a request. Not earlier: a queue of small messages would become one of large messages. */
  #open(item: Uint8Array | Compressed): T {
    try {
      this.lastCompressed = item instanceof Compressed;
      const bytes = item instanceof Compressed ? this.#decompress(item.bytes) : item;
      return this.#decode ? this.#decode(bytes) : bytes as T;
    } catch (error) {
      const failure = error instanceof RpcError ? error : undecodableRequest(error);
      this.#drop();
      this.end();
      this.#failure = failure;
      throw failure;
    }
  }

  #decompress(message: Uint8Array): Uint8Array {
    try {
      return decompress(message, this.#source.encoding, this.#maxMessageBytes);
    } catch (error) {
      this.#source.chargeFault?.();
      throw error;
    }
  }
}

/** Creates the error of a request that cannot be decoded: INTERNAL, as in grpc-go. */
export function undecodableRequest(cause: unknown): RpcError {
  return new RpcError(Status.INTERNAL, "Cannot decode the request", { cause });
}
