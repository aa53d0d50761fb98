/**
 * One gRPC call on a client: an HTTP/2 stream.
 *
 * @module
 */

import { EMPTY_BYTES } from "../bytes/empty.ts";
import { type Encoding, notOffered, offers } from "../call/encodings.ts";
import { LOST_MESSAGE } from "../bytes/lost_message.ts";
import { statusFromHttp } from "../call/http_status.ts";
import type { Metadata } from "../call/metadata.ts";
import { Status, statusFromNumber } from "../call/status.ts";
import type { CallProgress, CallRequest, ClientCall, ClientCallSink } from "../call/wire.ts";
import type { HeaderList } from "../hpack/header_list.ts";
import { ErrorCode } from "../http2/constants.ts";
import type { FieldSummary } from "../http2/field_check.ts";
import type { StreamOwner } from "../http2/stream.ts";
import { StreamState } from "../http2/stream_state.ts";
import {
  decodeMessage,
  decodeMetadata,
  hasMetadata,
  isGrpcContentType,
  noMetadata,
} from "./fields.ts";
import { statusFromReset } from "./status_map.ts";
import { GrpcStream } from "./stream.ts";

// Largest part of a non-gRPC response quoted in the status, in bytes (as in grpc-go).
const MAX_FOREIGN_BYTES = 1024;
const utf8 = new TextDecoder();

/** Non-gRPC response, from a proxy or a web server. */
interface ForeignResponse {
  readonly code: Status;
  readonly message: string;
  /** Whether the body is text. */
  readonly readable: boolean;
  text: string;
  bytes: number;
}

/** Call on a client. */
export class GrpcClientStream extends GrpcStream implements ClientCall {
  encoding = "identity";
  readonly maxReceiveMessageBytes: number;
  // Whether the sink has received the status, or the call was cancelled.
  #ended = false;
  #httpStatus = 0;
  /** Compressions that were offered to the server. */
  readonly #encodings: readonly Encoding[];
  #foreign: ForeignResponse | null = null;

  /** Creates an idle stream of `connection`. */
  constructor(
    connection: StreamOwner,
    request: CallRequest,
    readonly sink: ClientCallSink,
    encodings: readonly Encoding[],
  ) {
    super(connection);
    this.#encodings = encodings;
    this.maxReceiveMessageBytes = request.maxReceiveMessageBytes;
  }

  get canReceiveMore(): boolean {
    return !this.#ended;
  }

  // ---- receiving ---------------------------------------------------------------------------------------

  onHeaders(list: HeaderList, summary: FieldSummary, endStream: boolean): void {
    this.#httpStatus = summary.status;
    const contentType = list.get("content-type");
    const grpc = contentType !== undefined && isGrpcContentType(contentType);
    if (endStream && list.get("grpc-status") !== undefined) {
      return this.#endFrom(list, summary.firstRegular);
    }
    if (summary.status !== 200 || !grpc) return this.#endFromHttp(contentType, endStream);
    this.encoding = list.get("grpc-encoding") ?? "identity";
    const from = summary.firstRegular;
    if (hasMetadata(list, from)) {
      const metadata = decodeMetadata(list.names, list.values, from, list.count);
      this.sink.onHeaders(() => metadata);
    } else {
      this.sink.onHeaders(noMetadata);
    }
    if (endStream) this.#endFrom(list, from);
  }

