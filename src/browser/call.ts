/**
 * One call: deadline, cancellation, and a bounded queue of received messages.
 *
 * @module
 */

import { Metadata } from "../call/metadata.ts";
import { Status } from "../call/status.ts";
import type { CallRequest, ClientCall } from "../call/wire.ts";
import { decodeStatusDetails, DETAILS_KEY } from "../codec/status_details.ts";
import { deadlineExceeded, errorFromOutside, type RpcError, textOf } from "../errors.ts";
import { abortError, nameCall, rejectAtCaller } from "../rpc/client/call_error.ts";
import { MessageQueue, type Watermarks } from "../rpc/core/message_queue.ts";
import type { OpenClientCall } from "../rpc/core/open_calls.ts";
import type { CallOptions } from "./options.ts";

// The queue holds one flow-control window (64 KiB) of messages before the server gets no further credit.
const WATERMARKS: Watermarks = {
  pauseBytes: 65_537,
  pauseCount: 1_025,
  resumeBytes: 32_768,
  resumeCount: 512,
};
// Longest delay of a timer, in ms, about 25 days; later deadlines are left to the server.
const MAX_TIMER_MS = 0x7fffffff;

/** Starts calls once a connection is free. */
export interface CallOwner {
  /** URL of the server, for errors. */
  readonly url: string;
  /** Starts the call at once, or later by {@link PageCall.start}. */
  admit(call: PageCall): void;
  /** Removes a call that has not been started. */
  withdraw(call: PageCall): void;
}

/** What is known of the called method. */
export interface CalledMethod {
  readonly path: string;
  readonly singleResponse: boolean;
  readonly requestStreams: boolean;
  readonly maxReceiveMessageBytes: number;
}

/** The connection of a call. */
export interface PageCallConnection {
  /** Starts a call. Throws what the engine throws. */
  startCall(request: CallRequest, sink: OpenClientCall): ClientCall;
  /** Forgets a call that has ended. */
  callOver(call: OpenClientCall): void;
  /** Closes because the engine has thrown. Never throws. */
  fail(error: unknown): void;
}

/** A call; its messages are encoded bytes. */
export class PageCall implements OpenClientCall {
  openSlot = -1;
  readonly #owner: CallOwner;
  readonly #method: CalledMethod;
  readonly #options: CallOptions;
  readonly #metadata: Metadata | undefined;
  readonly #deadlineMs: number;
  readonly #queue = new MessageQueue<Uint8Array>(WATERMARKS);
  readonly #onAbort = () => this.#cancelFor(this.#options.signal?.reason);
  #connection: PageCallConnection | undefined = undefined;
  #call: ClientCall | undefined = undefined;
  /** Steps that wait until the call is started. */
  #unsent: ((call: ClientCall) => void)[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined = undefined;
  #receiver: ((message: Uint8Array | null | Promise<never>) => void) | undefined = undefined;
  #writable: (() => void) | undefined = undefined;
  #ended = false;
  #error: RpcError | undefined = undefined;
  /** Called once when the call ends. */
  onEnd: () => void = () => {};

  /** Creates a call. Throws for options that are not valid. */
  constructor(owner: CallOwner, method: CalledMethod, options: CallOptions, timeoutMs: number) {
    if (!(timeoutMs >= 0)) {
      throw new RangeError(`Cannot use timeoutMs ${timeoutMs}: must be at least 0`);
    }
    this.#owner = owner;
    this.#method = method;
    this.#options = options;
    this.#metadata = options.metadata === undefined ? undefined : new Metadata(options.metadata);
    this.#deadlineMs = performance.now() + timeoutMs;
  }

  /** Whether the call has ended; received messages may still be queued. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Asks the owner to start the call. */
  begin(): this {
    const { signal } = this.#options;
    if (signal?.aborted) {
      this.#cancelFor(signal.reason);
      return this;
    }
    signal?.addEventListener("abort", this.#onAbort);
    const timeoutMs = this.#deadlineMs - performance.now();
    if (timeoutMs <= MAX_TIMER_MS) {
      this.#timer = setTimeout(() => this.cancel(deadlineExceeded()), Math.max(0, timeoutMs));
    }
    this.#owner.admit(this);
    return this;
  }

  /** Starts the call on a connection. Called by the owner. */
  start(connection: PageCallConnection): void {
    const leftMs = this.#deadlineMs - performance.now();
    if (leftMs <= 0) return this.cancel(deadlineExceeded());
    const { path, singleResponse, requestStreams, maxReceiveMessageBytes } = this.#method;
    this.#connection = connection;
    try {
      this.#call = connection.startCall({
        ...{ path, singleResponse, requestStreams, maxReceiveMessageBytes },
        metadata: this.#metadata,
        timeoutMs: leftMs === Infinity ? undefined : leftMs,
      }, this);
    } catch (error) {
      const text = textOf(error);
      return this.#end(errorFromOutside(Status.INTERNAL, text, { cause: error }));
    }
    const unsent = this.#unsent;
    this.#unsent = [];
    for (const step of unsent) this.#run(step);
    if (this.#writesNow) this.onWritable();
  }

