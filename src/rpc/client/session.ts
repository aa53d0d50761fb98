/**
 * Sessions: bidirectional streams of bytes.
 *
 * @module
 */

import { Status } from "../../call/status.ts";
import { isBytes, plainBytes } from "../../bytes/is_bytes.ts";
import { errorFromOutside, RpcError } from "../../errors.ts";
import { Fifo } from "../core/message_queue.ts";
import { type Abortable, unwatchAbort, watchAbort } from "./abort_fanout.ts";
import type { ClientStream } from "./streaming_call.ts";

/**
 * A bidirectional call: both sides send messages independently, in order.
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
export interface Session extends AsyncIterable<Uint8Array>, AsyncDisposable {
  /**
   * Sends one message, which must not be changed afterwards. Resolves when the next one may be sent, which gives
   * back-pressure. Rejects with the session's RpcError once it has ended, and with TypeError for anything but bytes.
   */
  send(message: Uint8Array): Promise<void>;
  /** Resolves to the next message, or null once the server has ended the session with OK. Rejects with an RpcError. */
  receive(): Promise<Uint8Array | null>;
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

/** A session on a streaming call, without interceptors. */
export class StreamSession implements Session {
  readonly #stream: ClientStream;

  /** Takes ownership of the call. */
  constructor(stream: ClientStream) {
    this.#stream = stream;
  }

  send(message: Uint8Array): Promise<void> {
    try {
      checkMessage(message);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#stream.send(plainBytes(message));
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

interface PendingSend {
  readonly message: Uint8Array;
  resolve(): void;
  reject(error: RpcError): void;
}

/** A session through interceptors, which take iterables of requests and replies. */
export class IterableSession implements Session, Abortable {
  abortSlot = -1;
  readonly #replies: AsyncIterator<Uint8Array>;
  readonly #pending = new Fifo<PendingSend>();
  /** The `send` whose message was taken last; its promise resolves when the next message is requested. */
  #sending: PendingSend | undefined = undefined;
  readonly #controller = new AbortController();
  #wake: (() => void) | undefined = undefined;
  #closed = false;
  #error: RpcError | undefined = undefined;
  readonly #signal: AbortSignal | undefined;

  /**
   * `start` makes the call with the session's requests and a signal that cancels it. It calls `onEnd` at the end of the
   * call, which settles pending sends even if an interceptor never takes the requests.
   */
  constructor(
    start: (
      requests: AsyncIterable<Uint8Array>,
      signal: AbortSignal,
      onEnd: (error: RpcError | undefined) => void,
    ) => AsyncIterable<Uint8Array>,
    signal?: AbortSignal,
  ) {
    this.#signal = signal;
    // Not AbortSignal.any: in Node 20 the signals that it derives stay in memory as long as `signal` does.
    if (signal?.aborted) this.#controller.abort(signal.reason);
    else if (signal !== undefined) watchAbort(signal, this);
    const onEnd = (error?: RpcError) => this.#end(error ?? okError());
    const replies = start(this.#requests(), this.#controller.signal, onEnd);
    this.#replies = replies[Symbol.asyncIterator]();
  }

  onAbort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  async send(message: Uint8Array): Promise<void> {
    checkMessage(message);
    if (this.#closed) {
      throw this.#error ?? new TypeError("Cannot send a message: the session is half-closed");
    }
    await new Promise<void>((resolve, reject) => {
      this.#pending.push({ message: plainBytes(message), resolve, reject });
      this.#wake?.();
    });
  }

  async receive(): Promise<Uint8Array | null> {
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
    if (this.#signal !== undefined) unwatchAbort(this.#signal, this);
    this.#error ??= error;
    this.#closed = true;
    this.#sending?.reject(this.#error);
    for (let one = this.#pending.take(); one !== undefined; one = this.#pending.take()) {
      one.reject(this.#error);
    }
    this.#wake?.();
  }

  async *#requests(): AsyncIterable<Uint8Array> {
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
