/**
 * One call whose bodies are envelopes: a call of gRPC-Web of any kind, or a streaming call of Connect. The HTTP status is
 * 200, also of an error, which is in the last envelope.
 *
 * @module
 */

import { EMPTY_BYTES } from "../../bytes/empty.ts";
import { releaseMessage } from "../../bytes/pool.ts";
import type { Metadata } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import type { CalledMethod, ServerCall, ServerCallSink } from "../../call/wire.ts";
import { Base64TextReader, encodeBase64Text } from "../base64_text.ts";
import { formatContentType, type WebContentType } from "../content_types.ts";
import {
  COMPRESSED_FLAG,
  envelope,
  EnvelopeReader,
  type EnvelopeSink,
  PREFIX_BYTES,
  putEnvelopePrefix,
} from "../envelope.ts";
import { appendFields } from "../metadata_fields.ts";
import { type CallStart, NO_CALL_SINK } from "./call_start.ts";
import type { HttpExchange, HttpExchangeSink } from "./exchange.ts";
import { ACCEPT_POST } from "./plain_responses.ts";
import type { StreamDialect } from "./stream_dialect.ts";

// Prefix shared by all calls, because `write` copies it.
const prefix = new Uint8Array(PREFIX_BYTES);

/** Call with envelopes. */
export class StreamCall implements ServerCall, HttpExchangeSink, EnvelopeSink {
  readonly protocol: "grpc-web" | "connect";
  readonly path: string;
  readonly authority: string;
  readonly timeoutMs: number;
  readonly encoding: string;
  readonly contentSubtype: string;
  readonly acceptedEncodings: string;
  readonly metadata: Metadata;
  sink: ServerCallSink = NO_CALL_SINK;
  closed = false;
  readonly #start: CallStart;
  readonly #exchange: HttpExchange;
  readonly #dialect: StreamDialect;
  readonly #contentType: WebContentType;
  readonly #reader: EnvelopeReader;
  readonly #text: Base64TextReader | null;
  #headSent = false;

  /** Creates a call of the protocol that `contentType` stands for. */
  constructor(start: CallStart, dialect: StreamDialect, contentType: WebContentType) {
    const { exchange } = start;
    this.protocol = dialect.protocol;
    this.path = exchange.path;
    this.authority = exchange.authority;
    this.timeoutMs = start.timeoutMs;
    this.encoding = start.encoding;
    this.contentSubtype = start.format;
    this.acceptedEncodings = start.acceptedEncodings;
    this.metadata = start.metadata;
    this.#start = start;
    this.#exchange = exchange;
    this.#dialect = dialect;
    this.#contentType = contentType;
    this.#reader = new EnvelopeReader(this, start.maxReceiveMessageBytes, exchange.memory);
    this.#text = contentType.text ? new Base64TextReader() : null;
  }

  /** Starts the delivery of the body, once the call was accepted. */
  start(): void {
    this.#exchange.readBody(this, true, this.#start.responseFields);
  }

  // ---- receiving ---------------------------------------------------------------------------------------

  onBody(buffer: Uint8Array, start: number, end: number): void {
    if (this.closed) return;
    if (this.#text === null) return this.#reader.receive(buffer, start, end);
    const bytes = this.#text.decode(buffer, start, end);
    if (bytes === null) return this.#breaksFraming("The body is not base64");
    this.#reader.receive(bytes, 0, bytes.length);
  }

  onEnvelope(message: Uint8Array, flags: number): void {
    if ((flags & ~COMPRESSED_FLAG) !== 0) {
      this.#breaksFraming(`A message has the flags ${flags}: must be 0 or 1`);
    } else if (flags === COMPRESSED_FLAG && this.encoding === "identity") {
      const field = this.#dialect.encodingField;
      this.#breaksFraming(`A message is compressed, but ${field} is identity`);
    } else {
      this.sink.onMessage(message, flags === COMPRESSED_FLAG);
    }
  }

  onTooLarge(bytes: number): void {
    const limit = this.#start.maxReceiveMessageBytes;
    this.#fail(
      Status.RESOURCE_EXHAUSTED,
      `Cannot accept a message of ${bytes} bytes: the limit is ${limit}`,
    );
  }

