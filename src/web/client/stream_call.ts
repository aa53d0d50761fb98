/**
 * A call whose messages are in envelopes: all of gRPC-Web, and Connect's streams.
 *
 * @module
 */

import { EMPTY_BYTES } from "../../bytes/empty.ts";
import { ENCODINGS, notOffered, offers } from "../../call/encodings.ts";
import { Metadata } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import type { CallProgress, CallRequest, ClientCall, ClientCallSink } from "../../call/wire.ts";
import { decompress } from "../../codec/compression.ts";
import {
  COMPRESSED_FLAG,
  EnvelopeReader,
  type EnvelopeSink,
  PREFIX_BYTES,
  putEnvelopePrefix,
} from "../envelope.ts";
import { type CallEnd, endOfException, fieldOf, ForeignResponse } from "./call_end.ts";
import { type HttpExchange, type HttpOpener, type HttpSink, UNKNOWN_LENGTH } from "./exchange.ts";
import type { WebClientOptions } from "./options.ts";
import { RequestOpener } from "./request_opener.ts";
import { metadataFrom, type StreamFormat } from "./stream_format.ts";

// Prefix buffer shared by all calls, because an exchange copies it before `send` returns.
const prefix = new Uint8Array(PREFIX_BYTES);

/** Call on a client. */
export class StreamCall implements ClientCall, HttpSink, EnvelopeSink {
  encoding = "identity";
  readonly #format: StreamFormat;
  readonly #options: WebClientOptions;
  readonly #request: CallRequest;
  readonly #sink: ClientCallSink;
  readonly #opener: RequestOpener;
  readonly #reader: EnvelopeReader;
  // Whether the sink has received the status, or the call was cancelled.
  #ended = false;
  #foreign: ForeignResponse | null = null;
  #end: CallEnd | null = null;
  /** Status in the head, which counts unless a body follows. */
  #headEnd: CallEnd | null = null;
  #headers: Metadata | null = null;
  #endsInBody = false;

  /** Takes a slot, and sends the head of the request unless that waits for the only message. */
  constructor(
    opener: HttpOpener,
    format: StreamFormat,
    options: WebClientOptions,
    request: CallRequest,
    sink: ClientCallSink,
  ) {
    this.#format = format;
    this.#options = options;
    this.#request = request;
    this.#sink = sink;
    this.#reader = new EnvelopeReader(this, request.maxReceiveMessageBytes, opener.memory);
    this.#opener = new RequestOpener(opener, this);
    if (request.requestStreams) this.#open(UNKNOWN_LENGTH);
  }

  // ---- sending ---------------------------------------------------------------------------------------------

  sendMessage(message: Uint8Array, compressed: boolean): void {
    this.#send(message, compressed, false);
  }

  sendLastMessage(message: Uint8Array, compressed: boolean): void {
    this.#send(message, compressed, true);
  }

  halfClose(): void {
    if (this.#ended) return;
    this.#sendPart(0, null, EMPTY_BYTES, true);
  }

  cancel(): void {
    if (this.#ended) return;
    this.#close();
    this.#opener.close();
  }

  get writable(): boolean {
    return this.#opener.exchange?.writable ?? true;
  }

  setReadPaused(paused: boolean): void {
    if (!this.#ended) this.#opener.exchange?.setReadPaused(paused);
  }

  #send(message: Uint8Array, compressed: boolean, last: boolean): void {
    if (this.#ended) return;
    putEnvelopePrefix(prefix, 0, compressed ? COMPRESSED_FLAG : 0, message.length);
    const bodyBytes = last ? PREFIX_BYTES + message.length : UNKNOWN_LENGTH;
    this.#sendPart(bodyBytes, prefix, message, last);
  }

  #sendPart(
    bodyBytes: number,
    head: Uint8Array | null,
    bytes: Uint8Array,
    last: boolean,
  ): void {
    try {
      (this.#opener.exchange ?? this.#open(bodyBytes)).send(head, bytes, last);
    } catch (error) {
      this.#conclude(endOfException(error), "processed");
    }
  }

  #open(bodyBytes: number): HttpExchange {
    const request = this.#request;
    return this.#opener.open({
      method: "POST",
      path: this.#options.pathPrefix + request.path,
      authority: request.authority,
      fields: this.#format.requestFields(request, this.#options),
      bodyBytes,
      idempotent: request.method?.idempotent ?? false,
    });
  }

  // ---- receiving -------------------------------------------------------------------------------------------

