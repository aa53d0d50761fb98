/**
 * Sessions: bidirectional calls whose messages are sent and received one by one.
 *
 * @module
 */

import { Metadata } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import { isBytes, plainBytes } from "../../bytes/is_bytes.ts";
import { errorFromOutside, isInstance, RpcError } from "../../errors.ts";
import { deferred } from "../core/deferred.ts";
import { Fifo } from "../core/message_queue.ts";
import { ignoreRejection } from "../core/promises.ts";
import { type Abortable, unwatchAbort, watchAbort } from "./abort_fanout.ts";
import { type ClientMethod, encodeRequest } from "./call_core.ts";
import { replies } from "./stream_adapters.ts";
import type { ClientStream } from "./streaming_call.ts";

/**
 * A bidirectional call: both sides send messages independently, in order. `channel.session` makes one of bytes; a
 * bidirectional function of a typed client that is called without requests makes one of that method's messages.
 *
 * ```ts
 * import { connect } from "@vrpc/vrpc";
 *
 * await using channel = connect("127.0.0.1:50051");
 * await using session = channel.session("/chat");
 * await session.send(new TextEncoder().encode("hello"));
 * session.closeSend();
 * for await (const message of session) console.log(new TextDecoder().decode(message));
 * ```
 *
 * @category Client
 */
export interface Session<Req = Uint8Array, Res = Uint8Array>
  extends AsyncIterable<Res>, AsyncDisposable {
  /**
   * Sends one message, which must not be changed afterwards. Resolves when the next one may be sent, which gives
   * back-pressure. Rejects with the session's RpcError once it has ended, and with TypeError, in a session of bytes, for
   * anything else.
   */
  send(message: Req): Promise<void>;
  /** Resolves to the next message, or null once the server has ended the session with OK. Rejects with an RpcError. */
  receive(): Promise<Res | null>;
  /**
   * Resolves to the response headers once they are there, which may be before the first message; empty if the server
   * has sent none. Rejects with an RpcError if the call fails before.
   */
  headers(): Promise<Metadata>;
  /** Half-closes: no more messages are sent, receiving continues. */
  closeSend(): void;
  /** Cancels the call. */
  cancel(): void;
}

/** Throws TypeError for a message that is not a Uint8Array. */
export function checkMessage(message: unknown): void {
  if (isBytes(message)) return;
  throw new TypeError(`Cannot send a ${typeof message}: must be a Uint8Array`);
}

function cancelledError(): RpcError {
  return errorFromOutside(Status.CANCELLED, "The session was cancelled by this side");
}

function okError(): RpcError {
  return errorFromOutside(Status.CANCELLED, "The server has ended the session with OK");
}

/** Returns a message of a session of bytes. Throws TypeError for anything else. */
export function bytesOf(message: unknown): Uint8Array {
  checkMessage(message);
  return plainBytes(message as Uint8Array);
}

/** Resolves to the headers of a streaming call; `started` is the promise of an earlier call. */
async function headersOf(stream: ClientStream, started: Promise<void>): Promise<Metadata> {
  if (stream.headers === undefined) await started;
  return stream.headers ?? new Metadata();
}

/** A session of bytes on a streaming call, without interceptors. */
export class StreamSession implements Session {
  readonly #stream: ClientStream;
  #started: Promise<void> | undefined = undefined;

  /** Takes ownership of the call. */
  constructor(stream: ClientStream) {
    this.#stream = stream;
  }

