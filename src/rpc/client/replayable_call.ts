/**
 * Calls that may take several attempts: messages are kept until one attempt gets a response, so that another
 * attempt can send them again. Without a strategy only transparent retries happen (gRPC A6).
 *
 * @module
 */

import { LOST_MESSAGE } from "../../bytes/lost_message.ts";
import type { Metadata } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import type { ClientCall, ClientCallSink } from "../../call/wire.ts";
import { deadlineExceeded, RpcError } from "../../errors.ts";
import type { AttemptKind } from "../core/attempts.ts";
import { Attempt, type AttemptEnd, type AttemptOwner } from "./attempt.ts";
import {
  type CallCore,
  hasPassed,
  type OutgoingRequest,
  oversizeError,
  type RoutedCall,
} from "./call_core.ts";
import { retryTransparently, type TransparentlyRetried } from "./transparent_retry.ts";

/** Message bytes kept for further attempts, per call (grpc-go's default); a call that sends more is not repeated. */
export const REPLAY_BUFFER_BYTES = 256 * 1024;

// Message bytes buffered before the call has a connection; from this size on, `writable` is false.
const WAITING_BYTES = 65_536;

interface SentMessage {
  readonly message: Uint8Array;
  /** Length of the message when it was sent first: its buffer may be detached before another attempt. */
  readonly bytes: number;
  readonly compressed: boolean;
}

/** Retrying or hedging: decides which attempts a call makes. One object per call. */
export interface AttemptStrategy {
  /** Starts the first attempts. */
  begin(): void;
  /** Returns the metadata an attempt sends. */
  metadataFor(attempt: Attempt): Metadata | undefined;
  /** Starts another attempt or ends the call, after an attempt that is not retried transparently. */
  afterAttempt(attempt: Attempt, end: AttemptEnd): void;
  /** Stops further attempts: the response of one attempt has begun, or the replay buffer is full. */
  onCommitted(): void;
  /** Releases timers. `end` is the status of the call; undefined when the caller cancelled. */
  onFinished(end: AttemptEnd | undefined): void;
}

const constant = (trailers: Metadata) => () => trailers;

/** A call over one or more attempts. */
export class ReplayableCall implements RoutedCall, AttemptOwner, TransparentlyRetried {
  readonly core: CallCore;
  request: OutgoingRequest;
  readonly sink: ClientCallSink;
  /** All attempts so far, in order. */
  readonly attempts: Attempt[] = [];
  /** The attempt whose response is the call's; undefined until that is decided. */
  committed: Attempt | undefined = undefined;
  ended = false;
  /** Address of the connection on which the latest attempt was started. */
  address: string | undefined = undefined;
  unprocessedAttempts = 0;
  refused = false;
  #strategy: AttemptStrategy | undefined = undefined;
  #log: SentMessage[] | undefined = [];
  #logBytes = 0;
  #halfClosed = false;
  /** Whether the sender waits for `onWritable`. */
  #starved = false;

  /** Creates a call that starts at `begin`. */
  constructor(core: CallCore, request: OutgoingRequest, sink: ClientCallSink) {
    this.core = core;
    this.request = request;
    this.sink = sink;
  }

  /** Starts the first attempt; `strategy` decides on further ones. */
  begin(strategy?: AttemptStrategy): this {
    this.#strategy = strategy;
    if (strategy === undefined) this.startAttempt("first");
    else strategy.begin();
    return this;
  }

  // ---- ClientCall --------------------------------------------------------------------------------------

  sendMessage(message: Uint8Array, compressed: boolean): void {
    this.#send(message, compressed, false);
  }

  sendLastMessage(message: Uint8Array, compressed: boolean): void {
    this.#send(message, compressed, true);
  }

