/**
 * Watching calls where they meet the wire: what was started, how many bytes went each way, how it ended.
 * Without an observer nothing of this is made.
 *
 * @module
 */

import type { Metadata } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import type {
  CallProgress,
  ClientCall,
  ClientCallSink,
  ServerCall,
  ServerCallSink,
} from "../../call/wire.ts";

/**
 * Hears of every call: on a server of those that arrive, unknown methods included; on a client of every
 * attempt (retries and hedges each count; calls in a batch travel as one). Must not throw, and must be quick.
 */
export interface CallObserver {
  /**
   * A call starts. `known` is false for a method that the server doesn't have: its path is the peer's
   * invention. Returns who hears of the rest, or undefined when nobody wants to.
   */
  started(path: string, known: boolean): ObservedCall | undefined;
}

/** Hears how one call goes on. */
export interface ObservedCall {
  /** A message was handed to the wire: its bytes after compression, without the prefix. */
  sent(bytes: number): void;
  /** A message arrived: its bytes before decompression, without the prefix. */
  received(bytes: number): void;
  /** The call is over. Called once. */
  ended(code: Status): void;
}

const NO_SINK: ServerCallSink = {
  onMessage() {},
  onHalfClose() {},
  onCancel() {},
  onWritable() {},
};

/** A call on a server, between the wire and its handler. */
export class ObservedServerCall implements ServerCall, ServerCallSink {
  sink: ServerCallSink = NO_SINK;
  readonly #inner: ServerCall;
  #observed: ObservedCall | undefined;

  /** Puts itself between `inner` and the sink that it will be given. */
  constructor(inner: ServerCall, observed: ObservedCall) {
    this.#inner = inner;
    this.#observed = observed;
    inner.sink = this;
  }

  get path(): string {
    return this.#inner.path;
  }

  get metadata(): Metadata {
    return this.#inner.metadata;
  }

  get timeoutMs(): number {
    return this.#inner.timeoutMs;
  }

  get encoding(): string {
    return this.#inner.encoding;
  }

  get contentSubtype(): string | undefined {
    return this.#inner.contentSubtype;
  }

  get acceptsGzip(): boolean {
    return this.#inner.acceptsGzip;
  }

  get authority(): string {
    return this.#inner.authority;
  }

  get writable(): boolean {
    return this.#inner.writable;
  }

  get closed(): boolean {
    return this.#inner.closed;
  }

  sendHeaders(metadata?: Metadata, encoding?: string): void {
    this.#inner.sendHeaders(metadata, encoding);
  }

  sendMessage(message: Uint8Array, compressed: boolean): void {
    this.#observed?.sent(message.length);
    this.#inner.sendMessage(message, compressed);
  }

  sendStatus(code: Status, message: string, trailers?: Metadata): void {
    this.#end(code);
    this.#inner.sendStatus(code, message, trailers);
  }

  respond(message: Uint8Array): void {
    this.#observed?.sent(message.length);
    this.#end(Status.OK);
    this.#inner.respond(message);
  }

  setReadPaused(paused: boolean): void {
    this.#inner.setReadPaused(paused);
  }

  handlerDone(): void {
    this.#inner.handlerDone();
  }

  onMessage(message: Uint8Array, compressed: boolean): void {
    this.#observed?.received(message.length);
    this.sink.onMessage(message, compressed);
  }

  onHalfClose(): void {
    this.sink.onHalfClose();
  }

  onCancel(code: Status, reason: string): void {
    this.#end(code);
    this.sink.onCancel(code, reason);
  }

  onWritable(): void {
    this.sink.onWritable();
  }

  #end(code: Status): void {
    this.#observed?.ended(code);
    this.#observed = undefined;
  }
}

/** An attempt on a client, between whoever calls and the wire. */
export class ObservedClientCall implements ClientCall, ClientCallSink {
  readonly #sink: ClientCallSink;
  readonly #isLate: () => boolean;
  #inner!: ClientCall;
  #observed: ObservedCall | undefined;

  /** Passes on to `sink`. `isLate` says whether a cancel now is one of the deadline. */
  constructor(observed: ObservedCall, sink: ClientCallSink, isLate: () => boolean) {
    this.#observed = observed;
    this.#sink = sink;
    this.#isLate = isLate;
  }

  /** Takes over the wire's call, which was given this object as its sink. */
  join(inner: ClientCall): this {
    this.#inner = inner;
    return this;
  }

  get writable(): boolean {
    return this.#inner.writable;
  }

  get encoding(): string {
    return this.#inner.encoding;
  }

  sendMessage(message: Uint8Array, compressed: boolean): void {
    this.#observed?.sent(message.length);
    this.#inner.sendMessage(message, compressed);
  }

  sendLastMessage(message: Uint8Array, compressed: boolean): void {
    this.#observed?.sent(message.length);
    this.#inner.sendLastMessage(message, compressed);
  }

  halfClose(): void {
    this.#inner.halfClose();
  }

  cancel(): void {
    this.#end(this.#isLate() ? Status.DEADLINE_EXCEEDED : Status.CANCELLED);
    this.#inner.cancel();
  }

  setReadPaused(paused: boolean): void {
    this.#inner.setReadPaused(paused);
  }

  onHeaders(metadata: () => Metadata): void {
    this.#sink.onHeaders(metadata);
  }

  onMessage(message: Uint8Array, compressed: boolean): void {
    this.#observed?.received(message.length);
    this.#sink.onMessage(message, compressed);
  }

  onStatus(
    code: Status,
    message: string,
    trailers: () => Metadata,
    progress: CallProgress,
  ): void {
    this.#end(code);
    this.#sink.onStatus(code, message, trailers, progress);
  }

  onWritable(): void {
    this.#sink.onWritable();
  }

  #end(code: Status): void {
    this.#observed?.ended(code);
    this.#observed = undefined;
  }
}
