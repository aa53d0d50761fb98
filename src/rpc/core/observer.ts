/**
 * Observation of calls at the wire: start, bytes in each direction, status. Without an observer it costs nothing.
 *
 * @module
 */

import type { BalancerObserver } from "./balancer_observer.ts";
import type { FailureLog } from "./failure_log.ts";
import type { HandlerContext } from "./types.ts";
import type { OpenCalls, OpenClientCall } from "./open_calls.ts";
import type { Metadata } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import { isInstance } from "../../errors.ts";
import type {
  CalledMethod,
  CallProgress,
  ClientCall,
  ClientCallSink,
  ServerCall,
  ServerCallSink,
} from "../../call/wire.ts";

/**
 * Observes calls: on a server all calls that arrive, including those of unknown methods; on a client each attempt
 * (retries and hedges count separately, a batch stream as one call). Must not block. When one of its functions throws,
 * that is logged and the rest of the call is not observed; the call itself continues.
 */
export interface CallObserver {
  /**
   * Called when a call starts. `known` is false for a method that the server doesn't have, whose path is arbitrary.
   * Returns the observer of the call, or undefined for none.
   */
  started(path: string, known: boolean): ObservedCall | undefined;
  /** Observes the connections and balancers of a channel. Default none. */
  readonly balancer?: BalancerObserver;
}

/** Observes one call. */
export interface ObservedCall {
  /** Called for a message given to the wire, with its compressed size in bytes, without the prefix. */
  sent(bytes: number): void;
  /** Called for a message that arrived, with its compressed size in bytes, without the prefix. */
  received(bytes: number): void;
  /**
   * Called on a server, before the interceptors, for a call that has a handler. Its `values` are those that interceptors
   * set. Default: none.
   */
  handled?(context: HandlerContext): void;
  /** Called once, at the end of the call. */
  ended(code: Status): void;
}

/** Reports one call to an observer. An exception of the observer ends the observation, not the call. */
export class Observation {
  readonly #failures: FailureLog;
  #observed: ObservedCall | undefined;

  private constructor(observed: ObservedCall, failures: FailureLog) {
    this.#observed = observed;
    this.#failures = failures;
  }

  /** Starts to observe a call; undefined if the observer declines or fails. */
  static start(
    observer: CallObserver,
    path: string,
    known: boolean,
    failures: FailureLog,
  ): Observation | undefined {
    try {
      const observed = observer.started(path, known);
      if (observed === undefined || observed === null) return undefined;
      if (isInstance(observed, Promise) || !/^(object|function)$/.test(typeof observed)) {
        failures.returned("observer.started", observed);
        throw new TypeError("observer.started must return an ObservedCall or undefined");
      }
      return new Observation(observed, failures);
    } catch (error) {
      failures.hook("observer.started", error);
      return undefined;
    }
  }

  /** Reports a message that was handed to the wire. */
  sent(bytes: number): void {
    try {
      this.#failures.returned("observer.sent", this.#observed?.sent(bytes));
    } catch (error) {
      this.#failed("observer.sent", error);
    }
  }

  /** Reports a message that arrived. */
  received(bytes: number): void {
    try {
      this.#failures.returned("observer.received", this.#observed?.received(bytes));
    } catch (error) {
      this.#failed("observer.received", error);
    }
  }

  /** Reports the context of the call's handler. */
  handled(context: HandlerContext): void {
    try {
      this.#failures.returned("observer.handled", this.#observed?.handled?.(context));
    } catch (error) {
      this.#failed("observer.handled", error);
    }
  }

  /** Reports the end of the call, once. */
  ended(code: Status): void {
    const observed = this.#observed;
    this.#observed = undefined;
    try {
      this.#failures.returned("observer.ended", observed?.ended(code));
    } catch (error) {
      this.#failed("observer.ended", error);
    }
  }

  #failed(hook: string, error: unknown): void {
    this.#observed = undefined;
    this.#failures.hook(hook, error);
  }
}

const NO_SINK: ServerCallSink = {
  onMessage() {},
  onHalfClose() {},
  onCancel() {},
  onWritable() {},
};

