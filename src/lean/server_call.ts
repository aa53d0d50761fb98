/**
 * A server's call on the extended frames.
 *
 * @module
 */

import { EMPTY_BYTES } from "../bytes/empty.ts";
import { releaseMessage } from "../bytes/pool.ts";
import type { Metadata } from "../call/metadata.ts";
import { Status } from "../call/status.ts";
import type { ServerCall, ServerCallSink } from "../call/wire.ts";
import { type CallOwner, LeanCall, LEAST_PIECE_BYTES } from "./call.ts";
import { errorValue } from "./format/errors.ts";
import { encodeFields, type FieldBlock } from "./format/fields.ts";
import { COMPRESSED, END, ERROR, FIELDS, RESPONSE, STREAM } from "./format/frames.ts";
import { RequestState } from "./format/state.ts";

const NO_SINK: ServerCallSink = {
  onMessage() {},
  onHalfClose() {},
  onCancel() {},
  onWritable() {},
};

/** Connection interface used by a server's call. */
export interface ServerCallOwner extends CallOwner {
  /** Whether the client accepts compressed messages. */
  readonly acceptsGzip: boolean;
  /** Removes a call whose last frame was sent. */
  removeCall(call: LeanServerCall): void;
  /** Sends an error in place of the rest of the reply, which is lost, and ends the call. */
  failLost(call: LeanServerCall): void;
  /** Frees the slot of a call that has ended on the wire and whose handler is done. */
  releaseSlot(): void;
  /** Charges the client for a broken message. */
  chargeFault(): boolean;
}

/** See {@link ServerCall}. */
export class LeanServerCall extends LeanCall<ServerCallOwner> implements ServerCall {
  readonly path: string;
  sink: ServerCallSink;
  /** Whether a status was sent, or the call was cancelled. */
  ended: boolean;
  private readonly fields: FieldBlock;
  private receivedMetadata: Metadata | undefined;
  private headersSent: boolean;
  /** Events left until the call's slot is released, of two: the handler is done, and the call has ended on the wire. */
  private pendingEnds: number;
  private done: boolean;

  /** Creates a call that was opened with `fields` in its first frame. */
  constructor(owner: ServerCallOwner, id: number, path: string, fields: FieldBlock) {
    super(owner, id, RequestState.OPEN);
    this.path = path;
    this.sink = NO_SINK;
    this.ended = false;
    this.fields = fields;
    this.receivedMetadata = undefined;
    this.headersSent = false;
    this.pendingEnds = 2;
    this.done = false;
  }

  get encoding(): string {
    return "gzip";
  }

  get maxMessageBytes(): number {
    return this.owner.options.maxReceiveMessageBytes;
  }

  get metadata(): Metadata {
    return this.receivedMetadata ??= this.fields.headers();
  }

  get timeoutMs(): number {
    return this.fields.timeoutMs;
  }

  get authority(): string {
    return this.fields.authority;
  }

  get acceptedEncodings(): string {
    return this.owner.acceptsGzip ? "gzip" : "";
  }

  /** Whether the reply has begun. */
  get answered(): boolean {
    return this.headersSent || this.ended;
  }

  /** Whether the client reads the reply: no reply is queued, or at least 512 bytes of credit were used. */
  get taken(): boolean {
    return this.queuedBytes === 0 ||
      this.sendWindow <= this.owner.sending.peerWindowBytes - LEAST_PIECE_BYTES;
  }

  get closed(): boolean {
    return this.ended;
  }

  sendHeaders(metadata?: Metadata): void {
    if (this.ended || this.headersSent) return;
    this.headersSent = true;
    const fields = this.encode({ headers: metadata });
    if (fields === null) return;
    const { output } = this.owner;
    output.writeHeaders(this.id, fields);
    output.produced();
  }

  sendMessage(message: Uint8Array, compressed: boolean): void {
    if (this.ended || !this.mayQueue(message)) return;
    this.headersSent = true;
    this.send(compressed ? RESPONSE | STREAM | COMPRESSED : RESPONSE | STREAM, message);
  }

  respond(message: Uint8Array): void {
    if (this.ended || !this.mayQueue(message)) return;
    this.ended = true;
    if (this.headersSent || !this.fits(message.length)) {
      this.send(RESPONSE | STREAM | END, message);
      return;
    }
    const { output } = this.owner;
    output.writeFrame(RESPONSE, this.id, undefined, message, 0, message.length);
    releaseMessage(message);
    this.lastFrameWritten();
    output.produced();
  }

  // Fails the call, and returns false, when a reply must be queued but no memory is left.
  private mayQueue(message: Uint8Array): boolean {
    if (this.fits(message.length) || this.owner.sending.allows(message.length)) return true;
    this.failWith(
      Status.RESOURCE_EXHAUSTED,
      `Cannot queue a reply of ${message.length} bytes: the memory for messages is used up`,
    );
    return false;
  }

  sendStatus(code: Status, message: string, trailers?: Metadata): void {
    if (this.ended) return;
    const fields = this.encode({ trailers });
    if (fields === null) return;
    this.ended = true;
    const more = fields === undefined ? 0 : FIELDS;
    if (code === Status.OK) this.sendLast(RESPONSE | END | more, EMPTY_BYTES, fields);
    else this.sendLast(RESPONSE | ERROR | more, errorValue(code, 0, message), fields);
  }

  // Encodes metadata; returns null if it is invalid, which fails the call but not the connection.
  private encode(
    input: { headers?: Metadata; trailers?: Metadata },
  ): Uint8Array | undefined | null {
    try {
      // The handler may have replaced the properties of its metadata.
      if (!input.headers?.size && !input.trailers?.size) return undefined;
      return encodeFields(input);
    } catch (error) {
      this.failWith(Status.INTERNAL, (error as Error).message);
      return null;
    }
  }

  chargeFault(): void {
    this.owner.chargeFault();
  }

  handlerDone(): void {
    if (this.done) return;
    this.done = true;
    if (--this.pendingEnds === 0) this.owner.releaseSlot();
  }

  /**
   * Fails a call whose request or reply exceeds a limit: the client receives the status, the handler a cancellation.
   */
  failWith(code: Status, message: string): void {
    this.sendStatus(code, message);
    this.sink.onCancel(code, message);
  }

  /** Ends the call without a status: the client cancelled it, or the connection has ended. */
  cancelled(code: Status, reason: string): void {
    const wasOpen = !this.ended;
    this.ended = true;
    this.dropBuffers();
    if (--this.pendingEnds === 0) this.owner.releaseSlot();
    if (wasOpen) this.sink.onCancel(code, reason);
  }

  override deliver(message: Uint8Array, compressed: boolean): void {
    this.sink.onMessage(message, compressed);
  }

  override becameWritable(): void {
    if (!this.ended) this.sink.onWritable();
  }

  override messageLost(): void {
    this.owner.failLost(this);
  }

  override lastFrameWritten(): void {
    this.dropBuffers();
    this.owner.removeCall(this);
    if (--this.pendingEnds === 0) this.owner.releaseSlot();
  }
}
