/**
 * Requests of a streaming call as an async iterable with back-pressure: the queue is bounded, and above its bound the
 * wire grants the caller no more flow-control credit.
 *
 * @module
 */

import { type Deferred, deferred } from "../core/deferred.ts";
import { Status } from "../../call/status.ts";
import { MessageMemoryError } from "../../codec/protobuf.ts";
import { isInstance, RpcError } from "../../errors.ts";
import type { MemoryShare } from "../../limits/memory_pool.ts";
import { type CompressedSource, inflateRequest } from "./inflate_request.ts";
import { MessageQueue, type Watermarks } from "../core/message_queue.ts";

// Bounds of queued requests; a full flow-control window (64 KiB) of small messages fits.
const WATERMARKS: Watermarks = {
  pauseBytes: 65_536,
  pauseCount: 128,
  resumeBytes: 32_768,
  resumeCount: 64,
};

/** Wire side of a {@link RequestStream}. */
export interface RequestSource extends CompressedSource {
  /** Stops or resumes granting flow-control credit. */
  setReadPaused(paused: boolean): void;
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

/** Queue of requests between the wire and the handler. */
export class RequestStream<T = Uint8Array> implements AsyncIterableIterator<T, undefined, void> {
  /** Whether the last request taken was compressed. */
  lastCompressed = false;
  readonly #source: RequestSource;
  readonly #maxMessageBytes: number;
  readonly #memory: MemoryShare;
  /** Bytes of the queued requests. */
  #queuedBytes = 0;
  /** Bytes counted for the decompressed request that was taken last. */
  #inflatedBytes = 0;
  #decode: ((bytes: Uint8Array) => T) | undefined = undefined;
  readonly #queue = new MessageQueue<Uint8Array | Compressed>(WATERMARKS);
  #ended = false;
  #failure: RpcError | undefined = undefined;
  #waiters: Deferred<IteratorResult<T, undefined>>[] = [];

  /** Creates an empty stream; `maxMessageBytes` bounds a decompressed request, `memory` accounts for held bytes. */
  constructor(source: RequestSource, maxMessageBytes: number, memory: MemoryShare) {
    this.#source = source;
    this.#maxMessageBytes = maxMessageBytes;
    this.#memory = memory;
  }

  /** Sets the decoder of requests, which runs as each is taken. Call it before the first `next`. */
  decodeWith<M>(decode: (bytes: Uint8Array) => M): RequestStream<M> {
    const typed = this as unknown as RequestStream<M>;
    typed.#decode = decode;
    return typed;
  }

  /** Adds a received message; false, without adding it, when the memory for messages is used up. */
  push(message: Uint8Array, compressed: boolean): boolean {
    // Once the handler has stopped reading, messages are dropped and the caller keeps its credit.
    if (this.#ended) return true;
    const item = compressed ? new Compressed(message) : message;
    const waiter = this.#waiters.shift();
    if (waiter) {
      this.#settle(waiter, item);
      return true;
    }
    if (!this.#memory.holdWaiting(item.length)) return false;
    this.#queuedBytes += item.length;
    if (this.#queue.push(item)) this.#source.setReadPaused(true);
    return true;
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
      this.#queuedBytes -= item.length;
      this.#memory.dropWaiting(1, item.length);
      if (this.#queue.resumes()) this.#source.setReadPaused(false);
      try {
        return Promise.resolve({ done: false, value: this.#open(item) });
      } catch (error) {
        return Promise.reject(error);
      }
    }
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#ended) return Promise.resolve(DONE);
    const waiter = deferred<IteratorResult<T, undefined>>();
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

  /** Releases the memory of the decompressed request that was taken last: its handler has ended or takes another. */
  releaseInflated(): void {
    this.#memory.give(this.#inflatedBytes);
    this.#inflatedBytes = 0;
  }

  #drop(): void {
    this.#memory.dropWaiting(this.#queue.length, this.#queuedBytes);
    this.#queue.clear();
    this.#queuedBytes = 0;
    if (this.#queue.resumes()) this.#source.setReadPaused(false);
  }

  #settle(
    waiter: Deferred<IteratorResult<T, undefined>>,
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
    this.releaseInflated();
    try {
      this.lastCompressed = item instanceof Compressed;
      const bytes = item instanceof Compressed ? this.#decompress(item.bytes) : item;
      return this.#decode ? this.#decode(bytes) : bytes as T;
    } catch (error) {
      const failure = isInstance(error, RpcError) ? error : undecodableRequest(error);
      this.#drop();
      this.end();
      this.#failure = failure;
      throw failure;
    }
  }

  #decompress(message: Uint8Array): Uint8Array {
    const inflated = inflateRequest(message, this.#source, this.#maxMessageBytes, this.#memory);
    this.#inflatedBytes = inflated.length;
    return inflated;
  }
}

/** Creates the error of a request that cannot be decoded: INTERNAL, as in grpc-go. */
export function undecodableRequest(cause: unknown): RpcError {
  if (isInstance(cause, MessageMemoryError)) {
    return new RpcError(Status.RESOURCE_EXHAUSTED, cause.message, { cause });
  }
  return new RpcError(Status.INTERNAL, "Cannot decode the request", { cause });
}
