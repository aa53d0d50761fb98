/**
 * A call with streams, on a client: messages out with backpressure, messages in through a bounded queue.
 *
 * @module
 */

import type { Metadata } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import type { ClientCall, ClientCallSink } from "../../call/wire.ts";
import { decompress } from "../../codec/compression.ts";
import { RpcError } from "../../errors.ts";
import { type Abortable, unwatchAbort, watchAbort } from "./abort_fanout.ts";
import {
  abortError,
  type CallCore,
  checkSendSize,
  type ClientMethod,
  compressAsked,
  deadlineError,
  deadlineOf,
  type OutgoingRequest,
  ownMetadata,
  statusError,
  tell,
} from "./call_core.ts";
import type { DeadlineHandle } from "../core/deadline_queue.ts";
import type { CallOptions } from "../core/types.ts";

// Received and not yet asked for: past the first number of bytes (or of messages, which cost memory even
// when they are empty) the server gets no more credit until there is less than half of that.
const HIGH_WATER_BYTES = 65_536;
const HIGH_WATER_MESSAGES = 1_024;

const EMPTY = new Uint8Array(0);

interface Receiver {
  resolve(message: Uint8Array | null): void;
  reject(error: RpcError): void;
}

/** One call with streams. Messages are encoded bytes. */
export class ClientStream implements OutgoingRequest, ClientCallSink, Abortable {
  readonly method: ClientMethod;
  readonly metadata: Metadata | undefined;
  readonly deadlineMs: number;
  readonly encoding: string | undefined;
  readonly waitForReady: boolean;
  readonly singleResponse: boolean;
  readonly requestStreams: boolean;
  abortSlot = -1;
  readonly #core: CallCore;
  readonly #options: CallOptions;
  #call: ClientCall | undefined = undefined;
  #deadline: DeadlineHandle | undefined = undefined;
  #queue: Uint8Array[] = [];
  #queueHead = 0;
  #queuedBytes = 0;
  #readPaused = false;
  #receiver: Receiver | undefined = undefined;
  /** Those who wait for room to send. */
  #senders: { resolve: () => void; reject: (error: RpcError) => void }[] = [];
  #halfClosed = false;
  #headers: Metadata | undefined = undefined;
  #trailers: Metadata | undefined = undefined;
  #ended = false;
  #error: RpcError | undefined = undefined;
  #onEnd: (() => void) | undefined = undefined;
  #onStarted: (() => void) | undefined = undefined;

  /** Nothing happens before `begin`. */
  constructor(core: CallCore, method: ClientMethod, options: CallOptions = {}) {
    this.#core = core;
    this.#options = options;
    this.method = method;
    this.metadata = ownMetadata(options.metadata);
    this.deadlineMs = deadlineOf(core, method, options);
    this.encoding = options.compress ?? core.compress ? "gzip" : undefined;
    this.waitForReady = options.waitForReady ?? method.waitForReady;
    this.singleResponse = method.kind === "unary" || method.kind === "client_streaming";
    this.requestStreams = method.kind === "client_streaming" || method.kind === "bidi_streaming";
  }

