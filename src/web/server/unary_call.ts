/**
 * One unary call of the Connect protocol ("Unary RPCs"): the body is the message, the trailers are fields with the prefix
 * `trailer-`, and an error is JSON with the HTTP status of its code.
 *
 * @module
 */

import { EMPTY_BYTES } from "../../bytes/empty.ts";
import { httpStatus } from "../../call/http_status.ts";
import type { Metadata } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import type { CalledMethod, ServerCall, ServerCallSink } from "../../call/wire.ts";
import { encodeConnectError } from "../connect_error.ts";
import { appendFields, isReservedByConnect } from "../metadata_fields.ts";
import { BodyGatherer } from "./body_gatherer.ts";
import { type CallStart, NO_CALL_SINK } from "./call_start.ts";
import type { HttpExchange, HttpExchangeSink } from "./exchange.ts";
import { ACCEPT_POST } from "./plain_responses.ts";

const PREFIX = "trailer-";
const MEMORY_USED_UP = "the memory for messages is used up";

/** Unary call. */
export class UnaryCall implements ServerCall, HttpExchangeSink {
  readonly protocol = "connect";
  readonly path: string;
  readonly authority: string;
  readonly timeoutMs: number;
  readonly encoding: string;
  readonly contentSubtype: string;
  readonly acceptedEncodings: string;
  readonly metadata: Metadata;
  sink: ServerCallSink = NO_CALL_SINK;
  closed = false;
  readonly #exchange: HttpExchange;
  readonly #responseFields: readonly string[];
  readonly #ownEncodings: string;
  readonly #maxBytes: number;
  /** Message of a GET request, which has no body. */
  readonly #query: Uint8Array | null;
  readonly #body: BodyGatherer;
  #headers: Metadata | undefined = undefined;
  #announced: string | undefined = undefined;
  #reply: Uint8Array = EMPTY_BYTES;
  #replyCompressed = false;
  #unknownMethod = false;

  /** `query`: the message of a GET request, null for a POST request, whose body it is. */
  constructor(start: CallStart, query: Uint8Array | null) {
    const { exchange } = start;
    this.path = exchange.path;
    this.authority = exchange.authority;
    this.timeoutMs = start.timeoutMs;
    this.encoding = start.encoding;
    this.contentSubtype = start.format;
    this.acceptedEncodings = start.acceptedEncodings;
    this.metadata = start.metadata;
    this.#exchange = exchange;
    this.#responseFields = start.responseFields;
    this.#ownEncodings = start.ownEncodings;
    this.#maxBytes = start.maxReceiveMessageBytes;
    this.#query = query;
    this.#body = new BodyGatherer(this.#maxBytes, exchange.memory, exchange.bodyBytes);
  }

  /** Starts the delivery of the body, once the call was accepted. */
  start(): void {
    if (this.#exchange.bodyBytes > this.#maxBytes) this.#tooLarge(this.#exchange.bodyBytes);
    this.#exchange.readBody(this, false, this.#responseFields);
  }

  // ---- receiving ---------------------------------------------------------------------------------------

  onBody(buffer: Uint8Array, start: number, end: number): void {
    if (this.closed || this.#query !== null) return;
    const fault = this.#body.add(buffer, start, end);
    if (fault === "too large") return this.#tooLarge(undefined);
    if (fault === null) return;
    this.#fail(Status.RESOURCE_EXHAUSTED, `Cannot accept the message: ${MEMORY_USED_UP}`);
  }

  #tooLarge(bytes: number | undefined): void {
    const what = bytes === undefined ? "the message" : `a message of ${bytes} bytes`;
    this.#fail(
      Status.RESOURCE_EXHAUSTED,
      `Cannot accept ${what}: the limit is ${this.#maxBytes} bytes`,
    );
  }

  onBodyEnd(): void {
    if (this.closed) return;
    const message = this.#query ?? this.#body.take();
    this.sink.onMessage(message, this.encoding !== "identity" && message.length > 0);
    if (!this.closed) this.sink.onHalfClose();
  }

  onAbort(reason: string): void {
    if (this.closed) return;
    this.#close();
    this.sink.onCancel(Status.CANCELLED, reason);
  }

  onWritable(): void {
    if (!this.closed) this.sink.onWritable();
  }

  // ---- sending -----------------------------------------------------------------------------------------

  checkMethod(method: CalledMethod | undefined, takesFormat: boolean): boolean {
    if (method === undefined) {
      this.#unknownMethod = true;
      return true;
    }
    if (this.#query !== null && method.safe !== true) return this.#refuse(405, ["allow", "POST"]);
    if (method.kind === "unary" && takesFormat) return true;
    return this.#refuse(415, ["accept-post", ACCEPT_POST]);
  }

  #refuse(status: number, fields: readonly string[]): false {
    this.#close();
    this.#exchange.respond(status, [...fields, ...this.#responseFields], EMPTY_BYTES);
    return false;
  }

  sendHeaders(metadata?: Metadata, encoding?: string): void {
    this.#headers = metadata?.clone();
    this.#announced = encoding;
  }

  sendMessage(message: Uint8Array, compressed: boolean): void {
    this.#reply = message;
    this.#replyCompressed = compressed;
  }

  respond(message: Uint8Array): void {
    this.sendMessage(message, false);
    this.sendStatus(Status.OK, "");
  }

  sendStatus(code: Status, message: string, trailers?: Metadata): void {
    if (this.closed) return;
    this.#close();
    if (code === Status.OK) {
      if (this.#respond(200, this.contentSubtype, this.#reply, trailers)) return;
      const text = `Cannot queue a reply of ${this.#reply.length} bytes: ${MEMORY_USED_UP}`;
      this.#sendError(Status.RESOURCE_EXHAUSTED, text);
      return this.sink.onCancel(Status.RESOURCE_EXHAUSTED, text);
    }
    this.#sendError(code, message, trailers);
  }

  #sendError(code: Status, message: string, trailers?: Metadata): void {
    const status = this.#unknownMethod ? 404 : httpStatus(code);
    this.#replyCompressed = false;
    this.#respond(status, "json", encodeConnectError(code, message, trailers), trailers);
  }

  #respond(status: number, format: string, body: Uint8Array, trailers?: Metadata): boolean {
    const fields = ["content-type", `application/${format}`, ...this.#responseFields];
    if (this.#replyCompressed && this.#announced !== undefined) {
      fields.push("content-encoding", this.#announced);
    }
    if (this.encoding !== "identity" && status !== 200) {
      fields.push("accept-encoding", this.#ownEncodings);
    }
    if (this.#headers !== undefined) appendFields(fields, this.#headers, isReservedByConnect);
    if (trailers !== undefined) appendFields(fields, trailers, isReservedByConnect, PREFIX);
    return this.#exchange.respond(status, fields, body);
  }

  /** Ends the call with an error that the engine found, and cancels its handler. */
  #fail(code: Status, message: string): void {
    if (this.closed) return;
    this.sendStatus(code, message);
    this.sink.onCancel(code, message);
  }

  #close(): void {
    this.closed = true;
    this.#body.clear();
  }

  /** Always true: the single response message never waits for the peer. */
  get writable(): boolean {
    return true;
  }

  /** Without effect: the only request message is complete when the handler starts. */
  setReadPaused(): void {}

  chargeFault(): void {
    this.#exchange.chargeFault();
  }

  handlerDone(): void {
    this.#exchange.handlerDone();
  }
}