  headers(): Promise<Metadata> {
    return headersOf(this.#stream, this.#started ??= this.#stream.started());
  }

  send(message: Uint8Array): Promise<void> {
    let bytes: Uint8Array;
    try {
      bytes = bytesOf(message);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#stream.send(bytes);
  }

  receive(): Promise<Uint8Array | null> {
    return this.#stream.receive();
  }

  closeSend(): void {
    this.#stream.closeSend();
  }

  cancel(): void {
    this.#stream.cancel(cancelledError());
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

/** A session of typed messages on a streaming call, without interceptors. */
export class TypedSession implements Session<unknown, unknown> {
  readonly #stream: ClientStream;
  readonly #method: ClientMethod;
  readonly #replies: AsyncIterator<unknown>;
  #started: Promise<void> | undefined = undefined;

  /** Takes ownership of the call. */
  constructor(stream: ClientStream, method: ClientMethod) {
    this.#stream = stream;
    this.#method = method;
    this.#replies = replies(stream, method);
  }

  headers(): Promise<Metadata> {
    return headersOf(this.#stream, this.#started ??= this.#stream.started());
  }

  /** Sends a message. Rejects, and leaves the session open, if it cannot be encoded. */
  send(message: unknown): Promise<void> {
    let bytes: Uint8Array;
    try {
      bytes = encodeRequest(this.#method, message);
    } catch (error) {
      return Promise.reject(isInstance(error, RpcError) ? this.#stream.named(error) : error);
    }
    return this.#stream.send(bytes);
  }

  async receive(): Promise<unknown> {
    const { done, value } = await this.#replies.next();
    return done ? null : value;
  }

  closeSend(): void {
    this.#stream.closeSend();
  }

  cancel(): void {
    this.#stream.cancel(cancelledError());
  }

  async *[Symbol.asyncIterator](): AsyncIterator<unknown> {
    for (let message = await this.receive(); message !== null; message = await this.receive()) {
      yield message;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.cancel();
    return Promise.resolve();
  }
}

interface PendingSend<Req> {
  readonly message: Req;
  resolve(): void;
  reject(error: RpcError): void;
}

/** A session through interceptors, which take iterables of requests and replies. */
export class IterableSession<Req, Res> implements Session<Req, Res>, Abortable {
  abortSlot = -1;
  readonly #replies: AsyncIterator<Res>;
  readonly #prepare: (message: Req) => Req;
  readonly #pending = new Fifo<PendingSend<Req>>();
  readonly #headers = deferred<Metadata>();
  /** The `send` whose message was taken last; its promise resolves when the next message is requested. */
  #sending: PendingSend<Req> | undefined = undefined;
  readonly #controller = new AbortController();
  #wake: (() => void) | undefined = undefined;
  #closed = false;
  #error: RpcError | undefined = undefined;
  readonly #signal: AbortSignal | undefined;

  /**
   * `start` makes the call with the session's requests and a signal that cancels it. It calls `onEnd` at the end of the
   * call, which settles pending sends even if an interceptor never takes the requests, and `onHeaders` with the response
   * headers. `prepare` returns the message to be sent, or throws.
   */
  constructor(
    start: (
      requests: AsyncIterable<Req>,
      signal: AbortSignal,
      onEnd: (error: RpcError | undefined) => void,
      onHeaders: (headers: Metadata) => void,
    ) => AsyncIterable<Res>,
    prepare: (message: Req) => Req,
    signal?: AbortSignal,
  ) {
    this.#prepare = prepare;
    ignoreRejection(this.#headers.promise);
    this.#signal = signal;
    // Not AbortSignal.any: in Node 20 the signals that it derives stay in memory as long as `signal` does.
    if (signal?.aborted) this.#controller.abort(signal.reason);
    else if (signal !== undefined) watchAbort(signal, this);
    const replies = start(
      this.#requests(),
      this.#controller.signal,
      (error) => this.#callEnded(error),
      (headers) => this.#headers.resolve(headers),
    );
    this.#replies = replies[Symbol.asyncIterator]();
  }

  onAbort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  headers(): Promise<Metadata> {
    return this.#headers.promise;
  }

  async send(message: Req): Promise<void> {
    const prepared = this.#prepare(message);
    if (this.#closed) {
      throw this.#error ?? new TypeError("Cannot send a message: the session is half-closed");
    }
    await new Promise<void>((resolve, reject) => {
      this.#pending.push({ message: prepared, resolve, reject });
      this.#wake?.();
    });
  }

  async receive(): Promise<Res | null> {
    try {
      const { done, value } = await this.#replies.next();
      if (!done) return value;
      this.#end(okError());
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
    this.#end(cancelledError());
    this.#controller.abort(this.#error);
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Res> {
    for (let message = await this.receive(); message !== null; message = await this.receive()) {
      yield message;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.cancel();
    return Promise.resolve();
  }

  #callEnded(error: RpcError | undefined): void {
    // No effect on headers that have arrived.
    if (error === undefined) this.#headers.resolve(new Metadata());
    else this.#headers.reject(error);
    this.#end(error ?? okError());
  }

  #end(error: RpcError): void {
    if (this.#signal !== undefined) unwatchAbort(this.#signal, this);
    this.#error ??= error;
    this.#closed = true;
    this.#sending?.reject(this.#error);
    for (let one = this.#pending.take(); one !== undefined; one = this.#pending.take()) {
      one.reject(this.#error);
    }
    this.#wake?.();
  }

  async *#requests(): AsyncIterable<Req> {
    try {
      for (;;) {
        const next = this.#pending.take();
        if (next !== undefined) {
          this.#sending = next;
          yield next.message;
          next.resolve();
          this.#sending = undefined;
        } else if (this.#closed) {
          return;
        } else {
          await new Promise<void>((resolve) => this.#wake = resolve);
          this.#wake = undefined;
        }
      }
    } finally {
      this.#end(errorFromOutside(Status.CANCELLED, "The session has ended"));
    }
  }
}
