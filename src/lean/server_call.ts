/**
 * A call on a server, after the hello.
 *
 * @module
 */

import { releaseMessage } from "../bytes/pool.ts";
import type { Metadata } from "../call/metadata.ts";
import { Status } from "../call/status.ts";
import type { ServerCall, ServerCallSink } from "../call/wire.ts";
import { LeanCall } from "./call.ts";
import { textBytes } from "./connection.ts";
import { encodeFields, type FieldBlock } from "./format/fields.ts";
import { COMPRESSED, END, ERROR, FIELDS, RESPONSE, STREAM } from "./format/frames.ts";
import type { LeanServerConnection } from "./server.ts";

/** Bit 0 of the second byte of an error: the call was not looked at and may be tried elsewhere. */
export const NOT_PROCESSED = 1;

const NOBODY: ServerCallSink = {
  onMessage() {},
  onHalfClose() {},
  onCancel() {},
  onWritable() {},
};
const NOTHING = new Uint8Array(0);

/** The value of an error frame: code, flags, length of the text, text. */
export function errorValue(code: number, flags: number, message: string): Uint8Array {
  const text = textBytes(message);
  const value = new Uint8Array(4 + text.length);
  value[0] = code;
  value[1] = flags;
  value[2] = text.length >>> 8;
  value[3] = text.length;
  value.set(text, 4);
  return value;
}

/** See {@link ServerCall}. */
export class LeanServerCall extends LeanCall implements ServerCall {
  readonly path: string;
  sink: ServerCallSink;
  /** Whether a status was sent, or the call was cancelled. */
  ended: boolean;
  private readonly fields: FieldBlock;
  private known: Metadata | undefined;
  private headersSent: boolean;
  /** Of the two, the handler's end and the end on the wire, how many are still to come. */
  private ends: number;
  private done: boolean;

  constructor(server: LeanServerConnection, id: number, path: string, fields: FieldBlock) {
    super(server, id);
    this.path = path;
    this.sink = NOBODY;
    this.ended = false;
    this.fields = fields;
    this.known = undefined;
    this.headersSent = false;
    this.ends = 2;
    this.done = false;
  }

  private get server(): LeanServerConnection {
    return this.connection as LeanServerConnection;
  }

  get encoding(): string {
    return "gzip";
  }

  get maxMessageBytes(): number {
    return this.connection.options.maxReceiveMessageBytes;
  }

  get metadata(): Metadata {
    return this.known ??= this.fields.headers();
  }

  get timeoutMs(): number {
    return this.fields.timeoutMs;
  }

  get authority(): string {
    return this.fields.authority;
  }

  get acceptsGzip(): boolean {
    return this.server.peerTakesGzip;
  }

  get closed(): boolean {
    return this.ended;
  }

  sendHeaders(metadata?: Metadata): void {
    if (this.ended || this.headersSent) return;
    this.headersSent = true;
    const fields = this.encode({ headers: metadata });
    if (fields === null) return;
    this.server.writeHeaders(this.id, fields);
    this.server.produced();
  }

  sendMessage(message: Uint8Array, compressed: boolean): void {
    if (this.ended || !this.mayWait(message)) return;
    this.headersSent = true;
    this.send(compressed ? RESPONSE | STREAM | COMPRESSED : RESPONSE | STREAM, message);
  }

  respond(message: Uint8Array): void {
    if (this.ended || !this.mayWait(message)) return;
    this.ended = true;
    if (this.headersSent || !this.fits(message.length)) {
      this.send(RESPONSE | STREAM | END, message);
      return;
    }
    this.server.writeFrame(RESPONSE, this.id, undefined, message, 0, message.length);
    releaseMessage(message);
    this.lastFrameWritten();
    this.server.produced();
  }

  // A reply that would wait when there is no memory for waiting fails the call.
  private mayWait(message: Uint8Array): boolean {
    if (this.fits(message.length) || this.server.memory.allows(message.length)) return true;
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
    if (code === Status.OK) this.sendLast(RESPONSE | END | more, NOTHING, fields);
    else this.sendLast(RESPONSE | ERROR | more, errorValue(code, 0, message), fields);
  }

  // What metadata can't be sent is the handler's fault: the call fails, the connection stays.
  private encode(
    input: { headers?: Metadata; trailers?: Metadata },
  ): Uint8Array | undefined | null {
    if (!input.headers?.size && !input.trailers?.size) return undefined;
    try {
      return encodeFields(input);
    } catch (error) {
      this.failWith(Status.INTERNAL, (error as Error).message);
      return null;
    }
  }

  chargeFault(): void {
    this.server.chargeFault();
  }

  handlerDone(): void {
    if (this.done) return;
    this.done = true;
    if (--this.ends === 0) this.server.releaseSlot();
  }

  /** A call that breaks a limit, or whose reply does: the client gets the status, the handler a cancel. */
  failWith(code: Status, message: string): void {
    this.sendStatus(code, message);
    this.sink.onCancel(code, message);
  }

  /** The client gave up, or the connection is gone. */
  cancelled(code: Status, reason: string): void {
    const tell = !this.ended;
    this.ended = true;
    this.dropBuffers();
    if (--this.ends === 0) this.server.releaseSlot();
    if (tell) this.sink.onCancel(code, reason);
  }

  override deliver(message: Uint8Array, compressed: boolean): void {
    this.sink.onMessage(message, compressed);
  }

  override becameWritable(): void {
    if (!this.ended) this.sink.onWritable();
  }

  override lastFrameWritten(): void {
    this.dropBuffers();
    this.server.callOver(this);
    if (--this.ends === 0) this.server.releaseSlot();
  }
}
