/**
 * One attempt of a call that may take several.
 *
 * @module
 */

import type { Metadata } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import type { CallProgress, ClientCall, ClientCallSink } from "../../call/wire.ts";
import { isInstance, RpcError } from "../../errors.ts";
import type { Attributes } from "../balancer/types.ts";
import type { OpenClientCall } from "../core/open_calls.ts";
import type { Connection } from "../pool/connection.ts";
import type { PickWaiter } from "../pool/pick_queue.ts";
import { type CallCore, callRequest, type OutgoingRequest, startError } from "./call_core.ts";

/** Status of an ended attempt. */
export interface AttemptEnd {
  readonly code: Status;
  readonly message: string;
  readonly trailers: () => Metadata;
  readonly progress: CallProgress;
}

/** The call as its attempts see it. */
export interface AttemptOwner {
  readonly core: CallCore;
  readonly request: OutgoingRequest;
  /** Receives the response of the committed attempt. */
  readonly sink: ClientCallSink;
  /** Address of the connection on which the latest attempt was started. */
  address: string | undefined;
  /** Ends the call if its deadline has passed, and returns whether it did. */
  endIfExpired(): boolean;
  /** Returns the metadata that the attempt sends. */
  metadataFor(attempt: Attempt): Metadata | undefined;
  /** Sends everything sent so far on a new attempt's call. Throws RpcError if a message is lost. */
  replayTo(call: ClientCall): void;
  /** Makes the response of `attempt` the call's and drops all others. */
  commit(attempt: Attempt): void;
  /** Called when the attempt has ended. */
  attemptEnded(attempt: Attempt, end: AttemptEnd): void;
  /** Called when the attempt takes messages again. */
  attemptWritable(attempt: Attempt): void;
}

const constant = (trailers: Metadata) => () => trailers;
const noTrailers = () => undefined;

/** One attempt of a call, on one connection. */
export class Attempt implements OpenClientCall, PickWaiter {
  readonly waitForReady: boolean;
  call: ClientCall | undefined = undefined;
  #connection: Connection | undefined = undefined;
  queueSlot = -1;
  openSlot = -1;
  /** Whether the attempt has ended or was dropped; its events are then ignored. */
  over = false;

  constructor(readonly owner: AttemptOwner, readonly number: number) {
    this.waitForReady = owner.request.waitForReady;
  }

  get path(): string {
    return this.owner.request.method.path;
  }

  get metadata(): Metadata | undefined {
    return this.owner.request.metadata;
  }

  get attributes(): Attributes | undefined {
    return this.owner.request.attributes;
  }

  /** Removes the attempt from the calls of its connection, which gets its status. */
  #leave(code: Status, trailers: () => Metadata | undefined): void {
    if (this.openSlot >= 0) this.#connection!.callOver(this);
    if (this.call !== undefined) this.#connection!.callEnded(code, trailers);
  }

  onPick(connection: Connection): void {
    const { owner } = this;
    if (owner.endIfExpired()) return;
    owner.address = connection.address;
    this.#connection = connection;
    const { attemptListener } = owner.request;
    if (attemptListener === undefined) this.#begin(connection);
    else attemptListener.picked(connection.peerAddress, () => this.#begin(connection));
  }

  #begin(connection: Connection): void {
    const { owner } = this;
    try {
      this.call = connection.startCall(
        callRequest(owner.request, owner.core, owner.metadataFor(this)),
        this,
      );
    } catch (error) {
      return this.#fail(error);
    }
    try {
      owner.replayTo(this.call);
    } catch (error) {
      if (isInstance(error, RpcError)) this.#fail(error);
      else this.#engineFailed(error);
    }
  }

  #fail(error: unknown): void {
    const { code, message, metadata } = startError(error);
    this.onStatus(code, message, constant(metadata), "processed");
  }

  /** Closes the connection of the attempt, which ends with it. */
  #engineFailed(error: unknown): void {
    const wasOver = this.over;
    // Ignores the status with which the connection ends its calls: no retry follows.
    this.over = true;
    this.#connection!.engineFailed(error);
    this.over = wasOver;
    this.#fail(error);
  }

  // ---- to the engine -----------------------------------------------------------------------------------

  /** Sends a message; `last` half-closes too. Never throws, like the methods below. */
  send(message: Uint8Array, compressed: boolean, last: boolean): void {
    if (this.over) return;
    try {
      if (last) this.call?.sendLastMessage(message, compressed);
      else this.call?.sendMessage(message, compressed);
    } catch (error) {
      this.#engineFailed(error);
    }
  }

  /** Half-closes the attempt. */
  halfClose(): void {
    if (this.over) return;
    try {
      this.call?.halfClose();
    } catch (error) {
      this.#engineFailed(error);
    }
  }

  /** Withholds flow-control credit for the response, or returns it again. */
  setReadPaused(paused: boolean): void {
    try {
      this.call?.setReadPaused(paused);
    } catch (error) {
      this.#engineFailed(error);
    }
  }

  /** Whether more messages should be sent now; undefined before the attempt has a connection. */
  get writable(): boolean | undefined {
    try {
      return this.call?.writable;
    } catch (error) {
      this.#engineFailed(error);
      return false;
    }
  }

  /** Compression of flagged response messages. */
  get encoding(): string | undefined {
    try {
      return this.call?.encoding;
    } catch (error) {
      this.#engineFailed(error);
      throw error;
    }
  }

  // ---- from the engine ---------------------------------------------------------------------------------

  onPickFailed(code: Status, message: string): void {
    const { metadata } = new RpcError(code, message);
    // Reported as "processed", because "unprocessed" would be retried and no other connection is available.
    this.onStatus(code, message, constant(metadata), "processed");
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
    this.#leave(code, trailers);
    this.owner.request.attemptListener?.ended(code);
    this.owner.attemptEnded(this, { code, message, trailers, progress });
  }

  onWritable(): void {
    if (!this.over) this.owner.attemptWritable(this);
  }

  /** Cancels the attempt. No effect once it is over. */
  drop(): void {
    if (this.over) return;
    this.over = true;
    this.owner.core.pool.dequeue(this);
    this.#leave(Status.CANCELLED, noTrailers);
    try {
      this.call?.cancel();
    } catch (error) {
      this.#engineFailed(error);
    }
  }
}
