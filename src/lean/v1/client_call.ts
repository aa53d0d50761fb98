/**
 * A client's call to a server of version 1.
 *
 * @module
 */

import { EMPTY_BYTES } from "../../bytes/empty.ts";
import { LOST_MESSAGE } from "../../bytes/lost_message.ts";
import { Metadata } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import type { CallRequest, ClientCall, ClientCallSink } from "../../call/wire.ts";
import type { LeanConnection } from "../connection.ts";
import { idHigh, REQUEST, STREAM } from "../format/frames.ts";
import { encodeRoute } from "../format/routes.ts";

/** Highest bit of the upper half of an id: set in the ids of session messages. */
const SESSION_ID_HIGH = 0x8000_0000;
const NO_METADATA = () => new Metadata();

/** Connection interface used by a call. */
export interface V1ClientCallOwner {
  readonly connection: LeanConnection;
  /** Inflates a gzip message: version 1 has no compression. */
  inflate(message: Uint8Array): Uint8Array;
  /** Returns an unused id, for a message of a session. */
  nextId(): number;
  /** Writes a frame. */
  write(flags: number, high: number, low: number, route: Uint8Array, message: Uint8Array): void;
  /** Runs `report` from the next timer. */
  defer(report: () => void): void;
  /** Calls `sink.onWritable` when the output has room. */
  notifyWhenWritable(call: V1ClientCall): void;
  /** Records whether the paused reader of the call has more than `callWindowBytes` of unread messages. */
  setFull(call: V1ClientCall, full: boolean): void;
  /** Removes a call that has ended, possibly before its sink is notified. */
  removeCall(call: V1ClientCall): void;
  /** Called after the sink was notified of the call's end. */
  callEnded(): void;
}

/** See {@link ClientCall}. Metadata is not sent; deadline and cancellation have an effect on this side only. */
export class V1ClientCall implements ClientCall {
  readonly encoding = "identity";
  readonly id: number;
  readonly path: string;
  readonly sink: ClientCallSink;
  /** Whether the call is a session: messages both ways, without an end. */
  readonly session: boolean;
  readonly maxMessageBytes: number;
  readonly #owner: V1ClientCallOwner;
  #message: Uint8Array | undefined;
  #messageBytes = 0;
  #sent = false;
  #ended = false;
  #headersReported = false;
  #paused = false;
  #unreadBytes = 0;

  /** Creates a call, without sending anything. */
  constructor(
    owner: V1ClientCallOwner,
    id: number,
    request: CallRequest,
    sink: ClientCallSink,
    session: boolean,
  ) {
    this.#owner = owner;
    this.id = id;
    this.path = request.path;
    this.maxMessageBytes = request.maxReceiveMessageBytes;
    this.sink = sink;
    this.session = session;
  }

  sendMessage(message: Uint8Array, compressed: boolean): void {
    if (this.#ended) return;
    if (compressed) return this.sendMessage(this.#owner.inflate(message), false);
    if (!this.session) {
      this.#message = message;
      this.#messageBytes = message.length;
      return;
    }
    const id = this.#owner.nextId();
    const high = (SESSION_ID_HIGH | idHigh(id)) >>> 0;
    this.#owner.write(STREAM, high, id >>> 0, encodeRoute(this.path), message);
  }

  sendLastMessage(message: Uint8Array, compressed: boolean): void {
    this.sendMessage(message, compressed);
    this.halfClose();
  }

  halfClose(): void {
    // Version 1 has no frame for the end of a session's sending.
    if (this.#ended || this.#sent || this.session) return;
    this.#sent = true;
    const message = this.#message ?? EMPTY_BYTES;
    this.#message = undefined;
    // The application may have detached the buffer between the message and the half-close.
    if (message.length !== this.#messageBytes) return this.failLater(Status.INTERNAL, LOST_MESSAGE);
    this.#owner.write(REQUEST, idHigh(this.id), this.id >>> 0, encodeRoute(this.path), message);
  }

  cancel(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#owner.removeCall(this);
    this.#owner.callEnded();
  }

  /** Ends the call with a status, from the next timer. */
  failLater(code: Status, message: string): void {
    this.#sent = true;
    this.#owner.defer(() => this.finish(code, message));
  }

  /** Whether the output has room for another message. */
  get hasRoom(): boolean {
    const { output, options } = this.#owner.connection;
    return output.out.length < options.maxOutputBytes;
  }

  get writable(): boolean {
    if (this.hasRoom) return true;
    this.#owner.notifyWhenWritable(this);
    return false;
  }

  /** Passes a received message to the call's sink. */
  onMessage(message: Uint8Array): void {
    if (!this.#headersReported) {
      this.#headersReported = true;
      this.sink.onHeaders(NO_METADATA);
    }
    if (this.#ended) return;
    this.sink.onMessage(message, false);
    if (!this.#paused || this.#ended) return;
    this.#unreadBytes += message.length + 1;
    const limit = this.#owner.connection.options.callWindowBytes;
    if (this.#unreadBytes > limit) this.#owner.setFull(this, true);
  }

  setReadPaused(paused: boolean): void {
    this.#paused = paused;
    if (paused) return;
    this.#unreadBytes = 0;
    this.#owner.setFull(this, false);
  }

  /** Ends the call with a status. */
  finish(code: Status, message: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#owner.removeCall(this);
    const progress = this.#sent || this.session ? "processed" : "unprocessed";
    this.sink.onStatus(code, message, NO_METADATA, progress);
    this.#owner.callEnded();
  }
}