  #endFromHttp(contentType: string | undefined, endStream: boolean): void {
    const status = this.#httpStatus;
    const code = status === 200 ? Status.UNKNOWN : statusFromHttp(status);
    const message = status === 200
      ? `The response has the content-type ${
        JSON.stringify(contentType ?? "")
      }, not application/grpc`
      : `The server answered with HTTP status ${status}`;
    if (endStream) return this.#end(code, message, noMetadata, "processed");
    const readable = contentType !== undefined && /^text\/|json/i.test(contentType);
    this.#foreign = { code, message, readable, text: "", bytes: 0 };
  }

  override onData(buffer: Uint8Array, start: number, end: number): void {
    const foreign = this.#foreign;
    if (foreign === null) return super.onData(buffer, start, end);
    if (this.#ended) return;
    const taken = Math.min(end - start, MAX_FOREIGN_BYTES - foreign.bytes);
    if (foreign.readable) foreign.text += utf8.decode(buffer.subarray(start, start + taken));
    foreign.bytes += end - start;
    if (foreign.bytes < MAX_FOREIGN_BYTES) return;
    this.#endForeign(foreign);
    this.connection.reset(this, ErrorCode.CANCEL);
  }

  #endForeign({ code, message, text }: ForeignResponse): void {
    const shown = text.trim();
    this.#end(code, shown === "" ? message : `${message}: ${shown}`, noMetadata, "processed");
  }

  onTrailers(list: HeaderList, summary: FieldSummary): void {
    if (this.#foreign !== null) return this.#endForeign(this.#foreign);
    this.#endFrom(list, summary.firstRegular);
  }

  #endFrom(list: HeaderList, from: number): void {
    if (this.#ended) return;
    const text = list.get("grpc-status");
    const message = list.get("grpc-message");
    const trailers = this.#trailers(list, from);
    if (text === undefined) {
      const code = this.#httpStatus === 200 ? Status.UNKNOWN : statusFromHttp(this.#httpStatus);
      return this.#end(code, "The response ended without grpc-status", trailers, "processed");
    }
    const code = /^[0-9]{1,3}$/.test(text) ? statusFromNumber(Number(text)) : Status.UNKNOWN;
    if (code === Status.OK && this.inMessage) {
      return this.#end(
        Status.INTERNAL,
        "The response ends inside a message",
        trailers,
        "processed",
      );
    }
    this.#end(code, message === undefined ? "" : decodeMessage(message), trailers, "processed");
  }

  #trailers(list: HeaderList, from: number): () => Metadata {
    if (!hasMetadata(list, from)) return noMetadata;
    const metadata = decodeMetadata(list.names, list.values, from, list.count);
    return () => metadata;
  }

  onEnd(): void {
    if (this.#foreign !== null) return this.#endForeign(this.#foreign);
    const code = this.#httpStatus === 200 ? Status.UNKNOWN : statusFromHttp(this.#httpStatus);
    this.#end(code, "The response ended without trailers", noMetadata, "processed");
  }

  onReset(errorCode: number, remote: boolean, reason: string): void {
    if (this.connection.finished) {
      return this.#end(Status.UNAVAILABLE, `Connection lost: ${reason}`, noMetadata, "processed");
    }
    if (this.#foreign !== null) return this.#endForeign(this.#foreign);
    const refused: CallProgress = errorCode === ErrorCode.REFUSED_STREAM && remote
      ? "refused"
      : "processed";
    const code = remote ? statusFromReset(errorCode) : Status.INTERNAL;
    this.#end(code, reason, noMetadata, refused);
  }

  onFramedMessage(message: Uint8Array, flag: number): void {
    if (flag > 1) {
      this.#fail(Status.INTERNAL, `A message has the flags ${flag}: must be 0 or 1`);
    } else if (flag === 1 && this.encoding === "identity") {
      this.#fail(Status.INTERNAL, "A message is compressed, but grpc-encoding is identity");
    } else if (flag === 1 && !offers(this.#encodings, this.encoding)) {
      // The status is INTERNAL, as compression.md of gRPC requires: the client had not offered this encoding.
      this.#fail(
        Status.INTERNAL,
        notOffered(this.encoding, this.#encodings),
      );
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

  // Ends the call and resets the stream when the server broke gRPC's rules or exceeded a limit.
  #fail(code: Status, message: string): void {
    this.#end(code, message, noMetadata, "processed");
    this.connection.reset(this, ErrorCode.CANCEL);
  }

  #end(code: Status, message: string, trailers: () => Metadata, progress: CallProgress): void {
    if (this.#ended) return;
    this.#ended = true;
    this.sink.onStatus(code, message, trailers, progress);
    // After a complete response, the stream is reset because the rest of the request is not needed.
    if (this.state === StreamState.HALF_CLOSED_REMOTE) {
      this.connection.reset(this, ErrorCode.NO_ERROR);
    }
  }

  onWritable(): void {
    if (!this.#ended) this.sink.onWritable();
  }

  onDataLost(): void {
    this.connection.reset(this, ErrorCode.CANCEL);
    this.#end(Status.INTERNAL, LOST_MESSAGE, noMetadata, "processed");
  }

  writeTrailers(): void {}

  // ---- sending -----------------------------------------------------------------------------------------

  sendMessage(message: Uint8Array, compressed: boolean): void {
    if (this.#ended || !this.canSend) return;
    this.sendFramed(message, compressed, false);
  }

  sendLastMessage(message: Uint8Array, compressed: boolean): void {
    if (this.#ended || !this.canSend) return;
    this.sendFramed(message, compressed, true);
  }

  halfClose(): void {
    if (this.#ended || !this.canSend || this.endQueued) return;
    this.connection.sendData(this, null, EMPTY_BYTES, true);
  }

  cancel(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.connection.reset(this, ErrorCode.CANCEL);
  }

  get writable(): boolean {
    return this.connection.writable(this);
  }

  setReadPaused(paused: boolean): void {
    if (this.state !== StreamState.CLOSED) this.connection.setReadPaused(this, paused);
  }
}
