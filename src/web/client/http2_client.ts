/**
 * Client's side of Connect and gRPC-Web over one HTTP/2 connection, without I/O.
 *
 * @module
 */

import { FIELD_OVERHEAD_BYTES } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import type {
  CallRequest,
  ClientCall,
  ClientCallSink,
  ClientConnection,
  ClientConnectionSink,
} from "../../call/wire.ts";
import { RpcError } from "../../errors.ts";
import { encodeField } from "../../grpc/fields.ts";
import { Http2Connection, type Http2Handler } from "../../http2/connection.ts";
import { ErrorCode, errorCodeName, TOO_MANY_PINGS } from "../../http2/constants.ts";
import { type Http2Options, http2Options } from "../../http2/options.ts";
import type { Http2Stream } from "../../http2/stream.ts";
import { CLIENT_WINDOW_BYTES, MIN_CLIENT_KEEPALIVE_MS } from "../../limits/connection_limits.ts";
import type { MemoryShare } from "../../limits/memory_pool.ts";
import type { HttpExchange, HttpOpener, HttpRequest, HttpSink } from "./exchange.ts";
import { WebHttp2Stream } from "./http2_stream.ts";
import type { WebClientOptions } from "./options.ts";
import { startWebCall } from "./start_call.ts";

/** Options of a connection. Times in ms, sizes in bytes. */
export interface Http2WebOptions extends WebClientOptions, Partial<Http2Options> {}

// Size of the pseudo-header fields in bytes (RFC 7541 §4.1), without the values of path and authority.
const PSEUDO_FIELDS_BYTES = 180;
// Fields whose values vary from call to call, so that they are not worth an entry in the HPACK table.
const VARYING = new Set(["connect-timeout-ms", "grpc-timeout"]);
const VISIBLE = /^[\x21-\x7e]+$/;

/** Client side of one connection. */
export class Http2WebClient implements ClientConnection, HttpOpener, Http2Handler {
  /** HTTP/2 state machine. */
  readonly http2: Http2Connection;
  tooManyPings = false;
  goaway: string | undefined = undefined;
  readonly #options: Http2WebOptions;
  readonly #sink: ClientConnectionSink;
  /** Calls that have a slot and no stream. */
  readonly #reserved = new Set<HttpSink>();

  /** Starts a connection at `nowMs`, with its preface in `out`. */
  constructor(sink: ClientConnectionSink, options: Http2WebOptions, nowMs: number) {
    this.#sink = sink;
    this.#options = options;
    const keepaliveTimeMs = Math.max(options.keepaliveTimeMs ?? Infinity, MIN_CLIENT_KEEPALIVE_MS);
    const all = http2Options({
      ...options,
      keepaliveTimeMs,
      initialWindowBytes: options.initialWindowBytes ?? CLIENT_WINDOW_BYTES,
    });
    this.http2 = new Http2Connection("client", this, all, nowMs);
  }

  // ---- driver ----------------------------------------------------------------------------------------------

  get out(): Http2Connection["out"] {
    return this.http2.out;
  }
  get onOutput(): () => void {
    return this.http2.onOutput;
  }
  set onOutput(callback: () => void) {
    this.http2.onOutput = callback;
  }
  receive(chunk: Uint8Array, nowMs: number): void {
    this.http2.receive(chunk, nowMs);
  }
  receiveEnd(nowMs: number): void {
    this.http2.receiveEnd(nowMs);
  }
  transportLost(reason: string, nowMs: number): void {
    this.http2.transportLost(reason, nowMs);
  }
  outputDrained(nowMs: number): void {
    this.http2.outputDrained(nowMs);
  }
  nextTimerMs(): number {
    return this.http2.nextTimerMs();
  }
  onTimer(nowMs: number): void {
    this.http2.onTimer(nowMs);
  }
  get wantsRead(): boolean {
    return this.http2.wantsRead;
  }
  get finished(): boolean {
    return this.http2.finished;
  }
  get bufferedBytes(): number {
    return this.http2.bufferedBytes;
  }
  get endReason(): string {
    return this.http2.endReason;
  }
  get memory(): MemoryShare {
    return this.http2.memory;
  }

  // ---- calls -----------------------------------------------------------------------------------------------

  get ready(): boolean {
    return this.http2.settings.received && !this.http2.finished;
  }
  get usable(): boolean {
    return this.ready && !this.http2.closing && this.http2.streams.idsLeft;
  }
  get activeCalls(): number {
    return this.http2.streams.open.size + this.#reserved.size;
  }
  get maxCalls(): number {
    return this.http2.settings.peerMaxStreams;
  }