/** Observed call on a server, between the wire and the handler. */
export class ObservedServerCall implements ServerCall, ServerCallSink {
  sink: ServerCallSink = NO_SINK;
  readonly #inner: ServerCall;
  readonly #observed: Observation;

  /** Becomes the sink of `inner`. */
  constructor(inner: ServerCall, observed: Observation) {
    this.#inner = inner;
    this.#observed = observed;
    inner.sink = this;
  }

  get protocol(): ServerCall["protocol"] {
    return this.#inner.protocol;
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

  get acceptedEncodings(): string {
    return this.#inner.acceptedEncodings;
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
    this.#observed.sent(message.length);
    this.#inner.sendMessage(message, compressed);
  }

  // The wire may end the call with another status, such as INTERNAL for trailers that are too large. It reports that
  // by `onCancel` before `sendStatus` and the methods below return.
  sendStatus(code: Status, message: string, trailers?: Metadata): void {
    this.#inner.sendStatus(code, message, trailers);
    this.#observed.ended(code);
  }

  respond(message: Uint8Array): void {
    this.#observed.sent(message.length);
    this.#inner.respond(message);
    this.#observed.ended(Status.OK);
  }

  checkMethod(method: CalledMethod | undefined, takesFormat: boolean): boolean {
    return this.#inner.checkMethod?.(method, takesFormat) ?? true;
  }

  chargeFault(): void {
    this.#inner.chargeFault?.();
  }

  setReadPaused(paused: boolean): void {
    this.#inner.setReadPaused(paused);
  }

  handlerDone(): void {
    this.#inner.handlerDone();
  }

  onMessage(message: Uint8Array, compressed: boolean): void {
    this.#observed.received(message.length);
    this.sink.onMessage(message, compressed);
  }

  onHalfClose(): void {
    this.sink.onHalfClose();
  }

  onCancel(code: Status, reason: string): void {
    this.#observed.ended(code);
    this.sink.onCancel(code, reason);
  }

  onWritable(): void {
    this.sink.onWritable();
  }
}

/** Observed attempt on a client, between the caller and the wire. */
export class ObservedClientCall implements ClientCall, OpenClientCall {
  openSlot = -1;
  readonly #sink: ClientCallSink;
  readonly #calls: OpenCalls<OpenClientCall>;
  readonly #isLate: () => boolean;
  #inner!: ClientCall;
  readonly #observed: Observation;

  /**
   * Forwards to `sink`, and leaves `calls`, those of its connection, when it ends. `isLate` returns whether a cancel at
   * this time is due to the deadline.
   */
  constructor(
    observed: Observation,
    sink: ClientCallSink,
    calls: OpenCalls<OpenClientCall>,
    isLate: () => boolean,
  ) {
    this.#observed = observed;
    this.#sink = sink;
    this.#calls = calls;
    this.#isLate = isLate;
  }

  /** Takes over the wire's call, whose sink is this object. */
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
    this.#observed.sent(message.length);
    this.#inner.sendMessage(message, compressed);
  }

  sendLastMessage(message: Uint8Array, compressed: boolean): void {
    this.#observed.sent(message.length);
    this.#inner.sendLastMessage(message, compressed);
  }

  halfClose(): void {
    this.#inner.halfClose();
  }

  cancel(): void {
    this.#calls.remove(this);
    this.#observed.ended(this.#isLate() ? Status.DEADLINE_EXCEEDED : Status.CANCELLED);
    this.#inner.cancel();
  }

  setReadPaused(paused: boolean): void {
    this.#inner.setReadPaused(paused);
  }

  onHeaders(metadata: () => Metadata): void {
    this.#sink.onHeaders(metadata);
  }

  onMessage(message: Uint8Array, compressed: boolean): void {
    this.#observed.received(message.length);
    this.#sink.onMessage(message, compressed);
  }

  onStatus(
    code: Status,
    message: string,
    trailers: () => Metadata,
    progress: CallProgress,
  ): void {
    this.#calls.remove(this);
    this.#observed.ended(code);
    this.#sink.onStatus(code, message, trailers, progress);
  }

  onWritable(): void {
    this.#sink.onWritable();
  }
}
