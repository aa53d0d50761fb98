/**
 * A client's call on the extended frames.
 *
 * @module
 */

import { EMPTY_BYTES } from "../bytes/empty.ts";
import { LOST_MESSAGE } from "../bytes/lost_message.ts";
import { Metadata } from "../call/metadata.ts";
import { Status } from "../call/status.ts";
import type { CallProgress, CallRequest, ClientCall, ClientCallSink } from "../call/wire.ts";
import { type CallOwner, LeanCall } from "./call.ts";
import { COMPRESSED, END, FIELDS, REQUEST, STREAM } from "./format/frames.ts";
import { ReplyState } from "./format/state.ts";

const NO_METADATA = () => new Metadata();

/** Connection interface used by a client's call. */
export interface ClientCallOwner extends CallOwner {
  /** Whether the server accepts compressed messages. */
  readonly acceptsGzip: boolean;
  /** Inflates a gzip message for a server that does not accept gzip. */
  inflate(message: Uint8Array): Uint8Array;
  /** Gives the call its id and writes the frame that opens it. */
  openCall(
    call: LeanClientCall,
    flags: number,
    fields: Uint8Array | undefined,
    message: Uint8Array,
  ): void;
  /** Sends CANCEL if the call was sent. */
  cancelCall(call: LeanClientCall): void;
  /** Removes a call that has ended, possibly before its sink is notified. */
  removeCall(call: LeanClientCall): void;
  /** Called after the sink was notified of the call's end. */
  callEnded(): void;
}

/** See {@link ClientCall}. */
export class LeanClientCall extends LeanCall<ClientCallOwner> implements ClientCall {
  readonly encoding = "gzip";
  readonly maxMessageBytes: number;
  readonly route: string;
  /** Receives the reply; not called after the call has ended. */
  readonly sink: ClientCallSink;
  /** Whether the call has ended or was cancelled. */
  ended = false;
  readonly #fields: Uint8Array | undefined;
  #headersSeen = false;
  #halfClosed = false;

  /** Creates a call that has not been sent; `fields` is the field block of its first frame. */
  constructor(
    owner: ClientCallOwner,
    request: CallRequest,
    fields: Uint8Array | undefined,
    sink: ClientCallSink,
  ) {
    super(owner, 0, ReplyState.WAITING);
    this.#fields = fields;
    this.sink = sink;
    this.route = request.path;
    this.maxMessageBytes = request.maxReceiveMessageBytes;
  }

  /** Sends the frame that opens the call, without a message. */
  open(): void {
    this.#openWith(REQUEST | STREAM, EMPTY_BYTES);
    this.owner.output.produced();
  }

  /** Makes the call send nothing: it ends by a later {@link finish}. */
  sendNothing(): void {
    this.#halfClosed = true;
  }

  #openWith(flags: number, message: Uint8Array): void {
    const fields = this.#fields;
    this.owner.openCall(this, fields === undefined ? flags : flags | FIELDS, fields, message);
    // The server's hello may have changed the window since the call was created.
    this.sendWindow = this.owner.sending.peerWindowBytes - message.length;
  }

  sendMessage(message: Uint8Array, compressed: boolean): void {
    if (this.ended || this.#halfClosed) return;
    if (this.id === 0) this.#openWith(REQUEST | STREAM, EMPTY_BYTES);
    if (compressed && !this.owner.acceptsGzip) this.send(STREAM, this.owner.inflate(message));
    else this.send(compressed ? STREAM | COMPRESSED : STREAM, message);
  }

  sendLastMessage(message: Uint8Array, compressed: boolean): void {
    if (this.ended || this.#halfClosed) return;
    if (compressed && !this.owner.acceptsGzip) {
      return this.sendLastMessage(this.owner.inflate(message), false);
    }
    this.#halfClosed = true;
    if (this.id === 0) {
      this.sendWindow = this.owner.sending.peerWindowBytes;
      if (this.fits(message.length)) {
        this.#openWith(compressed ? REQUEST | COMPRESSED : REQUEST, message);
        this.owner.output.produced();
        return;
      }
      this.#openWith(REQUEST | STREAM, EMPTY_BYTES);
    }
    this.send(compressed ? STREAM | END | COMPRESSED : STREAM | END, message);
  }

  halfClose(): void {
    if (this.ended || this.#halfClosed) return;
    this.#halfClosed = true;
    if (this.id === 0) this.#openWith(REQUEST | STREAM, EMPTY_BYTES);
    this.sendLast(END, EMPTY_BYTES);
  }

  cancel(): void {
    if (this.ended) return;
    this.owner.cancelCall(this);
    this.#end();
    this.owner.callEnded();
  }

  #end(): void {
    this.ended = true;
    this.dropBuffers();
    this.owner.removeCall(this);
  }

  /** Reports response headers to the sink; later ones are ignored. */
  headers(metadata: () => Metadata): void {
    if (this.#headersSeen) return;
    this.#headersSeen = true;
    this.sink.onHeaders(metadata);
  }

  /** Ends the call with a status. */
  finish(
    code: Status,
    message: string,
    progress: CallProgress,
    trailers: () => Metadata = NO_METADATA,
  ): void {
    if (this.ended) return;
    this.#end();
    this.sink.onStatus(code, message, trailers, progress);
    this.owner.callEnded();
  }

  override deliver(message: Uint8Array, compressed: boolean): void {
    this.sink.onMessage(message, compressed);
  }

  override becameWritable(): void {
    if (!this.ended) this.sink.onWritable();
  }

  override messageLost(): void {
    this.owner.cancelCall(this);
    this.finish(Status.INTERNAL, LOST_MESSAGE, "processed");
  }

  override lastFrameWritten(): void {}
}
