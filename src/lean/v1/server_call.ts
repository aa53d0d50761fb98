/**
 * A call on a server, from a client of version 1.
 *
 * @module
 */

import type { ByteWriter } from "../../bytes/writer.ts";
import { Metadata } from "../../call/metadata.ts";
import { Status, statusName } from "../../call/status.ts";
import type { ServerCall, ServerCallSink } from "../../call/wire.ts";
import { textBytes } from "../connection.ts";
import { END, ERROR, RESPONSE, STREAM, writeHeader } from "../format/frames.ts";
import { encodeRoute } from "../format/routes.ts";
import type { LeanServerConnection } from "../server.ts";
import type { V1Server } from "./server.ts";

const NOBODY: ServerCallSink = {
  onMessage() {},
  onHalfClose() {},
  onCancel() {},
  onWritable() {},
};
const NOTHING = new Uint8Array(0);

/** See {@link ServerCall}. Metadata and trailers go nowhere: version 1 has no room for them. */
export class V1ServerCall implements ServerCall {
  readonly path: string;
  readonly timeoutMs = Infinity;
  readonly encoding = "identity";
  readonly acceptsGzip = false;
  readonly authority = "";
  sink: ServerCallSink = NOBODY;
  closed = false;
  /** What the call is filed under. */
  readonly key: number | string;
  /** The upper half of the id that replies carry: a session's is that of its last message. */
  idHigh: number;
  /** The lower half. */
  idLow: number;
  /** Whether the call is a session: messages both ways, without requests, replies or ends. */
  readonly session: boolean;
  /** When the held message was first looked at; 0 for not yet. */
  heldMs = 0;
  readonly #owner: V1Server;
  readonly #server: LeanServerConnection;
  #metadata: Metadata | undefined;
  #held: Uint8Array | undefined;
  #streamed = false;
  #paused = false;
  #unread = 0;
  #done = false;

  constructor(
    owner: V1Server,
    server: LeanServerConnection,
    key: number | string,
    idHigh: number,
    idLow: number,
    path: string,
    session: boolean,
  ) {
    this.#owner = owner;
    this.#server = server;
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
    this.#over();
  }

  sendMessage(message: Uint8Array, compressed: boolean): void {
    if (this.closed) return;
    if (compressed) return this.#fail(Status.INTERNAL, "Version 1 knows no compression");
    if (this.session) {
      this.#write(STREAM, message);
      this.#server.produced();
      return;
    }
    this.release();
    this.#held = message;
    this.#owner.hold(this);
    this.#server.produced();
  }

  // The client gets the status, the handler a cancel.
  #fail(code: Status, message: string): void {
    this.sendStatus(code, message);
    this.sink.onCancel(code, message);
  }

  sendStatus(code: Status, message: string): void {
    if (this.closed) return;
    if (code !== Status.OK) {
      this.release();
      // A session's end has no form in version 1.
      if (!this.session) {
        V1ServerCall.writeError(
          this.#server.out,
          this.idHigh,
          this.idLow,
          encodeRoute(this.path),
          code,
          message,
        );
      }
    } else if (!this.session) {
      const only = this.#held !== undefined && !this.#streamed;
      this.#write(only ? RESPONSE : RESPONSE | STREAM | END, this.#held ?? NOTHING);
    }
    this.#over();
  }

  /** Sends the message that was held back, as one that is not the last. */
  release(): void {
    const message = this.#held;
    if (message === undefined) return;
    this.#held = undefined;
    this.heldMs = 0;
    this.#owner.released(this);
    this.#streamed = true;
    this.#write(RESPONSE | STREAM, message);
  }

  #write(flags: number, message: Uint8Array): void {
    const { out } = this.#server;
    const route = encodeRoute(this.path);
    writeHeader(out, flags, this.idHigh, this.idLow, route.length, message.length);
    out.bytes(route);
    out.bytes(message);
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

  #over(): void {
    this.closed = true;
    this.#held = undefined;
    this.#owner.callOver(this);
    this.#server.produced();
  }

  /** Whether the output has room for another message. */
  get hasRoom(): boolean {
    return this.#server.out.length < this.#server.options.maxOutputBytes;
  }

  get writable(): boolean {
    if (this.hasRoom) return true;
    this.#owner.notifyWhenWritable(this);
    return false;
  }

  /** A message of a session. */
  messageCame(message: Uint8Array): void {
    this.sink.onMessage(message, false);
    if (!this.#paused || this.closed) return;
    this.#unread += message.length + 1;
    if (this.#unread > this.#server.options.callWindowBytes) this.#owner.setFull(this, true);
  }

  setReadPaused(paused: boolean): void {
    this.#paused = paused;
    if (paused) return;
    this.#unread = 0;
    this.#owner.setFull(this, false);
  }

  handlerDone(): void {
    if (this.#done) return;
    this.#done = true;
    this.#server.releaseSlot();
  }

  /** The connection is gone. */
  lost(reason: string): void {
    if (this.closed) return;
    this.closed = true;
    this.#held = undefined;
    this.sink.onCancel(Status.UNAVAILABLE, reason);
  }
}
