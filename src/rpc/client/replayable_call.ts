/**
 * A call that may be started more than once: what was sent is kept until the first sign that the server
 * works on it, so that it can be sent again. By itself this does gRPC's transparent retries (A6): calls that
 * no server has looked at. Retrying and hedging by policy build on it.
 *
 * @module
 */

import type { Metadata } from "../../call/metadata.ts";
import type { Status } from "../../call/status.ts";
import type { CallProgress, ClientCall, ClientCallSink } from "../../call/wire.ts";
import { RpcError } from "../../errors.ts";
import { type CallCore, callRequest, type OutgoingRequest, startError } from "./call_core.ts";
import type { Connection } from "../pool/connection.ts";
import type { PickWaiter } from "../pool/pick_queue.ts";

/** What may be kept for sending again, in bytes per call (grpc-go's default); past it there is no second try. */
export const REPLAY_BUFFER_BYTES = 256 * 1024;

// While a call waits for a connection its sender may be this far ahead.
const WAITING_BYTES = 65_536;
// Unprocessed calls go to other connections; the bound only keeps a broken peer from spinning.
const MAX_UNPROCESSED = 16;

interface Sent {
  readonly message: Uint8Array;
  readonly compressed: boolean;
}

const noTrailers = (trailers: Metadata) => () => trailers;

/** One start of a call, on one connection. */
export class Attempt implements ClientCallSink, PickWaiter {
  readonly waitForReady: boolean;
  call: ClientCall | undefined = undefined;
  queueSlot = -1;
  /** No word from it counts any more. */
  over = false;

  constructor(readonly owner: ReplayCall, readonly number: number) {
    this.waitForReady = owner.request.waitForReady;
  }

  onPick(connection: Connection): void {
    const { owner } = this;
    try {
      this.call = connection.startCall(
        callRequest(owner.request, owner.core, owner.metadataFor(this)),
        this,
      );
      owner.replayTo(this.call);
    } catch (error) {
      const { code, message, metadata } = startError(error);
      this.onStatus(code, message, noTrailers(metadata), "processed");
    }
  }

  onPickFailed(code: Status, message: string): void {
    const { metadata } = new RpcError(code, message);
    // Not "unprocessed": there is no other connection to go to.
    this.onStatus(code, message, noTrailers(metadata), "processed");
  }

  onHeaders(metadata: () => Metadata): void {
    if (this.over) return;
    this.owner.commit(this);
    this.owner.sink.onHeaders(metadata);
  }

  onMessage(message: Uint8Array, compressed: boolean): void {
    if (this.over) return;
    this.owner.commit(this);
    this.owner.sink.onMessage(message, compressed);
  }

  onStatus(code: Status, message: string, trailers: () => Metadata, progress: CallProgress): void {
    if (this.over) return;
    this.over = true;
    this.owner.attemptEnded(this, { code, message, trailers, progress });
  }

  onWritable(): void {
    if (!this.over) this.owner.attemptWritable(this);
  }

  /** Gives this attempt up. */
  drop(): void {
    if (this.over) return;
    this.over = true;
    this.owner.core.pool.dequeue(this);
    this.call?.cancel();
  }
}

/** How an attempt ended. */
export interface AttemptEnd {
  readonly code: Status;
  readonly message: string;
  readonly trailers: () => Metadata;
  readonly progress: CallProgress;
}

/** A call over attempts; without policy. */
export class ReplayCall implements ClientCall {
  readonly core: CallCore;
  readonly request: OutgoingRequest;
  readonly sink: ClientCallSink;
  /** The attempt whose replies count; undefined while it is open which one that will be. */
  committed: Attempt | undefined = undefined;
  protected readonly attempts: Attempt[] = [];
  protected ended = false;
  #log: Sent[] | undefined = [];
  #logBytes = 0;
  #halfClosed = false;
  #unprocessed = 0;
  #refused = false;
  #starved = false;

  /** Nothing happens before `begin`. */
  constructor(core: CallCore, request: OutgoingRequest, sink: ClientCallSink) {
    this.core = core;
    this.request = request;
    this.sink = sink;
  }