  onResponse(status: number, fields: readonly string[]): void {
    const format = this.#format;
    const contentType = fieldOf(fields, "content-type") ?? "";
    this.#headEnd = format.readHead(fields) ?? null;
    if (status !== 200 || !format.accepts(contentType, this.#options)) {
      const expected = format.contentType(this.#options);
      this.#foreign = new ForeignResponse(status, contentType, expected);
      return;
    }
    this.encoding = fieldOf(fields, format.encodingField) ?? "identity";
    const metadata = metadataFrom(fields, format.isReserved);
    if (this.#headEnd === null) this.#sink.onHeaders(() => metadata);
    else this.#headers = metadata;
  }

  onBody(buffer: Uint8Array, start: number, end: number): void {
    if (this.#ended || start === end) return;
    if (this.#foreign !== null) {
      if (!this.#foreign.receive(buffer, start, end)) this.#fail(this.#foreignEnd);
      return;
    }
    if (this.#headEnd !== null) this.#ignoreHeadEnd();
    this.#reader.receive(buffer, start, end);
  }

  /** The head has a status all the same: it is one of trailers only if there is no body. */
  #ignoreHeadEnd(): void {
    const headers = this.#headers!;
    this.#headEnd = null;
    this.#headers = null;
    this.#sink.onHeaders(() => headers);
  }

  onEnvelope(message: Uint8Array, flags: number): void {
    if (this.#ended) return;
    const { endFlag } = this.#format;
    if (this.#end !== null) {
      return this.#violation("The response has a message after its end");
    }
    if ((flags & ~(COMPRESSED_FLAG | endFlag)) !== 0) {
      return this.#violation(`A message has the flags ${flags}`);
    }
    const compressed = (flags & COMPRESSED_FLAG) !== 0;
    const offered = this.#options.encodings ?? ENCODINGS;
    if (compressed && !offers(offered, this.encoding)) {
      const why = this.encoding === "identity"
        ? "A message is compressed, but the response names no compression"
        : notOffered(this.encoding, offered);
      return this.#violation(why);
    }
    if ((flags & endFlag) === 0) return this.#sink.onMessage(message, compressed);
    this.#receiveEnd(message, compressed);
  }

  #receiveEnd(message: Uint8Array, compressed: boolean): void {
    try {
      const plain = compressed
        ? decompress(message, this.encoding, this.#request.maxReceiveMessageBytes)
        : message;
      this.#end = this.#format.readEnd(plain);
      this.#endsInBody = true;
    } catch (error) {
      this.#fail(endOfException(error));
    }
  }

  onTooLarge(bytes: number): void {
    const limit = this.#request.maxReceiveMessageBytes;
    this.#exhausted(`Cannot accept a message of ${bytes} bytes: the limit is ${limit}`);
  }

  onNoMemory(bytes: number): void {
    this.#exhausted(
      `Cannot accept a message of ${bytes} bytes: the memory for messages is used up`,
    );
  }

  onEnd(): void {
    if (this.#ended) return;
    if (this.#foreign !== null) return this.#conclude(this.#foreignEnd, "processed");
    if (this.#reader.inEnvelope) {
      return this.#conclude(internal("The response ends inside a message"), "processed");
    }
    const end = this.#end ?? this.#headEnd ?? internal("The response ended without a status");
    this.#conclude(end, "processed");
  }

  onFailure(code: Status, reason: string, progress: CallProgress): void {
    if (this.#ended) return;
    // The last envelope of a response says how the call ended; what follows it has no meaning.
    const end = this.#endsInBody && this.#end !== null
      ? this.#end
      : this.#foreign !== null
      ? this.#foreignEnd
      : { code, message: reason, trailers: new Metadata() };
    this.#conclude(end, progress);
  }

  /** How a foreign response ends the call: by a status in its head, if it has one. */
  get #foreignEnd(): CallEnd {
    return this.#headEnd ?? this.#foreign!.end;
  }

  onWritable(): void {
    if (!this.#ended) this.#sink.onWritable();
  }

  // ---- end -------------------------------------------------------------------------------------------------

  #violation(message: string): void {
    this.#fail(internal(message));
  }

  #exhausted(message: string): void {
    this.#fail({ code: Status.RESOURCE_EXHAUSTED, message, trailers: new Metadata() });
  }

  /** Ends the call and gives up the rest of the response. */
  #fail(end: CallEnd): void {
    this.#conclude(end, "processed");
    this.#opener.close();
  }

  #conclude({ code, message, trailers }: CallEnd, progress: CallProgress): void {
    if (this.#ended) return;
    this.#close();
    this.#sink.onStatus(code, message, () => trailers, progress);
  }

  #close(): void {
    this.#ended = true;
    this.#reader.stop();
  }
}

function internal(message: string): CallEnd {
  return { code: Status.INTERNAL, message, trailers: new Metadata() };
}