  /** Starts the call. */
  begin(): this {
    const { signal } = this.#options;
    if (signal !== undefined) {
      if (signal.aborted) {
        this.#end(abortError(signal.reason));
        return this;
      }
      watchAbort(signal, this);
    }
    if (this.deadlineMs !== Infinity) {
      this.#deadline = this.#core.deadlines.add(
        this.deadlineMs,
        () => this.cancel(deadlineError()),
      );
    }
    this.#call = this.#core.starter.start(this, this);
    return this;
  }

  /** Whether the call is over; there may still be messages to be received. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Why the call failed, once it has. */
  get error(): RpcError | undefined {
    return this.#error;
  }

  /** Response headers, once they are here. */
  get headers(): Metadata | undefined {
    return this.#headers;
  }

  /** Response trailers, once the call is over. */
  get trailers(): Metadata | undefined {
    return this.#trailers;
  }

  /** Calls back once, when the call is over (perhaps at once). */
  set onEnd(callback: () => void) {
    if (this.#ended) callback();
    else this.#onEnd = callback;
  }

  /** Resolves when the server has answered with headers or a message; rejects when the call failed before. */
  started(): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = () => {
        if (this.#error !== undefined && !this.#hasQueued) reject(this.#error);
        else resolve();
      };
      if (this.#headers !== undefined || this.#hasQueued || this.#ended) check();
      else this.#onStarted = check;
    });
  }

  /**
   * Sends a message, which belongs to the call from then on. Resolves when the next should come. Rejects
   * with the call's error when it is over; when it ended with OK, with CANCELLED.
   */
  send(message: Uint8Array): Promise<void> {
    if (this.#halfClosed) {
      return Promise.reject(new TypeError("Cannot send a message: the sending side was closed"));
    }
    if (this.#ended || this.#call === undefined) return Promise.reject(this.#sendError());
    try {
      checkSendSize(this.method, message);
    } catch (error) {
      this.cancel(error as RpcError);
      return Promise.reject(error);
    }
    const smaller = this.encoding === undefined
      ? undefined
      : compressAsked(message, this.#options.compress);
    this.#call.sendMessage(smaller ?? message, smaller !== undefined);
    if (this.#call.writable || this.#ended) return Promise.resolve();
    return new Promise((resolve, reject) => this.#senders.push({ resolve, reject }));
  }

  /** Sends the only message of a method with a single request. */
  sendOnly(message: Uint8Array): void {
    if (this.#ended || this.#call === undefined) return;
    try {
      checkSendSize(this.method, message);
    } catch (error) {
      return this.cancel(error as RpcError);
    }
    this.#halfClosed = true;
    const smaller = this.encoding === undefined
      ? undefined
      : compressAsked(message, this.#options.compress);
    this.#call.sendLastMessage(smaller ?? message, smaller !== undefined);
  }

  /** Says that no more messages follow. Idempotent. */
  closeSend(): void {
    if (this.#halfClosed || this.#ended) return;
    this.#halfClosed = true;
    this.#call?.halfClose();
  }

  /** The next message, or null after the last. Rejects when the call failed. One at a time. */
  receive(): Promise<Uint8Array | null> {
    if (this.#hasQueued) return Promise.resolve(this.#take());
    if (this.#ended) {
      return this.#error === undefined ? Promise.resolve(null) : Promise.reject(this.#error);
    }
    if (this.#receiver !== undefined) {
      return Promise.reject(new TypeError("Cannot receive: another receive is waiting"));
    }
    return new Promise((resolve, reject) => this.#receiver = { resolve, reject });
  }

  /** Gives the call up. Messages that have arrived are dropped. Fine when it is over. */
  cancel(error: RpcError): void {
    this.#queue = [];
    this.#queueHead = 0;
    this.#queuedBytes = 0;
    if (this.#ended) return;
    this.#call?.cancel();
    this.#end(error);
  }

  // ---- from the wire -----------------------------------------------------------------------------------

  onHeaders(metadata: () => Metadata): void {
    if (this.#ended || this.#headers !== undefined) return;
    this.#headers = metadata();
    tell(this.#options.onHeaders, this.#headers);
    this.#tellStarted();
  }

  onMessage(message: Uint8Array, compressed: boolean): void {
    if (this.#ended) return;
    if (this.#options.onMessage !== undefined) {
      tell(this.#options.onMessage, { bytes: message.length, compressed });
    }
    let plain = message;
    if (compressed) {
      try {
        plain = decompress(message, this.#call!.encoding, this.method.maxReceiveBytes);
      } catch (error) {
        this.#call!.cancel();
        return this.#end(error as RpcError);
      }
    }
    if (this.#receiver !== undefined) {
      const { resolve } = this.#receiver;
      this.#receiver = undefined;
      resolve(plain);
    } else {
      this.#queue.push(plain);
      this.#queuedBytes += plain.length;
      this.#adjustReading();
    }
    this.#tellStarted();
  }

  onStatus(code: Status, message: string, trailers: () => Metadata): void {
    if (this.#ended) return;
    this.#trailers = trailers();
    if (code === Status.OK) return this.#end(undefined);
    const late = this.deadlineMs <= this.#core.clock.now();
    this.#end(statusError(code, message, this.#trailers, late));
  }

  onWritable(): void {
    const senders = this.#senders;
    this.#senders = [];
    for (const { resolve } of senders) resolve();
  }

  onAbort(reason: unknown): void {
    this.cancel(abortError(reason));
  }

  // ---- inside ------------------------------------------------------------------------------------------

  get #hasQueued(): boolean {
    return this.#queueHead < this.#queue.length;
  }

  #take(): Uint8Array {
    const message = this.#queue[this.#queueHead];
    this.#queue[this.#queueHead++] = EMPTY;
    if (this.#queueHead === this.#queue.length) {
      this.#queue.length = this.#queueHead = 0;
    } else if (this.#queueHead >= HIGH_WATER_MESSAGES) {
      this.#queue = this.#queue.slice(this.#queueHead);
      this.#queueHead = 0;
    }
    this.#queuedBytes -= message.length;
    if (this.#readPaused) this.#adjustReading();
    return message;
  }

  #adjustReading(): void {
    const count = this.#queue.length - this.#queueHead;
    const share = this.#readPaused ? 0.5 : 1;
    const paused = this.#queuedBytes > HIGH_WATER_BYTES * share ||
      count > HIGH_WATER_MESSAGES * share;
    if (paused === this.#readPaused) return;
    this.#readPaused = paused;
    if (!this.#ended) this.#call!.setReadPaused(paused);
  }

  #end(error: RpcError | undefined): void {
    this.#ended = true;
    this.#error = error;
    if (this.#deadline !== undefined) this.#core.deadlines.cancel(this.#deadline);
    if (this.#options.signal !== undefined) unwatchAbort(this.#options.signal, this);
    if (this.#trailers !== undefined) tell(this.#options.onTrailers, this.#trailers);
    for (const { reject, resolve } of this.#senders) {
      // A message that was taken before the call ended well needs no error.
      if (error === undefined) resolve();
      else reject(error);
    }
    this.#senders = [];
    if (this.#receiver !== undefined) {
      const { resolve, reject } = this.#receiver;
      this.#receiver = undefined;
      if (error === undefined) resolve(null);
      else reject(error);
    }
    this.#tellStarted();
    this.#onEnd?.();
  }

  #sendError(): RpcError {
    return this.#error ??
      new RpcError(
        Status.CANCELLED,
        "Cannot send a message: the server has ended the call with OK",
      );
  }

  #tellStarted(): void {
    const callback = this.#onStarted;
    this.#onStarted = undefined;
    callback?.();
  }
}