  /** Ends a call that could not be started. Called by the owner. */
  fail(code: Status, message: string): void {
    this.#end(errorFromOutside(code, message));
  }

  /** Sends the only message and half-closes. */
  sendOnly(message: Uint8Array): void {
    this.#send((call) => call.sendLastMessage(message, false));
  }

  /** Sends a message. Resolves when the next one should be sent, or when the call has ended. */
  send(message: Uint8Array): Promise<void> | void {
    this.#send((call) => call.sendMessage(message, false));
    if (this.#ended || this.#writesNow) return;
    return new Promise((resolve) => this.#writable = resolve);
  }

  /** Half-closes. */
  closeSend(): void {
    this.#send((call) => call.halfClose());
  }

  #send(step: (call: ClientCall) => void): void {
    if (this.#ended) return;
    if (this.#call === undefined) this.#unsent.push(step);
    else this.#run(step);
  }

  get #writesNow(): boolean {
    return this.#run((call) => call.writable) ?? false;
  }

  /** Runs a step of the engine's call, if there is one. An exception closes the connection, which ends the call. */
  #run<T>(step: (call: ClientCall) => T): T | undefined {
    if (this.#call === undefined) return undefined;
    try {
      return step(this.#call);
    } catch (error) {
      this.#connection!.fail(error);
      return undefined;
    }
  }

  /** Resolves to the next message, or null after the last. Rejects if the call failed. */
  receive(): Promise<Uint8Array | null> {
    const { signal } = this.#options;
    if (this.#ended && this.#queue.length > 0 && signal?.aborted) {
      this.#queue.clear();
      this.#error ??= this.#named(abortError(signal.reason));
    }
    const message = this.#queue.take();
    if (message !== undefined) {
      if (!this.#ended && this.#queue.resumes()) this.#run((call) => call.setReadPaused(false));
      return Promise.resolve(message);
    }
    if (this.#ended) {
      return this.#error === undefined ? Promise.resolve(null) : rejectAtCaller(this.#error);
    }
    return new Promise((resolve) => this.#receiver = resolve);
  }

  /** Resolves to the only message. Rejects if the call failed, or had none or several. */
  async receiveOnly(): Promise<Uint8Array> {
    const message = await this.receive();
    if (message !== null && await this.receive() === null) return message;
    const count = message === null ? "no" : "several";
    const text = `The call was answered with ${count} messages and status OK, expected one`;
    const error = this.#named(errorFromOutside(Status.UNIMPLEMENTED, text));
    this.cancel(error);
    throw error;
  }

  /** Cancels the call and drops queued messages. */
  cancel(error: RpcError): void {
    this.#queue.clear();
    if (this.#ended) return;
    this.#end(error);
    this.#run((call) => call.cancel());
  }

  /** Names the call in an error, and returns the error. */
  #named(error: RpcError): RpcError {
    return nameCall(error, this.#method.path, this.#owner.url);
  }

  #cancelFor(reason: unknown): void {
    this.cancel(abortError(reason));
  }

  // ---- from the wire -----------------------------------------------------------------------------------

  onHeaders(metadata: () => Metadata): void {
    const { onHeaders } = this.#options;
    if (!this.#ended && onHeaders !== undefined) report(() => onHeaders(metadata()));
  }

  onMessage(message: Uint8Array, compressed: boolean): void {
    if (this.#ended) return;
    if (compressed) {
      const text = "Cannot read a compressed message: the client accepts none";
      return this.cancel(errorFromOutside(Status.INTERNAL, text));
    }
    const receive = this.#receiver;
    if (receive === undefined) {
      if (this.#queue.push(message)) this.#run((call) => call.setReadPaused(true));
      return;
    }
    this.#receiver = undefined;
    receive(message);
  }

  onStatus(code: Status, message: string, trailers: () => Metadata): void {
    if (this.#ended) return;
    const metadata = trailers();
    const { onTrailers } = this.#options;
    if (onTrailers !== undefined) report(() => onTrailers(metadata));
    if (code === Status.OK) return this.#end(undefined);
    // The server's timer may fire before the client's.
    const late = code === Status.CANCELLED && this.#deadlineMs <= performance.now();
    if (late) return this.#end(deadlineExceeded());
    const encoded = metadata.get(DETAILS_KEY);
    const details = encoded === undefined ? undefined : decodeStatusDetails(encoded);
    this.#end(errorFromOutside(code, message, { metadata, details }));
  }

  onWritable(): void {
    const resolve = this.#writable;
    this.#writable = undefined;
    resolve?.();
  }

  #end(error: RpcError | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#connection?.callOver(this);
    if (this.#call === undefined) this.#owner.withdraw(this);
    this.#unsent = [];
    this.#error = error && this.#named(error);
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.onWritable();
    const receive = this.#receiver;
    this.#receiver = undefined;
    receive?.(this.#error === undefined ? null : rejectAtCaller(this.#error));
    this.onEnd();
  }
}

/** Runs a callback of the application; what it throws is reported as an uncaught error, and the call goes on. */
function report(callback: () => void): void {
  try {
    callback();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
