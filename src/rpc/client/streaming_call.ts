/**
 * Streaming calls: sending with back-pressure, receiving through a bounded queue.
 *
 * @module
 */

import type { Metadata } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import type { ClientCallSink } from "../../call/wire.ts";
import type { Encoding } from "../../call/encodings.ts";
import { decompress } from "../../codec/compression.ts";
import { deadlineExceeded, errorFromOutside, type RpcError } from "../../errors.ts";
import { MemoryShare, WAITING_MESSAGE_BYTES } from "../../limits/memory_pool.ts";
import { type Abortable, unwatchAbort, watchAbort } from "./abort_fanout.ts";
import {
  type CallCore,
  checkSendSize,
  type ClientMethod,
  compressAsked,
  deadlineOf,
  type OutgoingRequest,
  ownMetadata,
  type RoutedCall,
  startError,
  statusError,
} from "./call_core.ts";
import { abortError, nameCall, rejectAtCaller } from "./call_error.ts";
import { type AttemptListener, attemptListenerOf } from "../core/attempts.ts";
import type { DeadlineHandle } from "../core/deadline_queue.ts";
import { MessageQueue, type Watermarks } from "../core/message_queue.ts";
import type { CallOptions } from "../core/types.ts";

// The queue holds one flow-control window (64 KiB) of messages before reading pauses.
const WATERMARKS: Watermarks = {
  pauseBytes: 65_537,
  pauseCount: 1_025,
  resumeBytes: 32_768,
  resumeCount: 512,
};

/** A received message that is still compressed. */
class Compressed {
  readonly bytes: Uint8Array;
  readonly length: number;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.length = bytes.length;
  }
}

/** Settles a pending `receive`; errors are passed as promises that reject, so that their stacks show the caller. */
type Receiver = (message: Uint8Array | null | Promise<never>) => void;

/** A streaming call; its messages are encoded bytes. */
export class ClientStream implements OutgoingRequest, ClientCallSink, Abortable {
  readonly method: ClientMethod;
  readonly metadata: Metadata | undefined;
  readonly deadlineMs: number;
  readonly encoding: Encoding | undefined;
  readonly waitForReady: boolean;
  readonly singleResponse: boolean;
  readonly requestStreams: boolean;
  abortSlot = -1;
  readonly #core: CallCore;
  readonly #options: CallOptions;
  #call: RoutedCall | undefined = undefined;
  #deadline: DeadlineHandle | undefined = undefined;
  readonly #queue = new MessageQueue<Uint8Array | Compressed>(WATERMARKS);
  /** Share of the channel's memory budget that queued messages use; created when the first one is queued. */
  #memory: MemoryShare | undefined = undefined;
  #receiver: Receiver | undefined = undefined;
  /** Pending sends, resolved when the call is writable again. */
  #senders: ((failure?: Promise<never>) => void)[] = [];
  #halfClosed = false;
  #headers: Metadata | undefined = undefined;
  #trailers: Metadata | undefined = undefined;
  #ended = false;
  #error: RpcError | undefined = undefined;
  #onEnd: (() => void) | undefined = undefined;
  #onStarted: (() => void) | undefined = undefined;

  /** Creates a call that starts at `begin`. */
  constructor(core: CallCore, method: ClientMethod, options: CallOptions = {}) {
    this.#core = core;
    this.#options = options;
    this.method = method;
    this.metadata = ownMetadata(options.metadata);
    this.deadlineMs = deadlineOf(core, method, options);
    this.encoding = options.compress ?? core.compress ? core.encoding : undefined;
    this.waitForReady = options.waitForReady ?? method.waitForReady;
    this.singleResponse = method.kind === "unary" || method.kind === "client_streaming";
    this.requestStreams = method.kind === "client_streaming" || method.kind === "bidi_streaming";
  }

  get waitForReadyOption(): boolean | undefined {
    return this.#options.waitForReady;
  }

  get attemptListener(): AttemptListener | undefined {
    return attemptListenerOf(this.#options);
  }

  /** Starts the call. */
  begin(): this {
    const { signal } = this.#options;
    if (signal !== undefined) {
      if (signal.aborted) {
        this.onAbort(signal.reason);
        return this;
      }
      watchAbort(signal, this);
    }
    if (this.deadlineMs !== Infinity) {
      const nowMs = this.#core.clock.now();
      if (this.deadlineMs <= nowMs) {
        this.#end(this.named(deadlineExceeded()));
        return this;
      }
      this.#deadline = this.#core.deadlines.add(
        this.deadlineMs,
        () => this.cancel(deadlineExceeded()),
        nowMs,
      );
    }
    this.#call = this.#core.starter.start(this, this);
    return this;
  }

