/**
 * One gRPC call on a server: an HTTP/2 stream.
 *
 * @module
 */

import { LOST_MESSAGE } from "../bytes/lost_message.ts";
import { listBytesOf, type Metadata } from "../call/metadata.ts";
import { Status } from "../call/status.ts";
import type { ServerCall, ServerCallSink, ServerConnectionSink } from "../call/wire.ts";
import { type Encoding, encodingList } from "../call/encodings.ts";
import type { HeaderList } from "../hpack/header_list.ts";
import { PreparedField } from "../hpack/prepared_field.ts";
import { ErrorCode } from "../http2/constants.ts";
import type { FieldSummary } from "../http2/field_check.ts";
import type { StreamOwner } from "../http2/stream.ts";
import { StreamState } from "../http2/stream_state.ts";
import {
  contentSubtype,
  decodeMetadata,
  encodeField,
  encodeMessage,
  encodeMetadata,
  isGrpcContentType,
} from "./fields.ts";
import { readFields, RequestFields } from "./request_fields.ts";
import { GrpcStream } from "./stream.ts";

const NO_SINK: ServerCallSink = {
  onMessage() {},
  onHalfClose() {},
  onCancel() {},
  onWritable() {},
};

// Size of response headers, or of a Trailers-Only response, in bytes (RFC 7541 §4.1), excluding metadata and status
// message.
const OWN_FIELDS_BYTES = 320;
const SMALL_REPLY_BYTES = 16_384;
const STATUS_200 = new PreparedField(":status", "200");
const CONTENT_TYPE = new PreparedField("content-type", "application/grpc");
const GRPC_STATUS = Object.values(Status).map((code) =>
  new PreparedField("grpc-status", `${code}`)
);

const NO_FIELDS = new RequestFields("", "");

/** Receives the body of a request that is not a gRPC call, and the events of its response. */
export interface HttpStreamSink {
  /** Receives `buffer` from `start` to `end`, a part of the body that is only valid during the call. */
  onBody(buffer: Uint8Array, start: number, end: number): void;
  /** Called at the end of the body. */
  onBodyEnd(): void;
  /** Called when the stream ends abnormally. */
  onAbort(reason: string): void;
  /** Called when the sender may continue after `writable` was false. */
  onWritable(): void;
}

/** Interface of the connection that its calls use. */
export interface ServerStreamOwner {
  /** HTTP/2 state machine. */
  readonly http2: StreamOwner;
  /** Receives new calls. */
  readonly sink: ServerConnectionSink;
  /** Largest message accepted from the client, in bytes. */
  readonly maxReceiveMessageBytes: number;
  /** Compressions accepted. */
  readonly encodings: readonly Encoding[];
  /**
   * Serves a request that is not a gRPC call; `list` and `summary` are only valid during the call. Returns the receiver
   * of its body.
   */
  openHttp(
    stream: GrpcServerStream,
    list: HeaderList,
    summary: FieldSummary,
    endStream: boolean,
  ): HttpStreamSink;
}

/** Call on a server. */
export class GrpcServerStream extends GrpcStream implements ServerCall {
  sink: ServerCallSink = NO_SINK;
  // Whether a status was sent or queued, or the call was cancelled, so that nothing more may be sent.
  closed = false;
  #fields: RequestFields = NO_FIELDS;
  #metadata: Metadata | null = null;
  #status: Status = Status.OK;
  #statusMessage = "";
  #trailers: Metadata | undefined = undefined;
  // Receives the body, when the request is not a gRPC call.
  #http: HttpStreamSink | null = null;
  #handlerDone = false;
  #slotFree = false;

  /** Creates an idle stream of `server`. */
  constructor(readonly server: ServerStreamOwner) {
    super(server.http2);
  }

  // ---- receiving ---------------------------------------------------------------------------------------

  onHeaders(list: HeaderList, summary: FieldSummary, endStream: boolean): void {
    if (summary.parsed !== null) {
      this.#fields = summary.parsed as RequestFields;
      return this.#begin(endStream);
    }
    const contentType = list.get("content-type");
    if (
      summary.method !== "POST" || contentType === undefined || !isGrpcContentType(contentType)
    ) {
      this.#http = this.server.openHttp(this, list, summary, endStream);
      if (endStream) this.#http.onBodyEnd();
      return;
    }
    const fields = this.#fields = new RequestFields(summary.path, summary.authority);
    fields.contentSubtype = contentSubtype(contentType);
    const wrong = readFields(fields, list, summary.firstRegular, this.server.encodings);
    if (wrong !== null) return this.#reject(wrong.code, wrong.message, wrong.httpStatus);
    summary.parsed = fields;
    this.#begin(endStream);
  }

