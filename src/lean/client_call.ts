/**
 * A call on a client, after the hello.
 *
 * @module
 */

import { Metadata } from "../call/metadata.ts";
import type { Status } from "../call/status.ts";
import type { CallProgress, CallRequest, ClientCall, ClientCallSink } from "../call/wire.ts";
import { decompress } from "../codec/compression.ts";
import { LeanCall } from "./call.ts";
import type { LeanClientConnection } from "./client.ts";
import { COMPRESSED, END, FIELDS, REQUEST, STREAM } from "./format/frames.ts";

const NOTHING = new Uint8Array(0);
const NO_METADATA = () => new Metadata();

/**
 * A gzip message as it was: for servers that do not take gzip. Callers compress before they can know to
 * whom a call goes.
 */
export function inflated(message: Uint8Array): Uint8Array {
  return decompress(message, "gzip", 0x7fffffff);
}

/** See {@link ClientCall}. */
export class LeanClientCall extends LeanCall implements ClientCall {
  readonly encoding = "gzip";
  readonly maxMessageBytes: number;
  readonly route: string;
  /** The caller, who hears of nothing any more once the call is over. */
  readonly sink: ClientCallSink;
  /** Whether the call has ended or was given up. */
  over = false;
  readonly #client: LeanClientConnection;
  readonly #fields: Uint8Array | undefined;
  #headersSeen = false;
  #halfClosed = false;

  constructor(
    client: LeanClientConnection,
    request: CallRequest,
    fields: Uint8Array | undefined,
    sink: ClientCallSink,
  ) {
    super(client, 0);
    this.#client = client;
    this.#fields = fields;
    this.sink = sink;
    this.route = request.path;
    this.maxMessageBytes = request.maxReceiveMessageBytes;
  }

  /** Puts the call on the wire, without a message. */
  open(): void {
    this.#openWith(REQUEST | STREAM, NOTHING);
    this.#client.produced();
  }

  #openWith(flags: number, message: Uint8Array): void {
    const fields = this.#fields;
    this.#client.openCall(this, fields === undefined ? flags : flags | FIELDS, fields, message);
    // Credit is counted from what the server said by now.
    this.sendWindow = this.#client.peer.callWindowBytes - message.length;
  }

  sendMessage(message: Uint8Array, compressed: boolean): void {
    if (this.over || this.#halfClosed) return;
    if (this.id === 0) this.#openWith(REQUEST | STREAM, NOTHING);
    if (compressed && !this.#client.acceptsGzip) this.send(STREAM, inflated(message));
    else this.send(compressed ? STREAM | COMPRESSED : STREAM, message);
  }

  sendLastMessage(message: Uint8Array, compressed: boolean): void {
    if (this.over || this.#halfClosed) return;
    if (compressed && !this.#client.acceptsGzip) {
      return this.sendLastMessage(inflated(message), false);
    }
    this.#halfClosed = true;
    if (this.id === 0) {
      this.sendWindow = this.#client.peer.callWindowBytes;
      if (this.fits(message.length)) {
        this.#openWith(compressed ? REQUEST | COMPRESSED : REQUEST, message);
        this.#client.produced();
        return;
      }
      this.#openWith(REQUEST | STREAM, NOTHING);
    }
    this.send(compressed ? STREAM | END | COMPRESSED : STREAM | END, message);
  }

  halfClose(): void {
    if (this.over || this.#halfClosed) return;
    this.#halfClosed = true;
    if (this.id === 0) this.#openWith(REQUEST | STREAM, NOTHING);
    this.sendLast(END, NOTHING);
  }

  cancel(): void {
    if (this.over) return;
    this.#client.cancelCall(this);
    this.leave();
    this.#client.callEnded();
  }

  /** Nothing is sent or told any more. */
  leave(): void {
    this.over = true;
    this.dropBuffers();
    this.#client.callOver(this);
  }

  /** Tells the headers, once. */
  headers(metadata: () => Metadata): void {
    if (this.#headersSeen) return;
    this.#headersSeen = true;
    this.sink.onHeaders(metadata);
  }

  /** The end. */
  finish(
    code: Status,
    message: string,
    progress: CallProgress,
    trailers: () => Metadata = NO_METADATA,
  ): void {
    if (this.over) return;
    this.leave();
    this.sink.onStatus(code, message, trailers, progress);
    this.#client.callEnded();
  }

  override deliver(message: Uint8Array, compressed: boolean): void {
    this.sink.onMessage(message, compressed);
  }

  override becameWritable(): void {
    if (!this.over) this.sink.onWritable();
  }

  override lastFrameWritten(): void {}
}