  /** Whether the call has ended; received messages may still be queued. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Error of the call, if it has failed. */
  get error(): RpcError | undefined {
    return this.#error;
  }

  /** Response headers, once received. */
  get headers(): Metadata | undefined {
    return this.#headers;
  }

  /** Response trailers, once the call has ended. */
  get trailers(): Metadata | undefined {
    return this.#trailers;
  }

  /** Sets a callback for the end of the call; invoked at once if it has ended. */
  set onEnd(callback: () => void) {
    if (this.#ended) callback();
    else this.#onEnd = callback;
  }

  /** Resolves when headers or a message are received; rejects if the call fails before. */
  started(): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (this.#error === undefined || this.#queue.length > 0) resolve();
        else resolve(rejectAtCaller(this.#error));
      };
      if (this.#headers !== undefined || this.#queue.length > 0 || this.#ended) check();
      else this.#onStarted = check;
    });
  }

  /**
   * Sends a message, which must not be changed afterwards. Resolves when the next message should be sent. Rejects with
   * the error of a call that has ended, or with CANCELLED if it ended with OK.
   */
  send(message: Uint8Array): Promise<void> {
    if (this.#halfClosed) {
      return Promise.reject(new TypeError("Cannot send a message: the call is half-closed"));
    }
    if (this.#ended || this.#call === undefined) return rejectAtCaller(this.#sendError());
    const smaller = this.#prepare(message);
    if (smaller === null) return rejectAtCaller(this.#sendError());
    this.#call.sendMessage(smaller ?? message, smaller !== undefined);
    if (this.#call.writable || this.#ended) return Promise.resolve();
    return new Promise((resolve) => this.#senders.push(resolve));
  }

  /** Sends the only request of a unary or server-streaming method and half-closes. */
  sendOnly(message: Uint8Array): void {
    if (this.#ended || this.#call === undefined) return;
    const smaller = this.#prepare(message);
    if (smaller === null) return;
    this.#halfClosed = true;
    this.#call.sendLastMessage(smaller ?? message, smaller !== undefined);
  }

  /** Returns the compressed message, undefined to send it as it is, or null after an error, which ends the call. */
  #prepare(message: Uint8Array): Uint8Array | undefined | null {
    try {
      checkSendSize(this.method, message);
      if (this.encoding === undefined) return undefined;
      return compressAsked(message, this.#options.compress, this.encoding);
    } catch (error) {
      this.cancel(startError(error));
      return null;
    }
  }

  /** Half-closes the call. Idempotent. */
  closeSend(): void {
    if (this.#halfClosed || this.#ended) return;
    this.#halfClosed = true;
    this.#call?.halfClose();
  }

  /** Resolves to the next message, or null after the last. Rejects if the call failed, or a receive is pending. */
  receive(): Promise<Uint8Array | null> {
    if (this.#ended && this.#queue.length > 0) this.#dropIfAborted();
    const message = this.#queue.take();
    if (message !== undefined) {
      if (!this.#ended) {
        this.#memory!.give(message.length + WAITING_MESSAGE_BYTES);
        if (this.#queue.resumes()) this.#call!.setReadPaused(false);
      }
      try {
        return Promise.resolve(this.#open(message));
      } catch (error) {
        const named = this.named(startError(error));
        this.cancel(named);
        this.#error ??= named;
        return rejectAtCaller(named);
      }
    }
    if (this.#ended) {
      return this.#error === undefined ? Promise.resolve(null) : rejectAtCaller(this.#error);
    }
    if (this.#receiver !== undefined) {
      return Promise.reject(new TypeError("Cannot receive: another receive is pending"));
    }
    return new Promise((resolve) => this.#receiver = resolve);
  }

  /** Drops messages that wait since before the end of the call, if its signal was aborted after the end. */
  #dropIfAborted(): void {
    const { signal } = this.#options;
    if (signal === undefined || !signal.aborted) return;
    this.#queue.clear();
    const error = abortError(signal.reason);
    this.#error ??= error === signal.reason ? error : this.named(error);
  }

  /** Cancels the call and drops queued messages. */
  cancel(error: RpcError): void {
    this.#queue.clear();
    if (this.#ended) return;
    this.#call?.cancel();
    this.#end(this.named(error));
  }

  /** Adds the method and address of this call to an error, and returns the error. */
  named(error: RpcError): RpcError {
    return nameCall(error, this.method.path, this.address);
  }

  /** Address of the server, or the target before the call has a connection. */
  get address(): string {
    return this.#call?.address ?? this.#core.target;
  }

  // ---- from the wire -----------------------------------------------------------------------------------

  onHeaders(metadata: () => Metadata): void {
    if (this.#ended || this.#headers !== undefined) return;
    this.#headers = metadata();
    const { onHeaders } = this.#options;
    if (onHeaders !== undefined) {
      this.#core.failures.invoke("onHeaders", onHeaders, this.#headers);
    }
    this.#notifyStarted();
  }

  onMessage(message: Uint8Array, compressed: boolean): void {
    if (this.#ended) return;
    const { onMessage } = this.#options;
    if (onMessage !== undefined) {
      this.#core.failures.invoke("onMessage", onMessage, {
        bytes: message.length,
        compressed,
      });
      if (this.#ended) return;
    }
    const item = compressed ? new Compressed(message) : message;
    if (this.#receiver === undefined) {
      const { memory } = this.#core;
      const counted = item.length + WAITING_MESSAGE_BYTES;
      // Calls get no fair shares of the budget, unlike a server's connections: one window of tiny messages already uses
      // half of the default.
      if (memory.used + counted > memory.limitBytes) return this.cancel(memoryUsedUp(item.length));
      this.#memory ??= new MemoryShare(memory);
      this.#memory.take(counted);
      if (this.#queue.push(item)) this.#call!.setReadPaused(true);
    } else {
      try {
        const plain = this.#open(item);
        const receive = this.#receiver;
        this.#receiver = undefined;
        receive(plain);
      } catch (error) {
        return this.cancel(startError(error));
      }
    }
    this.#notifyStarted();
  }

  // Messages are decompressed when they are read: decompressed messages in the queue could exceed its size limit.
  #open(item: Uint8Array | Compressed): Uint8Array {
    if (!(item instanceof Compressed)) return item;
    return decompress(item.bytes, this.#call!.encoding, this.method.maxReceiveBytes);
  }

  onStatus(code: Status, message: string, trailers: () => Metadata): void {
    if (this.#ended) return;
    this.#trailers = trailers();
    if (code === Status.OK) return this.#end(undefined);
    const late = this.deadlineMs <= this.#core.clock.now();
    this.#end(this.named(statusError(code, message, this.#trailers, late)));
  }

  onWritable(): void {
    const senders = this.#senders;
    this.#senders = [];
    for (const resolve of senders) resolve();
  }

  onAbort(reason: unknown): void {
    if (this.#ended) return this.#queue.clear();
    const error = abortError(reason);
    if (error !== reason) return this.cancel(error);
    // All calls of the caller's signal share this error, so it must not name one of them.
    this.#queue.clear();
    this.#call?.cancel();
    this.#end(error);
  }

  // ---- inside ------------------------------------------------------------------------------------------

  #end(error: RpcError | undefined): void {
    this.#ended = true;
    this.#error = error;
    // Queued messages no longer count: the peer can add none, and the application may never read them.
    this.#memory?.give(this.#memory.used);
    if (this.#deadline !== undefined) this.#core.deadlines.cancel(this.#deadline);
    if (this.#options.signal !== undefined) unwatchAbort(this.#options.signal, this);
    const { onTrailers } = this.#options;
    if (this.#trailers !== undefined && onTrailers !== undefined) {
      this.#core.failures.invoke("onTrailers", onTrailers, this.#trailers);
    }
    for (const settle of this.#senders) {
      // The server ended the call with OK and may ignore further requests.
      if (error === undefined) settle();
      else settle(rejectAtCaller(error));
    }
    this.#senders = [];
    if (this.#receiver !== undefined) {
      const receive = this.#receiver;
      this.#receiver = undefined;
      receive(error === undefined ? null : rejectAtCaller(error));
    }
    this.#notifyStarted();
    this.#onEnd?.();
  }

  #sendError(): RpcError {
    return this.#error ??
      this.named(
        errorFromOutside(
          Status.CANCELLED,
          "Cannot send a message: the server has ended the call with OK",
        ),
      );
  }

  #notifyStarted(): void {
    const callback = this.#onStarted;
    this.#onStarted = undefined;
    callback?.();
  }
}

function memoryUsedUp(bytes: number): RpcError {
  return errorFromOutside(
    Status.RESOURCE_EXHAUSTED,
    `Cannot keep a message of ${bytes} bytes until it is read: limits.maxBufferedBytes is used up`,
  );
}