  halfClose(): void {
    if (this.ended || this.#halfClosed) return;
    this.#halfClosed = true;
    for (const attempt of this.attempts) attempt.halfClose();
  }

  cancel(): void {
    if (this.ended) return;
    this.#finish(undefined);
    for (const attempt of this.attempts) attempt.drop();
  }

  get writable(): boolean {
    if (this.ended) return false;
    const writable = this.#leading()?.writable ?? this.#logBytes < WAITING_BYTES;
    if (!writable) this.#starved = true;
    return writable;
  }

  setReadPaused(paused: boolean): void {
    this.committed?.setReadPaused(paused);
  }

  get encoding(): string {
    return this.committed?.encoding ?? "identity";
  }

  // ---- from attempts -----------------------------------------------------------------------------------

  /** Makes the response of `attempt` the call's and drops all others. */
  commit(attempt: Attempt): void {
    if (this.committed !== undefined) return;
    this.committed = attempt;
    this.#log = undefined;
    for (const other of this.attempts) if (other !== attempt) other.drop();
    this.#strategy?.onCommitted();
    // The sender may have waited for an attempt that was dropped.
    this.#wakeSender();
  }

  /** Sends everything sent so far on a new attempt's call. Throws RpcError if a message is lost. */
  replayTo(call: ClientCall): void {
    const log = this.#log ?? [];
    for (let i = 0; i < log.length; i++) {
      const { message, bytes, compressed } = log[i];
      if (message.length !== bytes) {
        call.cancel();
        throw new RpcError(Status.INTERNAL, LOST_MESSAGE);
      }
      if (i === log.length - 1 && this.#halfClosed) {
        call.sendLastMessage(message, compressed);
        return;
      }
      call.sendMessage(message, compressed);
    }
    if (this.#halfClosed) call.halfClose();
    this.#wakeSender();
  }

  attemptWritable(attempt: Attempt): void {
    if (attempt === this.#leading()) this.#wakeSender();
  }

  attemptEnded(attempt: Attempt, end: AttemptEnd): void {
    if (this.ended) return;
    if (this.committed !== undefined) {
      if (attempt === this.committed) this.conclude(attempt, end);
      return;
    }
    if (!retryTransparently(this, end.progress)) {
      if (this.#strategy === undefined) this.conclude(attempt, end);
      else this.#strategy.afterAttempt(attempt, end);
    }
    // The sender may have waited for the attempt that ended.
    this.#wakeSender();
  }

  restart(): void {
    if (!this.ended && this.committed === undefined) this.startAttempt("transparent_retry");
  }

  metadataFor(attempt: Attempt): Metadata | undefined {
    return this.#strategy === undefined
      ? this.request.metadata
      : this.#strategy.metadataFor(attempt);
  }

  // ---- for strategies ----------------------------------------------------------------------------------

  /** Starts one more attempt; ends the call instead if its deadline has passed. */
  startAttempt(kind: AttemptKind): void {
    if (this.endIfExpired()) return;
    this.request.attemptListener?.began(kind);
    const attempt = new Attempt(this, this.attempts.length);
    this.attempts.push(attempt);
    const { pool } = this.core;
    const connection = pool.tryPick(attempt);
    if (connection !== undefined) attempt.onPick(connection);
    else pool.enqueue(attempt);
  }

  /** Ends the call with the status of `attempt`. */
  conclude(attempt: Attempt, end: AttemptEnd): void {
    if (this.ended) return;
    this.committed = attempt;
    this.#finish(end);
    for (const other of this.attempts) other.drop();
    this.sink.onStatus(end.code, end.message, end.trailers, end.progress);
  }

  /** Ends the call if its deadline has passed, and returns whether it did. */
  endIfExpired(): boolean {
    const { request, core } = this;
    if (!hasPassed(request.deadlineMs, core.clock)) return false;
    const { code, message, metadata } = deadlineExceeded();
    this.endWith({ code, message, trailers: constant(metadata), progress: "processed" });
    return true;
  }

  /** Ends the call with a status that no attempt has. */
  endWith(end: AttemptEnd): void {
    if (this.ended) return;
    this.#finish(end);
    for (const attempt of this.attempts) attempt.drop();
    this.sink.onStatus(end.code, end.message, end.trailers, end.progress);
  }

  /** Sets other settings, before the first attempt. Ends the call and returns false if a message is too large for them. */
  reconfigure(request: OutgoingRequest): boolean {
    this.request = request;
    return (this.#log ?? []).every(({ bytes }) => this.#mayBeSent(bytes));
  }

  /** Ends the call and returns false if a message is too large. Its size is the one that it is sent in. */
  #mayBeSent(bytes: number): boolean {
    const { maxSendBytes } = this.request.method;
    if (!(bytes > maxSendBytes)) return true;
    const { code, message, metadata } = oversizeError(bytes, maxSendBytes);
    this.endWith({ code, message, trailers: constant(metadata), progress: "processed" });
    return false;
  }

  #finish(end: AttemptEnd | undefined): void {
    this.ended = true;
    this.#log = undefined;
    this.#strategy?.onFinished(end);
  }

  #send(message: Uint8Array, compressed: boolean, last: boolean): void {
    if (this.ended || this.#halfClosed || !this.#mayBeSent(message.length)) return;
    if (this.#log !== undefined) {
      this.#log.push({ message, bytes: message.length, compressed });
      this.#logBytes += message.length;
    }
    if (last) this.#halfClosed = true;
    for (const attempt of this.attempts) attempt.send(message, compressed, last);
    // Over the replay limit the call commits to its running attempt; without one, `writable` is false.
    const leading = this.#leading();
    if (this.#log !== undefined && this.#logBytes > REPLAY_BUFFER_BYTES && leading?.call) {
      this.commit(leading);
    }
  }

  #leading(): Attempt | undefined {
    return this.committed ?? this.attempts.findLast((attempt) => !attempt.over);
  }

  #wakeSender(): void {
    if (!this.#starved || this.ended) return;
    this.#starved = false;
    this.sink.onWritable();
  }
}
