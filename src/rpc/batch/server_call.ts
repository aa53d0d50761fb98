/**
 * One unary call that arrived in a batch, on the server.
 *
 * @module
 */

import { LOST_MESSAGE } from "../../bytes/lost_message.ts";
import { Metadata } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import { textOf } from "../../errors.ts";
import type { ServerCall, ServerCallSink } from "../../call/wire.ts";

const NO_SINK: ServerCallSink = {
  onMessage() {},
  onHalfClose() {},
  onCancel() {},
  onWritable() {},
};

/** The batch stream of a call. */
export interface BatchServerCallOwner {
  /** Host that the caller of the batch stream addressed. */
  readonly authority: string;
  /** Sends the status of a call, and its reply and headers if it has any. */
  ended(call: BatchServerCall, code: Status, message: string, trailers: Metadata | undefined): void;
  /** Drops a cancelled call: no reply is sent. */
  dropped(id: number): void;
  /** Releases the slot of a call whose handler has ended. */
  handlerDone(): void;
}

/** A call in a batch, on the server. Its reply and headers are kept until its status is sent. */
export class BatchServerCall implements ServerCall {
  readonly id: number;
  readonly path: string;
  readonly timeoutMs: number;
  readonly encoding = "identity";
  readonly acceptedEncodings = "";
  readonly writable = true;
  sink: ServerCallSink = NO_SINK;
  closed = false;
  payload: Uint8Array | undefined = undefined;
  headers: Metadata | undefined = undefined;
  #payloadBytes = 0;
  readonly #owner: BatchServerCallOwner;
  #metadata: Metadata | undefined;
  #done = false;

  constructor(
    owner: BatchServerCallOwner,
    id: number,
    path: string,
    timeoutMs: number,
    metadata: Metadata | undefined,
  ) {
    this.#owner = owner;
    this.id = id;
    this.path = path;
    this.timeoutMs = timeoutMs;
    this.#metadata = metadata;
  }

  get authority(): string {
    return this.#owner.authority;
  }

  get metadata(): Metadata {
    return this.#metadata ??= new Metadata();
  }

  sendHeaders(metadata?: Metadata): void {
    this.headers = metadata;
  }

  sendMessage(message: Uint8Array): void {
    if (this.closed) return;
    if (this.payload === undefined) {
      this.payload = message;
      this.#payloadBytes = message.length;
      return;
    }
    this.sendStatus(
      Status.UNIMPLEMENTED,
      `Cannot batch calls of ${this.path}: it has several replies`,
    );
    this.sink.onCancel(Status.CANCELLED, "A batched call has a single reply");
  }

  sendStatus(code: Status, message: string, trailers?: Metadata): void {
    if (this.closed) return;
    this.closed = true;
    if (this.payload !== undefined && this.payload.length !== this.#payloadBytes) {
      this.payload = undefined;
      if (code === Status.OK) {
        this.#owner.ended(this, Status.INTERNAL, LOST_MESSAGE, undefined);
        return this.sink.onCancel(Status.INTERNAL, LOST_MESSAGE);
      }
    }
    try {
      this.#owner.ended(this, code, message, trailers);
    } catch (error) {
      // Metadata that cannot be sent fails its call alone.
      this.headers = undefined;
      this.#owner.ended(this, Status.INTERNAL, textOf(error), undefined);
      this.sink.onCancel(Status.INTERNAL, textOf(error));
    }
  }

  respond(message: Uint8Array): void {
    this.payload = message;
    this.#payloadBytes = message.length;
    this.sendStatus(Status.OK, "");
  }

  setReadPaused(): void {}

  handlerDone(): void {
    if (this.#done) return;
    this.#done = true;
    this.#owner.handlerDone();
  }

  /** Cancels the call. */
  cancel(code: Status, reason: string): void {
    if (this.closed) return;
    this.closed = true;
    this.sink.onCancel(code, reason);
    this.#owner.dropped(this.id);
  }
}
