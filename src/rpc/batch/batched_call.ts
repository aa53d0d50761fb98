/**
 * One unary call that travels in a batch, on the client.
 *
 * @module
 */

import { LOST_MESSAGE } from "../../bytes/lost_message.ts";
import type { Clock } from "../../call/clock.ts";
import { Metadata } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import type { CallProgress, ClientCallSink } from "../../call/wire.ts";
import { deadlineExceeded, textOf } from "../../errors.ts";
import {
  type CallCore,
  hasPassed,
  type OutgoingRequest,
  type RoutedCall,
} from "../client/call_core.ts";
import type { Connection } from "../pool/connection.ts";
import type { PickWaiter } from "../pool/pick_queue.ts";

/** The batch stream that carries a call. */
export interface BatchedCallStream {
  /** Queues a call for the next batch. */
  add(call: BatchedCall): void;
  /** Drops a call that its caller cancelled. */
  cancel(call: BatchedCall): void;
}

/** Channel interface used by a batched call. */
export interface BatchedCallOwner {
  readonly clock: Clock;
  /** Picks connections, and queues the calls that wait for one. */
  readonly pool: CallCore["pool"];
  /** Returns the batch stream of a connection; opens one if there is none. */
  streamOf(connection: Connection): BatchedCallStream;
  /** Turns batching off for the channel: the server does not support it. */
  disable(reason: string): void;
}

const noMetadata = () => new Metadata();

/** A call in a batch, from the wait for a connection to its status. */
export class BatchedCall implements RoutedCall, PickWaiter {
  readonly encoding = "identity";
  readonly writable = true;
  readonly waitForReady: boolean;
  queueSlot = -1;
  stream: BatchedCallStream | undefined = undefined;
  /** Identifier on the batch stream; 0 until the call is sent. */
  id = 0;
  ended = false;
  address: string | undefined = undefined;
  /** Length of `payload` when the caller passed it: its buffer may be detached while the call waits. */
  readonly payloadBytes: number;

  constructor(
    readonly owner: BatchedCallOwner,
    readonly request: OutgoingRequest,
    readonly payload: Uint8Array,
    readonly sink: ClientCallSink,
  ) {
    this.waitForReady = request.waitForReady;
    this.payloadBytes = payload.length;
  }

  get batched(): boolean {
    return true;
  }

  get path(): string {
    return this.request.method.path;
  }

  get metadata(): Metadata | undefined {
    return this.request.metadata;
  }

  onPick(connection: Connection): void {
    if (this.endIfExpired()) return;
    this.address = connection.address;
    const opens = connection.batch === undefined;
    // With a limit of one call, the batch stream would take the only slot and block calls that can't be batched.
    if (opens && connection.maxCalls < 2) {
      const message = `the server allows ${connection.maxCalls} concurrent call`;
      this.owner.disable(message);
      return this.end(Status.UNAVAILABLE, message, noMetadata, "unprocessed");
    }
    this.stream = this.owner.streamOf(connection);
    this.stream.add(this);
    if (opens) this.owner.pool.serveBatched(connection);
  }

  /** Ends the call if its deadline has passed or it cannot be sent any more, and returns whether it did. */
  endIfUnsendable(): boolean {
    const fault = this.#fault();
    if (fault === undefined) return this.endIfExpired();
    this.end(Status.INTERNAL, fault, noMetadata, "processed");
    return true;
  }

  #fault(): string | undefined {
    if (this.payload.length !== this.payloadBytes) return LOST_MESSAGE;
    const { metadata } = this.request;
    try {
      metadata?.checkReadable();
      return undefined;
    } catch (error) {
      return textOf(error);
    }
  }

  /** Ends the call if its deadline has passed, and returns whether it did. */
  endIfExpired(): boolean {
    if (!hasPassed(this.request.deadlineMs, this.owner.clock)) return false;
    const { code, message } = deadlineExceeded();
    this.end(code, message, noMetadata, "processed");
    return true;
  }

  onPickFailed(code: Status, message: string): void {
    this.end(code, message, noMetadata, "processed");
  }

  /** Ends the call with a status; no effect on a call that has ended or was cancelled. */
  end(code: Status, message: string, trailers: () => Metadata, progress: CallProgress): void {
    if (this.ended) return;
    this.ended = true;
    this.sink.onStatus(code, message, trailers, progress);
  }

  cancel(): void {
    if (this.ended) return;
    this.ended = true;
    if (this.stream === undefined) this.owner.pool.dequeue(this);
    else this.stream.cancel(this);
  }

  // These methods do nothing: the payload was passed to `UnaryBatcher.start`.
  sendMessage(): void {}
  sendLastMessage(): void {}
  halfClose(): void {}
  setReadPaused(): void {}
}
