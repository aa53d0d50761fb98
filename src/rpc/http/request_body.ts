/**
 * Body of a request: gathered whole, or as a stream with back-pressure.
 *
 * @module
 */

import { detachLarge, resized } from "../../bytes/detach.ts";
import { acquireBuffer, releaseBuffer } from "../../bytes/pool.ts";
import { toError } from "../../errors.ts";
import type { Exchange } from "../../http1/exchange.ts";
import type { MemoryShare } from "../../limits/memory_pool.ts";
import { HttpBodyError } from "./handler.ts";

// Bytes that a streamed body may queue before the socket is no longer read.
const STREAM_BYTES = 65_536;
// Content-Length up to which the whole buffer is allocated at once, in bytes.
const EAGER_BYTES = 16_384;
const MIN_BYTES = 1_024;

/** Account of bytes that are being gathered, besides that of the server. */
export interface BodyAccount {
  /** Counts `bytes` more bytes. Throws when there is no room; the body then fails with that error. */
  take(bytes: number): void;
  /** Frees `bytes` bytes. */
  give(bytes: number): void;
}

/** Body of one request, read at most once. */
export class RequestBody {
  readonly #exchange: Exchange;
  readonly #memory: MemoryShare;
  #bytes: Uint8Array<ArrayBuffer> | null = null;
  #length = 0;
  #ended = false;
  #error: Error | null = null;
  #account: BodyAccount | null = null;
  #used = false;
  #streams = false;
  #flushQueued = false;
  /** Resolves the pending wait: for the whole body, or for the next part of a streamed one. */
  #resolve: (() => void) | null = null;

  /** Reads the body of `exchange`; gathered bytes count in `memory` until the reader takes them. */
  constructor(exchange: Exchange, memory: MemoryShare) {
    this.#exchange = exchange;
    this.#memory = memory;
  }

  /** Whether reading the body has begun, as bytes or as a stream. */
  get used(): boolean {
    return this.#used;
  }

  /** Whether the request has a body: false when its Content-Length is 0 or no framing is given. */
  get exists(): boolean {
    return this.#exchange.head.bodyBytes !== 0;
  }

  /**
   * Gathers the body, and counts it in `account` until it is complete. Rejects with TypeError when it was read already,
   * with HttpBodyError when it can't be read, with the error of `account` when that has no room.
   */
  async bytes(account: BodyAccount | null = null): Promise<Uint8Array<ArrayBuffer>> {
    this.#use();
    this.#account = account;
    if (!this.#ended && this.#error === null) {
      await new Promise<void>((resolve) => {
        this.#resolve = resolve;
        this.#exchange.readBody(this.#streams ? "parts" : "whole");
      });
    }
    if (this.#error !== null) throw this.#error;
    return this.#take();
  }

  /** The body as a stream. Throws TypeError when it was read already. */
  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    this.#use();
    this.#streams = true;
    return new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: async (controller) => {
        while (this.#length === 0 && !this.#ended && this.#error === null) {
          await new Promise<void>((resolve) => {
            this.#resolve = resolve;
            this.#exchange.readBody(this.#streams ? "parts" : "whole");
          });
        }
        if (this.#length > 0) controller.enqueue(this.#take());
        else if (this.#error !== null) controller.error(this.#error);
        else controller.close();
      },
      cancel: () => {
        this.fail(new HttpBodyError(400, "The body was not wanted"));
        this.#exchange.pauseBody();
      },
    }, { highWaterMark: 0 });
  }

  /** Queues a part of the body that arrived. */
  receive(bytes: Uint8Array): void {
    if (this.#error !== null) return;
    if (!this.#memory.tryTake(bytes.length)) {
      return this.#refuse(
        new HttpBodyError(503, "Too many bytes of unfinished bodies: try again later"),
      );
    }
    try {
      this.#account?.take(bytes.length);
    } catch (error) {
      this.#memory.give(bytes.length);
      return this.#refuse(toError(error));
    }
    this.#append(bytes);
    if (!this.#streams) return;
    if (this.#length >= STREAM_BYTES) this.#exchange.pauseBody();
    // The flush is deferred, so that all parts from one socket read reach the reader together.
    if (this.#flushQueued) return;
    this.#flushQueued = true;
    queueMicrotask(() => {
      this.#flushQueued = false;
      this.#settle();
    });
  }

  #refuse(error: Error): void {
    this.#exchange.closeAfter();
    this.fail(error);
  }

  /** Marks the body as complete. */
  end(): void {
    this.#ended = true;
    this.#settle();
  }

  /** Fails the body with `error` unless it is complete, and drops the gathered bytes. */
  fail(error: Error): void {
    if (this.#ended || this.#error !== null) return;
    this.#error = error;
    this.#release();
    this.#settle();
  }

  /** Ends the body with its request: drops unread bytes; later reads of them fail with `error`. */
  close(error: Error): void {
    if (this.#ended && this.#length > 0) this.#error ??= error;
    this.fail(error);
    this.#release();
  }

  #release(): void {
    this.#free();
    this.#memory.give(this.#length);
    this.#account?.give(this.#length);
    this.#length = 0;
  }

  #free(): void {
    const bytes = this.#bytes;
    this.#bytes = null;
    if (bytes === null) return;
    if (this.#streams) releaseBuffer(bytes);
    else detachLarge(bytes);
  }

  #use(): void {
    if (this.#used) throw new TypeError("The body was read already");
    this.#used = true;
  }

  #append(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    const room = this.#bytes?.length ?? 0;
    if (length > room) {
      // Not for a first part of a few bytes: the rest may never come.
      const announced = bytes.length < MIN_BYTES
        ? 0
        : Math.min(this.#exchange.head.bodyBytes, EAGER_BYTES);
      this.#bytes = this.#streams
        ? this.#copyTo(acquireBuffer(length))
        : this.#grow(Math.max(length, announced, room * 2, MIN_BYTES));
    }
    this.#bytes!.set(bytes, this.#length);
    this.#length = length;
  }

  #copyTo(buffer: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    if (this.#bytes === null) return buffer;
    buffer.set(this.#bytes.subarray(0, this.#length));
    releaseBuffer(this.#bytes);
    return buffer;
  }

  /** Moves the bytes to a buffer of `size` bytes; the former buffer is freed. */
  #grow(size: number): Uint8Array<ArrayBuffer> {
    return this.#bytes === null
      ? new Uint8Array(size)
      : new Uint8Array(resized(this.#bytes.buffer, size));
  }

  #take(): Uint8Array<ArrayBuffer> {
    const bytes = this.#bytes ?? new Uint8Array();
    const length = this.#length;
    // Copies to the exact size if the buffer is much larger: a reader may keep it, and its unused room is not counted
    // in `memory`.
    const exact = this.#streams || bytes.length - length > length / 4;
    const taken = exact ? bytes.slice(0, length) : bytes.subarray(0, length);
    if (!exact) this.#bytes = null;
    this.#release();
    return taken;
  }

  #settle(): void {
    const resolve = this.#resolve;
    this.#resolve = null;
    resolve?.();
  }
}
