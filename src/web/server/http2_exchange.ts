/**
 * Streams of HTTP/2 that are not gRPC calls, as the calls of the other protocols use them.
 *
 * @module
 */

import { FIELD_OVERHEAD_BYTES } from "../../call/metadata.ts";
import { encodeField } from "../../grpc/fields.ts";
import type { GrpcServerStream, HttpStreamSink } from "../../grpc/server_stream.ts";
import type { HeaderList } from "../../hpack/header_list.ts";
import { ErrorCode } from "../../http2/constants.ts";
import type { FieldSummary } from "../../http2/field_check.ts";
import { StreamState } from "../../http2/stream_state.ts";
import type { MemoryShare } from "../../limits/memory_pool.ts";
import type { HttpExchange, HttpExchangeSink } from "./exchange.ts";

// Bodies up to this size are queued without asking for memory: the number of streams bounds them.
const SMALL_BODY_BYTES = 16_384;

/** One request over HTTP/2. */
export class Http2Exchange implements HttpExchange, HttpStreamSink {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly authority: string;
  readonly fields: readonly string[];
  readonly bodyBytes: number;
  readonly http1 = false;
  readonly #stream: GrpcServerStream;
  #sink: HttpExchangeSink | null = null;
  #ended = false;

  /** Takes over a stream whose header section has arrived. `list` and `summary` are only read here. */
  constructor(
    stream: GrpcServerStream,
    list: HeaderList,
    summary: FieldSummary,
    endStream: boolean,
  ) {
    const { path } = summary;
    const mark = path.indexOf("?");
    this.method = summary.method;
    this.path = mark < 0 ? path : path.slice(0, mark);
    this.query = mark < 0 ? "" : path.slice(mark + 1);
    this.authority = summary.authority;
    const fields: string[] = [];
    for (let i = summary.firstRegular; i < list.count; i++) {
      fields.push(list.names[i], list.values[i]);
    }
    this.fields = fields;
    this.bodyBytes = endStream ? 0 : summary.contentLength;
    this.#stream = stream;
  }

  get memory(): MemoryShare {
    return this.#stream.connection.memory;
  }

  // ---- request -------------------------------------------------------------------------------------------

  readBody(sink: HttpExchangeSink): void {
    this.#sink = sink;
  }

  setReadPaused(paused: boolean): void {
    const { connection, state } = this.#stream;
    if (state !== StreamState.CLOSED) connection.setReadPaused(this.#stream, paused);
  }

  onBody(buffer: Uint8Array, start: number, end: number): void {
    this.#sink?.onBody(buffer, start, end);
  }

  onBodyEnd(): void {
    this.#sink?.onBodyEnd();
  }

  onAbort(reason: string): void {
    this.#ended = true;
    this.#sink?.onAbort(reason);
  }

  onWritable(): void {
    if (!this.#ended) this.#sink?.onWritable();
  }

  // ---- response ------------------------------------------------------------------------------------------

  respond(status: number, fields: readonly string[], body: Uint8Array): boolean {
    if (!this.#allows(body)) return false;
    const headOnly = this.method === "HEAD" || body.length === 0;
    if (!this.#sendHead(status, fields, body.length, headOnly) || headOnly) return true;
    this.#ended = true;
    this.#stream.connection.sendData(this.#stream, null, body, true);
    return true;
  }

  sendHead(status: number, fields: readonly string[]): void {
    this.#sendHead(status, fields, -1, false);
  }

  /** Sends the header section; returns false if the stream has ended, or ends because the peer cannot take it. */
  #sendHead(
    status: number,
    fields: readonly string[],
    bodyBytes: number,
    last: boolean,
  ): boolean {
    const stream = this.#stream;
    if (!stream.canSend) return false;
    const { connection } = stream;
    const { encoder, out } = connection;
    if (listBytes(fields) > connection.peerMaxHeaderListBytes) {
      this.abort("The response's header section is larger than the client accepts");
      return false;
    }
    stream.answered = true;
    const at = connection.beginHeaders();
    encoder.field(out, ":status", String(status), "index");
    for (let i = 0; i < fields.length; i += 2) encodeField(encoder, out, fields[i], fields[i + 1]);
    if (bodyBytes >= 0 && status !== 204) {
      encoder.field(out, "content-length", String(bodyBytes), "literal");
    }
    if (last) this.#ended = true;
    connection.endHeaders(stream, at, last);
    return true;
  }

  write(prefix: Uint8Array | null, bytes: Uint8Array, last: boolean): boolean {
    const stream = this.#stream;
    if (!stream.canSend) return true;
    if (!this.#allows(bytes)) return false;
    if (last) this.#ended = true;
    stream.connection.sendData(stream, prefix, bytes, last);
    return true;
  }

  /** Whether a body may be queued: it fits the windows, is small, or the memory pool has room. */
  #allows(body: Uint8Array): boolean {
    const { connection, sendWindow } = this.#stream;
    return body.length <= SMALL_BODY_BYTES ||
      body.length <= Math.min(sendWindow, connection.sendWindow) ||
      connection.memory.allows(body.length);
  }

  get writable(): boolean {
    return this.#stream.connection.writable(this.#stream);
  }

  abort(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stream.connection.reset(this.#stream, ErrorCode.INTERNAL_ERROR);
    this.#sink?.onAbort(reason);
  }

  chargeFault(): void {
    this.#stream.connection.chargeFault();
  }

  handlerDone(): void {
    this.#stream.handlerDone();
  }
}

function listBytes(fields: readonly string[]): number {
  // Status and length of the body.
  let bytes = 100;
  for (let i = 0; i < fields.length; i += 2) {
    bytes += fields[i].length + fields[i + 1].length + FIELD_OVERHEAD_BYTES;
  }
  return bytes;
}