  onNoMemory(bytes: number): void {
    this.#fail(
      Status.RESOURCE_EXHAUSTED,
      `Cannot accept a message of ${bytes} bytes: the memory for messages is used up`,
    );
  }

  onBodyEnd(): void {
    if (this.closed) return;
    if (this.#reader.inEnvelope || this.#text !== null && !this.#text.atEnd) {
      // connect-go and connect-node have this code; gRPC has INTERNAL for all faults of framing.
      const code = this.#dialect.protocol === "connect" ? Status.INVALID_ARGUMENT : Status.INTERNAL;
      return this.#breaksFraming("The request ends inside a message", code);
    }
    this.sink.onHalfClose();
  }

  onAbort(reason: string): void {
    if (this.closed) return;
    this.#close();
    this.sink.onCancel(Status.CANCELLED, reason);
  }

  onWritable(): void {
    if (!this.closed) this.sink.onWritable();
  }

  // Charges the peer: each broken call costs work without a result.
  #breaksFraming(message: string, code: Status = Status.INTERNAL): void {
    this.#fail(code, message);
    this.#exchange.chargeFault();
  }

  /** Ends the call with an error that the engine found, and cancels its handler. */
  #fail(code: Status, message: string): void {
    if (this.closed) return;
    this.sendStatus(code, message);
    this.sink.onCancel(code, message);
  }

  // ---- sending -----------------------------------------------------------------------------------------

  checkMethod(method: CalledMethod | undefined, takesFormat: boolean): boolean {
    if (!this.#dialect.refusesByHttp || method === undefined) return true;
    if (method.kind !== "unary" && takesFormat) return true;
    this.#close();
    const fields = ["accept-post", ACCEPT_POST, ...this.#start.responseFields];
    this.#exchange.respond(415, fields, EMPTY_BYTES);
    return false;
  }

  #fields(metadata?: Metadata, encoding?: string): string[] {
    const dialect = this.#dialect;
    const fields = [
      "content-type",
      formatContentType(this.#contentType),
      dialect.acceptEncodingField,
      this.#start.ownEncodings,
      ...this.#start.responseFields,
    ];
    if (encoding !== undefined) fields.push(dialect.encodingField, encoding);
    if (metadata !== undefined) appendFields(fields, metadata, dialect.isReserved);
    return fields;
  }

  sendHeaders(metadata?: Metadata, encoding?: string): void {
    if (this.#headSent || this.closed) return;
    this.#headSent = true;
    this.#exchange.sendHead(200, this.#fields(metadata, encoding));
  }

  sendMessage(message: Uint8Array, compressed: boolean): void {
    if (this.closed) return;
    this.sendHeaders();
    const flags = compressed ? COMPRESSED_FLAG : 0;
    let sent: boolean;
    if (this.#text === null) {
      putEnvelopePrefix(prefix, 0, flags, message.length);
      sent = this.#exchange.write(prefix, message, false);
    } else {
      sent = this.#exchange.write(null, encodeBase64Text(envelope(message, flags)), false);
      releaseMessage(message);
    }
    if (sent) return;
    this.#fail(
      Status.RESOURCE_EXHAUSTED,
      `Cannot queue a reply of ${message.length} bytes: the memory for messages is used up`,
    );
  }

  respond(message: Uint8Array): void {
    if (this.closed) return;
    const end = this.#dialect.endEnvelope(Status.OK, "");
    if (this.#headSent || message.length > MAX_JOINED_BYTES) {
      this.sendMessage(message, false);
      return this.sendStatus(Status.OK, "");
    }
    this.#close();
    const body = new Uint8Array(PREFIX_BYTES + message.length + end.length);
    putEnvelopePrefix(body, 0, 0, message.length);
    body.set(message, PREFIX_BYTES);
    body.set(end, PREFIX_BYTES + message.length);
    releaseMessage(message);
    this.#exchange.respond(200, this.#fields(), this.#encoded(body));
  }

  sendStatus(code: Status, message: string, trailers?: Metadata): void {
    if (this.closed) return;
    this.#close();
    const end = this.#encoded(this.#dialect.endEnvelope(code, message, trailers));
    if (!this.#headSent) this.#exchange.respond(200, this.#fields(), end);
    else if (!this.#exchange.write(null, end, true)) {
      this.#exchange.abort("No memory for the trailers");
    }
  }

  #encoded(body: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    return this.#text === null ? body : encodeBase64Text(body);
  }

  #close(): void {
    this.closed = true;
    this.#reader.stop();
  }

  get writable(): boolean {
    return this.#exchange.writable;
  }

  setReadPaused(paused: boolean): void {
    if (!this.closed) this.#exchange.setReadPaused(paused);
  }

  chargeFault(): void {
    this.#exchange.chargeFault();
  }

  handlerDone(): void {
    this.#exchange.handlerDone();
  }
}

// Largest message that is copied into one buffer with prefix and trailers, in bytes.
const MAX_JOINED_BYTES = 16_384;
