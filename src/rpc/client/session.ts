/**
 * Sessions: bytes both ways at once, in order, until one side has had enough.
 *
 * @module
 */

import { Status } from "../../call/status.ts";
import { RpcError } from "../../errors.ts";
import type { ClientStream } from "./streaming_call.ts";

/** A call in which both sides send messages independently. */
export interface Session extends AsyncIterable<Uint8Array>, AsyncDisposable {
  /**
   * Sends one message, which must not be changed afterwards. Resolves when the next should come: a slow
   * server holds a sender that awaits this. Rejects with the session's RpcError when it is over.
   */
  send(message: Uint8Array): Promise<void>;
  /** The next message, or null when the server has ended the session well; else rejects with an RpcError. */
  receive(): Promise<Uint8Array | null>;
  /** Says that no more messages follow; receiving goes on. */
  closeSend(): void;
  /** Gives the session up; the server sees a cancelled call. */
  cancel(): void;
}

function leftError(): RpcError {
  return new RpcError(Status.CANCELLED, "The session was closed here");
}

/** A session straight on a call. */
export class StreamSession implements Session {
  readonly #stream: ClientStream;

  /** Takes over the call. */
  constructor(stream: ClientStream) {
    this.#stream = stream;
  }

  send(message: Uint8Array): Promise<void> {
    return this.#stream.send(message);
  }

  receive(): Promise<Uint8Array | null> {
    return this.#stream.receive();
  }

  closeSend(): void {
    this.#stream.closeSend();
  }

  cancel(): void {
    this.#stream.cancel(leftError());
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    for (let message = await this.receive(); message !== null; message = await this.receive()) {
      yield message;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.cancel();
    return Promise.resolve();
  }
}

/** A session through interceptors: a stream of requests and a stream of replies. */
export class IterableSession implements Session {
  readonly #replies: AsyncIterator<Uint8Array>;
  readonly #waiting: { message: Uint8Array; taken: () => void; failed: (e: RpcError) => void }[] =
    [];
  /** The sender of the message that was asked for last, until the next one is. */
  #sending: { taken: () => void; failed: (e: RpcError) => void } | undefined = undefined;
  readonly #controller = new AbortController();
  #wake: (() => void) | undefined = undefined;
  #closed = false;
  #error: RpcError | undefined = undefined;

  /** `start` makes the call; it is given the requests and a signal that gives the call up. */
  constructor(
    start: (
      requests: AsyncIterable<Uint8Array>,
      signal: AbortSignal,
    ) => AsyncIterable<Uint8Array>,
    signal?: AbortSignal,
  ) {
    const given = signal === undefined
      ? this.#controller.signal
      : AbortSignal.any([signal, this.#controller.signal]);
    this.#replies = start(this.#requests(), given)[Symbol.asyncIterator]();
  }

  send(message: Uint8Array): Promise<void> {
    if (this.#closed) {
      return Promise.reject(
        this.#error ?? new TypeError("Cannot send a message: the sending side was closed"),
      );
    }
    return new Promise((taken, failed) => {
      this.#waiting.push({ message, taken, failed });
      this.#wake?.();
    });
  }

  async receive(): Promise<Uint8Array | null> {
    try {
      const { done, value } = await this.#replies.next();
      if (!done) return value;
      this.#end(new RpcError(Status.CANCELLED, "The server has ended the session with OK"));
      return null;
    } catch (error) {
      this.#end(RpcError.from(error));
      throw error;
    }
  }

  closeSend(): void {
    this.#closed = true;
    this.#wake?.();
  }

  cancel(): void {
    this.#end(leftError());
    this.#controller.abort(this.#error);
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    for (let message = await this.receive(); message !== null; message = await this.receive()) {
      yield message;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.cancel();
    return Promise.resolve();
  }

  #end(error: RpcError): void {
    this.#error ??= error;
    this.#closed = true;
    this.#sending?.failed(this.#error);
    for (const { failed } of this.#waiting.splice(0)) failed(this.#error);
    this.#wake?.();
  }

  async *#requests(): AsyncIterable<Uint8Array> {
    try {
      for (;;) {
        const next = this.#waiting.shift();
        if (next !== undefined) {
          // The sender goes on when this message was taken, and the next is asked for.
          this.#sending = next;
          yield next.message;
          next.taken();
          this.#sending = undefined;
        } else if (this.#closed) {
          return;
        } else {
          await new Promise<void>((resolve) => this.#wake = resolve);
          this.#wake = undefined;
        }
      }
    } finally {
      this.#end(new RpcError(Status.CANCELLED, "The session is over"));
    }
  }
}