  #begin(endStream: boolean): void {
    this.server.sink.onCall(this);
    if (endStream && !this.closed) this.sink.onHalfClose();
  }

  // Answers a malformed request with a status; it does not become a call.
  #reject(code: Status, message: string, httpStatus: number): void {
    this.#handlerDone = true;
    this.closed = true;
    const { connection } = this;
    const { encoder, out } = connection;
    const at = connection.beginHeaders();
    encoder.field(out, ":status", String(httpStatus));
    encoder.prepared(out, CONTENT_TYPE);
    encoder.prepared(out, GRPC_STATUS[code]);
    encoder.field(out, "grpc-message", encodeMessage(message), "literal");
    if (code === Status.UNIMPLEMENTED) {
      encoder.field(out, "grpc-accept-encoding", encodingList(this.server.encodings));
    }
    connection.endHeaders(this, at, true);
  }

  get metadata(): Metadata {
    return this.#metadata ??= this.#decodeMetadata();
  }

  #decodeMetadata(): Metadata {
    const { names, values } = this.#fields;
    return decodeMetadata(names, values, 0, names.length);
  }

  get path(): string {
    return this.#fields.path;
  }

  get authority(): string {
    return this.#fields.authority;
  }

  get timeoutMs(): number {
    return this.#fields.timeoutMs;
  }

  get encoding(): string {
    return this.#fields.encoding;
  }

  get contentSubtype(): string {
    return this.#fields.contentSubtype;
  }

  get acceptedEncodings(): string {
    return this.#fields.acceptedEncodings;
  }

  get maxReceiveMessageBytes(): number {
    return this.server.maxReceiveMessageBytes;
  }

  get canReceiveMore(): boolean {
    return !this.closed;
  }

  override onData(buffer: Uint8Array, start: number, end: number): void {
    if (this.#http === null) super.onData(buffer, start, end);
    else this.#http.onBody(buffer, start, end);
  }

  onFramedMessage(message: Uint8Array, flag: number): void {
    if (flag > 1) {
      this.#breaksFraming(`A message has the flags ${flag}: must be 0 or 1`);
    } else if (flag === 1 && this.encoding === "identity") {
      this.#breaksFraming("A message is compressed, but grpc-encoding is identity");
    } else {
      this.sink.onMessage(message, flag === 1);
    }
  }

  onNoMemory(length: number): void {
    this.#fail(
      Status.RESOURCE_EXHAUSTED,
      `Cannot accept a message of ${length} bytes: the memory for messages is used up`,
    );
  }

  onMessageTooLarge(length: number): void {
    this.#fail(
      Status.RESOURCE_EXHAUSTED,
      `Cannot accept a message of ${length} bytes: the limit is ${this.maxReceiveMessageBytes}`,
    );
  }

  // Ends the call with a status and cancels its handler.
  #fail(code: Status, message: string): void {
    if (this.closed) return;
    this.sendStatus(code, message);
    this.sink.onCancel(code, message);
  }

  chargeFault(): void {
    this.connection.chargeFault();
  }

  // Charges the peer: each broken call costs work without a result, so a flood of them must end the connection.
  #breaksFraming(message: string): void {
    this.#fail(Status.INTERNAL, message);
    this.connection.chargeFault();
  }

  onEnd(): void {
    if (this.#http !== null) return this.#http.onBodyEnd();
    if (this.closed) return;
    if (this.inMessage) return this.#breaksFraming("The request ends inside a message");
    this.sink.onHalfClose();
  }

  onTrailers(_list: HeaderList, _summary: FieldSummary): void {
    this.onEnd();
  }

  onReset(_errorCode: number, _remote: boolean, reason: string): void {
    if (this.#http !== null) return this.#http.onAbort(reason);
    if (this.closed) return;
    this.closed = true;
    this.sink.onCancel(Status.CANCELLED, reason);
  }

  onWritable(): void {
    if (this.#http !== null) this.#http.onWritable();
    else if (!this.closed) this.sink.onWritable();
  }

  onDataLost(begun: boolean): void {
    this.server.sink.onNote?.("warn", `${this.path}: ${LOST_MESSAGE}`);
    if (this.#http !== null) {
      this.connection.reset(this, ErrorCode.INTERNAL_ERROR);
      return this.#http.onAbort(LOST_MESSAGE);
    }
    if (!begun) {
      this.closed = false;
      return this.#fail(Status.INTERNAL, LOST_MESSAGE);
    }
    this.closed = true;
    this.connection.reset(this, ErrorCode.INTERNAL_ERROR);
    this.sink.onCancel(Status.INTERNAL, LOST_MESSAGE);
  }

  // ---- sending -----------------------------------------------------------------------------------------

  sendHeaders(metadata?: Metadata, encoding?: string): void {
    if (this.answered || this.closed) return;
    const { connection } = this;
    if (metadata !== undefined) {
      const bytes = OWN_FIELDS_BYTES + listBytesOf(metadata);
      const limit = connection.peerMaxHeaderListBytes;
      if (bytes > limit) {
        return this.#fail(
          Status.INTERNAL,
          `Cannot send headers of ${bytes} bytes: the client accepts ${limit}`,
        );
      }
    }
    this.answered = true;
    const { encoder, out } = connection;
    const at = connection.beginHeaders();
    this.#encodeHead();
    if (encoding !== undefined) encoder.field(out, "grpc-encoding", encoding);
    if (metadata !== undefined) encodeMetadata(encoder, out, metadata);
    connection.endHeaders(this, at, false);
  }

  // Writes the status and the content type, which names the format of the request if that is not protobuf.
  #encodeHead(): void {
    const { encoder, out } = this.connection;
    const { contentSubtype } = this.#fields;
    encoder.prepared(out, STATUS_200);
    if (contentSubtype === "" || contentSubtype === "proto") encoder.prepared(out, CONTENT_TYPE);
    else encodeField(encoder, out, "content-type", `application/grpc+${contentSubtype}`);
  }

  sendMessage(message: Uint8Array, compressed: boolean): void {
    if (this.closed) return;
    // Queues a large reply only if the memory pool has room; small replies are bounded by the number of calls.
    if (
      message.length > SMALL_REPLY_BYTES &&
      message.length > Math.min(this.sendWindow, this.connection.sendWindow) &&
      !this.connection.memory.allows(message.length)
    ) {
      return this.#fail(
        Status.RESOURCE_EXHAUSTED,
        `Cannot queue a reply of ${message.length} bytes: the memory for messages is used up`,
      );
    }
    if (!this.answered) this.sendHeaders();
    this.sendFramed(message, compressed, false);
  }

  respond(message: Uint8Array): void {
    this.sendMessage(message, false);
    this.sendStatus(Status.OK, "");
  }

  sendStatus(code: Status, message: string, trailers?: Metadata): void {
    if (this.closed) return;
    // Throws for trailers that cannot be sent, so it is called before the call counts as closed.
    const trailerBytes = trailers === undefined ? 0 : listBytesOf(trailers);
    this.closed = true;
    const limit = this.connection.peerMaxHeaderListBytes;
    this.#status = code;
    this.#statusMessage = encodeMessage(message, limit - OWN_FIELDS_BYTES);
    this.#trailers = trailers;
    if (trailers !== undefined) {
      const bytes = OWN_FIELDS_BYTES + this.#statusMessage.length + trailerBytes;
      if (bytes > limit) {
        this.#trailers = undefined;
        if (code === Status.OK) {
          this.#status = Status.INTERNAL;
          const text = `Cannot send trailers of ${bytes} bytes: the client accepts ${limit}`;
          this.#statusMessage = text;
          this.sink.onCancel(Status.INTERNAL, text);
        }
      }
    }
    if (this.queue === null) this.writeTrailers();
    else {
      // The handler may change its metadata before the queue is empty.
      this.#trailers = this.#trailers?.clone();
      this.trailersQueued = true;
    }
  }

  writeTrailers(): void {
    if (!this.canSend) return;
    const { connection } = this;
    const { encoder, out } = connection;
    const at = connection.beginHeaders();
    if (!this.answered) {
      this.answered = true;
      this.#encodeHead();
    }
    encoder.prepared(out, GRPC_STATUS[this.#status]);
    if (this.#statusMessage !== "") {
      encoder.field(out, "grpc-message", this.#statusMessage, "literal");
    }
    if (this.#trailers !== undefined) encodeMetadata(encoder, out, this.#trailers);
    connection.endHeaders(this, at, true);
  }

  get writable(): boolean {
    return this.connection.writable(this);
  }

  setReadPaused(paused: boolean): void {
    if (this.state !== StreamState.CLOSED) this.connection.setReadPaused(this, paused);
  }

  /** Resets the stream without a status. */
  cancel(): void {
    this.closed = true;
    this.connection.reset(this, ErrorCode.CANCEL);
  }

  handlerDone(): void {
    if (this.#handlerDone) return;
    this.#handlerDone = true;
    this.freeSlot();
  }

  /** Frees the slot once the stream is closed and its handler has ended. */
  freeSlot(): void {
    if (this.#slotFree || !this.#handlerDone || this.state !== StreamState.CLOSED) return;
    this.#slotFree = true;
    this.connection.releaseSlot();
  }
}