  startCall(request: CallRequest, sink: ClientCallSink): ClientCall {
    if (!this.usable) throw new RangeError("Cannot start a call: the connection is not usable");
    if (this.activeCalls >= this.maxCalls) {
      throw new RangeError(
        `Cannot start a call: ${this.activeCalls} are open, which is the limit`,
      );
    }
    return startWebCall(this, this.#options, request, sink);
  }

  reserve(call: HttpSink): void {
    this.#reserved.add(call);
  }

  release(call: HttpSink): void {
    if (this.#reserved.delete(call)) this.#sink.onCallEnd();
  }

  open(request: HttpRequest, call: HttpSink): HttpExchange {
    const { http2 } = this;
    const authority = request.authority ?? this.#options.authority;
    this.#check(request, authority);
    const stream = new WebHttp2Stream(http2, call);
    http2.streams.openLocal(stream);
    this.#reserved.delete(call);
    const at = http2.beginHeaders();
    const { encoder, out } = http2;
    const isGet = request.method === "GET";
    encoder.field(out, ":method", request.method);
    encoder.field(out, ":scheme", this.#options.secure ? "https" : "http");
    encoder.field(out, ":path", request.path, isGet ? "literal" : "index");
    encoder.field(out, ":authority", authority);
    const { fields, bodyBytes } = request;
    for (let i = 0; i < fields.length; i += 2) {
      const name = fields[i];
      const value = fields[i + 1];
      if (VARYING.has(name)) encoder.field(out, name, value, "literal");
      else encodeField(encoder, out, name, value);
    }
    if (!isGet && bodyBytes >= 0) {
      encoder.field(out, "content-length", String(bodyBytes), "literal");
    }
    http2.endHeaders(stream, at, false);
    if (!http2.streams.idsLeft) {
      http2.drain(http2.nowMs);
      this.#sink.onStateChange();
    }
    return stream;
  }

  // All checks precede the header block, because encoding a field changes the HPACK table.
  #check({ path, fields }: HttpRequest, authority: string): void {
    for (const [what, text] of [["path", path], ["authority", authority]]) {
      if (VISIBLE.test(text)) continue;
      throw new TypeError(
        `Cannot start a call: the ${what} ${JSON.stringify(text)} must be visible ASCII`,
      );
    }
    let bytes = PSEUDO_FIELDS_BYTES + path.length + authority.length;
    for (let i = 0; i < fields.length; i += 2) {
      bytes += fields[i].length + fields[i + 1].length + FIELD_OVERHEAD_BYTES;
    }
    const limit = this.http2.peerMaxHeaderListBytes;
    if (bytes <= limit) return;
    throw new RpcError(
      Status.RESOURCE_EXHAUSTED,
      `Cannot send a header list of ${bytes} bytes: the server accepts ${limit}`,
    );
  }

  ping(nowMs: number, onPong: (nowMs: number) => void): void {
    this.http2.ping(nowMs, onPong);
  }
  drain(nowMs: number): void {
    this.http2.drain(nowMs);
  }
  abort(_code: Status, reason: string, nowMs: number): void {
    this.http2.abort(ErrorCode.NO_ERROR, reason, nowMs);
  }

  // ---- HTTP/2 events ---------------------------------------------------------------------------------------

  createStream(): Http2Stream {
    throw new Error("A server cannot open streams: push is disabled");
  }
  onSettings(): void {
    this.#sink.onStateChange();
  }
  onGoaway(errorCode: number, debug: string): void {
    if (errorCode === ErrorCode.ENHANCE_YOUR_CALM && debug === TOO_MANY_PINGS) {
      this.tooManyPings = true;
    }
    if (!this.http2.finished) this.goaway ??= errorCodeName(errorCode);
    // Reports only GOAWAY from the server: errors that this side detected were already reported.
    if (errorCode !== ErrorCode.NO_ERROR && !this.http2.finished) {
      this.#sink.onNote?.(
        "warn",
        `The server sent GOAWAY with ${errorCodeName(errorCode)}: ${JSON.stringify(debug)}`,
      );
    }
    this.#failReserved();
    this.#sink.onStateChange();
  }
  onStreamClosed(_stream: Http2Stream): void {
    this.#sink.onCallEnd();
  }
  onNote(level: "debug" | "warn", message: string): void {
    this.#sink.onNote?.(level, message);
  }

  // A connection that drains opens no more streams.
  #failReserved(): void {
    for (const call of [...this.#reserved]) {
      this.#reserved.delete(call);
      const reason = this.http2.endReason || "The server is going away";
      call.onFailure(Status.UNAVAILABLE, `Connection lost: ${reason}`, "unprocessed");
    }
  }
}
