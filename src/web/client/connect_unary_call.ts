/**
 * A unary call of Connect: request and response are bare messages (Connect, "Unary RPCs").
 *
 * @module
 */

import { EMPTY_BYTES } from "../../bytes/empty.ts";
import { ENCODINGS, notOffered, offers } from "../../call/encodings.ts";
import { Metadata } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import { statusFromHttp } from "../../call/http_status.ts";
import type { CallProgress, CallRequest, ClientCall, ClientCallSink } from "../../call/wire.ts";
import { decompress } from "../../codec/compression.ts";
import { readConnectError } from "../connect_error.ts";
import { webContentType } from "../content_types.ts";
import { appendField, isReservedByConnect } from "../metadata_fields.ts";
import { BodyBuffer } from "./body_buffer.ts";
import { type CallEnd, endOfError, endOfException, fieldOf, ForeignResponse } from "./call_end.ts";
import { unaryRequest } from "./connect_unary_request.ts";
import type { HttpOpener, HttpSink } from "./exchange.ts";
import type { WebClientOptions } from "./options.ts";
import { RequestOpener } from "./request_opener.ts";

// Largest error accepted, in bytes, when messages are limited to less.
const MIN_ERROR_BYTES = 65_536;
const TRAILER = "trailer-";

/** Call on a client. */
export class ConnectUnaryCall implements ClientCall, HttpSink {
  encoding = "identity";
  readonly #options: WebClientOptions;
  readonly #request: CallRequest;
  readonly #sink: ClientCallSink;
  readonly #http: HttpOpener;
  readonly #opener: RequestOpener;
  #message: Uint8Array = EMPTY_BYTES;
  #compressed = false;
  // Whether the sink has received the status, or the call was cancelled.
  #ended = false;
  #status = 0;
  #trailers = new Metadata();
  #foreign: ForeignResponse | null = null;
  #body: BodyBuffer | null = null;

  /** Takes a slot; the request is sent with its message. */
  constructor(
    opener: HttpOpener,
    options: WebClientOptions,
    request: CallRequest,
    sink: ClientCallSink,
  ) {
    this.#options = options;
    this.#request = request;
    this.#sink = sink;
    this.#http = opener;
    this.#opener = new RequestOpener(opener, this);
  }

  // ---- sending ---------------------------------------------------------------------------------------------

  sendMessage(message: Uint8Array, compressed: boolean): void {
    this.#message = message;
    this.#compressed = compressed;
  }

  sendLastMessage(message: Uint8Array, compressed: boolean): void {
    this.sendMessage(message, compressed);
    this.halfClose();
  }

  halfClose(): void {
    if (this.#ended || this.#opener.exchange !== null) return;
    const message = this.#message;
    this.#message = EMPTY_BYTES;
    try {
      const { head, body } = unaryRequest(
        this.#request,
        this.#options,
        message,
        this.#compressed,
      );
      this.#opener.open(head).send(null, body, true);
    } catch (error) {
      this.#conclude(endOfException(error), "processed");
    }
  }

  cancel(): void {
    if (this.#ended) return;
    this.#close();
    this.#opener.close();
  }

  get writable(): boolean {
    return true;
  }

  setReadPaused(paused: boolean): void {
    if (!this.#ended) this.#opener.exchange?.setReadPaused(paused);
  }

  // ---- receiving -------------------------------------------------------------------------------------------

  onResponse(status: number, fields: readonly string[]): void {
    this.#status = status;
    const contentType = fieldOf(fields, "content-type") ?? "";
    const type = webContentType(contentType);
    const { format } = this.#options;
    const wanted = status === 200 ? format : "json";
    this.encoding = fieldOf(fields, "content-encoding") ?? "identity";
    const headers = this.#splitFields(fields);
    if (type?.protocol !== "connect-unary" || type.format !== wanted) {
      this.#foreign = new ForeignResponse(status, contentType, `application/${format}`);
      return;
    }
    const offered = this.#options.encodings ?? ENCODINGS;
    if (this.encoding !== "identity" && !offers(offered, this.encoding)) {
      return this.#fail(
        Status.INTERNAL,
        notOffered(this.encoding, offered),
      );
    }
    const { maxReceiveMessageBytes: limit } = this.#request;
    const maxBytes = status === 200 ? limit : Math.max(limit, MIN_ERROR_BYTES);
    this.#body = new BodyBuffer(maxBytes, this.#http.memory);
    this.#sink.onHeaders(() => headers);
  }

  /** Trailers are fields with a prefix ("Unary-Response"). */
  #splitFields(fields: readonly string[]): Metadata {
    const headers = new Metadata();
    for (let i = 0; i < fields.length; i += 2) {
      const name = fields[i];
      const value = fields[i + 1];
      if (name.startsWith(TRAILER)) appendField(this.#trailers, name.slice(TRAILER.length), value);
      else if (!isReservedByConnect(name)) appendField(headers, name, value);
    }
    return headers;
  }

  onBody(buffer: Uint8Array, start: number, end: number): void {
    if (this.#ended) return;
    if (this.#foreign !== null) {
      if (!this.#foreign.receive(buffer, start, end)) this.#endForeign(this.#foreign, true);
      return;
    }
    const refused = this.#body!.add(buffer, start, end);
    if (refused !== null) this.#fail(Status.RESOURCE_EXHAUSTED, refused);
  }

  onEnd(): void {
    if (this.#ended) return;
    if (this.#foreign !== null) return this.#endForeign(this.#foreign, false);
    const body = this.#body!.take();
    if (this.#status !== 200) return this.#conclude(this.#readError(body), "processed");
    const compressed = this.encoding !== "identity" && body.length > 0;
    this.#sink.onMessage(body, compressed);
    this.#conclude({ code: Status.OK, message: "", trailers: this.#trailers }, "processed");
  }

  #readError(body: Uint8Array): CallEnd {
    const fallback = statusFromHttp(this.#status);
    try {
      const limit = Math.max(this.#request.maxReceiveMessageBytes, MIN_ERROR_BYTES);
      const plain = this.encoding === "identity" ? body : decompress(body, this.encoding, limit);
      const error = readConnectError(plain, fallback);
      if (error !== undefined) return endOfError(error, this.#trailers);
    } catch {
      // The body is not what its fields say: the HTTP status is all there is.
    }
    const message = `The server answered with HTTP status ${this.#status}`;
    return { code: fallback, message, trailers: this.#trailers };
  }

  onFailure(code: Status, reason: string, progress: CallProgress): void {
    const end = this.#foreign?.end ?? { code, message: reason, trailers: new Metadata() };
    this.#conclude(end, progress);
  }

  onWritable(): void {}

  // ---- end -------------------------------------------------------------------------------------------------

  #endForeign(foreign: ForeignResponse, early: boolean): void {
    this.#conclude({ ...foreign.end, trailers: this.#trailers }, "processed");
    if (early) this.#opener.close();
  }

  #fail(code: Status, message: string): void {
    this.#conclude({ code, message, trailers: this.#trailers }, "processed");
    this.#opener.close();
  }

  #conclude({ code, message, trailers }: CallEnd, progress: CallProgress): void {
    if (this.#ended) return;
    this.#close();
    this.#sink.onStatus(code, message, () => trailers, progress);
  }

  #close(): void {
    this.#ended = true;
    this.#body?.drop();
  }
}