  /** Starts the first attempt. */
  begin(): this {
    this.startAttempt();
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
    for (const attempt of this.attempts) if (!attempt.over) attempt.call?.halfClose();
  }

  cancel(): void {
    if (this.ended) return;
    this.finish();
    for (const attempt of this.attempts) attempt.drop();
  }

  get writable(): boolean {
    if (this.ended) return false;
    const call = this.#leading()?.call;
    const writable = call === undefined ? this.#logBytes < WAITING_BYTES : call.writable;
    if (!writable) this.#starved = true;
    return writable;
  }

  setReadPaused(paused: boolean): void {
    this.committed?.call?.setReadPaused(paused);
  }

  get encoding(): string {
    return this.committed?.call?.encoding ?? "identity";
  }

  // ---- from attempts -----------------------------------------------------------------------------------

  /** From now on this attempt is the call; the others are given up. */
  commit(attempt: Attempt): void {
    if (this.committed !== undefined) return;
    this.committed = attempt;
    this.#log = undefined;
    for (const other of this.attempts) if (other !== attempt) other.drop();
    this.onCommitted();
    this.#wakeSender(); // who waited for another attempt waits for nothing now
  }

  /** Sends what was sent so far. */
  replayTo(call: ClientCall): void {
    const log = this.#log ?? [];
    for (let i = 0; i < log.length; i++) {
      const { message, compressed } = log[i];
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
    } else {
      if (!this.#retryTransparently(end)) this.afterAttempt(attempt, end);
      this.#wakeSender(); // it may have waited for the attempt that is over
    }
  }

  /** The metadata of an attempt. */
  metadataFor(_attempt: Attempt): Metadata | undefined {
    return this.request.metadata;
  }

  // ---- for policies ------------------------------------------------------------------------------------

  /** An attempt ended that isn't repeated transparently. */
  protected afterAttempt(attempt: Attempt, end: AttemptEnd): void {
    this.conclude(attempt, end);
  }

  /** Nothing will be repeated any more. */
  protected onCommitted(): void {}

  /** The call is over, by its status or given up. */
  protected onFinished(): void {}

  /** Starts one more attempt. */
  protected startAttempt(): void {
    const attempt = new Attempt(this, this.attempts.length);
    this.attempts.push(attempt);
    const { pool } = this.core;
    const connection = pool.tryPick();
    if (connection !== undefined) attempt.onPick(connection);
    else pool.enqueue(attempt);
  }

  /** Ends the call with the end of `attempt`. */
  protected conclude(attempt: Attempt, end: AttemptEnd): void {
    if (this.ended) return;
    this.committed = attempt;
    this.finish();
    for (const other of this.attempts) other.drop();
    this.sink.onStatus(end.code, end.message, end.trailers, end.progress);
  }

  protected finish(): void {
    this.ended = true;
    this.#log = undefined;
    this.onFinished();
  }

  #send(message: Uint8Array, compressed: boolean, last: boolean): void {
    if (this.ended || this.#halfClosed) return;
    if (this.#log !== undefined) {
      this.#log.push({ message, compressed });
      this.#logBytes += message.length;
    }
    if (last) this.#halfClosed = true;
    for (const attempt of this.attempts) {
      if (attempt.over || attempt.call === undefined) continue;
      if (last) attempt.call.sendLastMessage(message, compressed);
      else attempt.call.sendMessage(message, compressed);
    }
    // Too much to keep: what runs now is the call. Without a connection, sending is held back instead.
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

  #retryTransparently(end: AttemptEnd): boolean {
    if (end.progress === "processed") return false;
    if (end.progress === "refused" && this.#refused) return false;
    if (end.progress === "unprocessed" && ++this.#unprocessed > MAX_UNPROCESSED) return false;
    if (end.progress === "refused") this.#refused = true;
    // Later: the engine is in the midst of telling all calls of a connection.
    queueMicrotask(() => {
      if (!this.ended && this.committed === undefined) this.startAttempt();
    });
    return true;
  }
}
