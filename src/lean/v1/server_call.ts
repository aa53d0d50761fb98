/**
 * A server's call from a client of version 1.
 *
 * @module
 */

import { EMPTY_BYTES } from "../../bytes/empty.ts";
import { LOST_MESSAGE } from "../../bytes/lost_message.ts";
import { releaseMessage } from "../../bytes/pool.ts";
import type { ByteWriter } from "../../bytes/writer.ts";
import { Metadata } from "../../call/metadata.ts";
import { Status, statusName } from "../../call/status.ts";
import type { ServerCall, ServerCallSink } from "../../call/wire.ts";
import type { LeanConnection } from "../connection.ts";
import { textBytes } from "../format/errors.ts";
import { END, ERROR, RESPONSE, STREAM, writeHeader } from "../format/frames.ts";
import { encodeRoute } from "../format/routes.ts";

const NO_SINK: ServerCallSink = {
  onMessage() {},
  onHalfClose() {},
  onCancel() {},
  onWritable() {},
};

/** Connection interface used by a call. */
export interface V1ServerCallOwner {
  readonly connection: LeanConnection;
  /**
   * Schedules {@link V1ServerCall.release} in `v1FinalMessageDelayMs`, because the call holds back a message that may
   * be the last.
   */
  hold(call: V1ServerCall): void;
  /** Called when the message held back was sent. */
  released(call: V1ServerCall): void;
  /** Calls `sink.onWritable` when the output has room. */
  notifyWhenWritable(call: V1ServerCall): void;
  /** Records whether the paused reader of the call has more than `callWindowBytes` of unread messages. */
  setFull(call: V1ServerCall, full: boolean): void;
  /** Removes a call that has ended on the wire. */
  removeCall(call: V1ServerCall): void;
  /** Frees the slot of a call whose handler is done. */
  releaseSlot(): void;
}

/** See {@link ServerCall}. Metadata and trailers are not sent: version 1 has no room for them. */
export class V1ServerCall implements ServerCall {
  readonly path: string;
  readonly timeoutMs = Infinity;
  readonly encoding = "identity";
  readonly acceptedEncodings = "";
  readonly authority = "";
  sink: ServerCallSink = NO_SINK;
  closed = false;
  /** The call's key among the connection's calls. */
  readonly key: number | string;
  /** Upper 32 bits of the id in replies; in a session, those of the last received message. */
  idHigh: number;
  /** Lower 32 bits of the id in replies. */
  idLow: number;
  /** Whether the call is a session: messages both ways, without requests, replies or ends. */
  readonly session: boolean;
  /** When a timer check first found the message held back, in ms; 0 if none has. */
  heldMs = 0;
  readonly #owner: V1ServerCallOwner;
  #metadata: Metadata | undefined;
  #held: Uint8Array | undefined;
  #heldBytes = 0;
  #streamed = false;
  #paused = false;
  #unreadBytes = 0;
  #done = false;

  /** Creates an open call. */
  constructor(
    owner: V1ServerCallOwner,
    key: number | string,
    idHigh: number,
    idLow: number,
    path: string,
    session: boolean,
  ) {
    this.#owner = owner;
    this.key = key;
    this.idHigh = idHigh;
    this.idLow = idLow;
    this.path = path;
    this.session = session;
  }

  get metadata(): Metadata {
    return this.#metadata ??= new Metadata();
  }

  sendHeaders(): void {}

  respond(message: Uint8Array): void {
    if (this.closed) return;
    this.#write(this.session ? STREAM : RESPONSE, message);
    this.#end();
  }

  sendMessage(message: Uint8Array, compressed: boolean): void {
    if (this.closed) return;
    if (compressed) return this.#fail(Status.INTERNAL, "Version 1 has no compression");
    const { output } = this.#owner.connection;
    if (this.session) {
      this.#write(STREAM, message);
      output.produced();
      return;
    }
    this.release();
    if (this.closed) return;
    this.#held = message;
    this.#heldBytes = message.length;
    this.#owner.hold(this);
    output.produced();
  }

  // Fails the call: the client receives the status, the handler a cancellation.
  #fail(code: Status, message: string): void {
    this.sendStatus(code, message);
    this.sink.onCancel(code, message);
  }

  sendStatus(code: Status, message: string): void {
    if (this.closed) return;
    if (this.#dropIfLost() && code === Status.OK) return this.#fail(Status.INTERNAL, LOST_MESSAGE);
    if (code !== Status.OK) {
      this.release();
      V1ServerCall.writeError(
        this.#owner.connection.output.out,
        this.idHigh,
        this.idLow,
        encodeRoute(this.path),
        code,
        message,
      );
      // Version 1 has no frame for the orderly end of a session.
    } else if (!this.session) {
      const only = this.#held !== undefined && !this.#streamed;
      this.#write(only ? RESPONSE : RESPONSE | STREAM | END, this.#held ?? EMPTY_BYTES);
    }
    this.#end();
  }

  /** Drops the message held back if the application has detached its buffer, and returns whether it did. */
  #dropIfLost(): boolean {
    if (this.#held === undefined || this.#held.length === this.#heldBytes) return false;
    this.#held = undefined;
    this.#owner.released(this);
    return true;
  }

  /** Sends the message held back, if any, as a message that is not the last. */
  release(): void {
    if (this.#dropIfLost()) return this.#fail(Status.INTERNAL, LOST_MESSAGE);
    const message = this.#held;
    if (message === undefined) return;
    this.#held = undefined;
    this.heldMs = 0;
    this.#owner.released(this);
    this.#streamed = true;
    this.#write(RESPONSE | STREAM, message);
  }

  #write(flags: number, message: Uint8Array): void {
    const { out } = this.#owner.connection.output;
    const route = encodeRoute(this.path);
    writeHeader(out, flags, this.idHigh, this.idLow, route.length, message.length);
    out.bytes(route);
    out.bytes(message);
    releaseMessage(message);
  }

  /** Writes an error frame: its value is the text `CODE: message`. */
  static writeError(
    out: ByteWriter,
    idHigh: number,
    idLow: number,
    route: Uint8Array,
    code: Status,
    message: string,
  ): void {
    const text = textBytes(`${statusName(code)}: ${message}`);
    writeHeader(out, RESPONSE | ERROR, idHigh, idLow, route.length, text.length);
    out.bytes(route);
    out.bytes(text);
  }

  #end(): void {
    this.closed = true;
    this.#held = undefined;
    this.#owner.removeCall(this);
    this.#owner.connection.output.produced();
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

  /** Passes a received message of a session to the sink. */
  onMessage(message: Uint8Array): void {
    this.sink.onMessage(message, false);
    if (!this.#paused || this.closed) return;
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

  handlerDone(): void {
    if (this.#done) return;
    this.#done = true;
    this.#owner.releaseSlot();
  }

  /** Ends the call without a status, because the connection has ended. */
  connectionLost(reason: string): void {
    if (this.closed) return;
    this.closed = true;
    this.#held = undefined;
    this.sink.onCancel(Status.UNAVAILABLE, reason);
  }
}
