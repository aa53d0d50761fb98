/**
 * Server's side of gRPC over one HTTP/2 connection, without I/O.
 *
 * @module
 */

import { type Encoding, ENCODINGS } from "../call/encodings.ts";
import { forEachItem } from "../call/each.ts";
import { Status } from "../call/status.ts";
import type { CancelStatus, ServerConnection, ServerConnectionSink } from "../call/wire.ts";
import { Http2Connection, type Http2Handler } from "../http2/connection.ts";
import { ErrorCode } from "../http2/constants.ts";
import { type Http2Options, http2Options } from "../http2/options.ts";
import {
  MAX_RECEIVE_MESSAGE_BYTES,
  SERVER_KEEPALIVE_TIME_MS,
} from "../limits/connection_limits.ts";
import type { FieldSummary } from "../http2/field_check.ts";
import type { Http2Stream } from "../http2/stream.ts";
import type { HeaderList } from "../hpack/header_list.ts";
import { GrpcServerStream, type HttpStreamSink, type ServerStreamOwner } from "./server_stream.ts";

/** Options of a server's connection. Times are ms, sizes are bytes. */
export interface GrpcServerOptions extends Partial<Http2Options> {
  /** Largest message accepted from a client, before decompression. Default 4 MiB (gRPC's). */
  maxReceiveMessageBytes?: number;
  /** Compressions accepted. Default {@link ENCODINGS}. */
  encodings?: readonly Encoding[];
  /** Plain-text response to `GET /`, for browsers and curl. */
  infoText?: string;
  /** Serves requests that are not gRPC calls. Default: with `infoText` or an HTTP status. */
  openHttp?: ServerStreamOwner["openHttp"];
}

const ABOUT =
  "This is a vrpc server. It speaks gRPC over HTTP/2 (POST, content-type application/grpc).\n";

/** Server side of one gRPC connection. */
export class GrpcServerConnection implements ServerConnection, Http2Handler, ServerStreamOwner {
  /** HTTP/2 state machine. */
  readonly http2: Http2Connection;
  /** Largest message accepted from a client, in bytes. */
  readonly maxReceiveMessageBytes: number;
  /** Compressions accepted. */
  readonly encodings: readonly Encoding[];
  readonly #infoText: string;
  readonly #openHttp: ServerStreamOwner["openHttp"] | undefined;

  /** Starts a connection at `nowMs`, with its preface in `out`. */
  constructor(readonly sink: ServerConnectionSink, options: GrpcServerOptions, nowMs: number) {
    this.maxReceiveMessageBytes = options.maxReceiveMessageBytes ?? MAX_RECEIVE_MESSAGE_BYTES;
    this.encodings = options.encodings ?? ENCODINGS;
    this.#infoText = options.infoText ?? ABOUT;
    this.#openHttp = options.openHttp;
    this.http2 = new Http2Connection(
      "server",
      this,
      http2Options({
        ...options,
        keepaliveTimeMs: options.keepaliveTimeMs ?? SERVER_KEEPALIVE_TIME_MS,
      }),
      nowMs,
    );
  }

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
  get readThrottledUntilMs(): number {
    return this.http2.readThrottledUntilMs;
  }
  get finished(): boolean {
    return this.http2.finished;
  }
  get closedGracefully(): boolean {
    return this.http2.closedGracefully;
  }
  get bufferedBytes(): number {
    return this.http2.bufferedBytes;
  }
  get activeCalls(): number {
    return this.http2.streams.slots;
  }
  drain(nowMs: number): void {
    this.http2.drain(nowMs);
  }
  abort(reason: string, nowMs: number, status?: CancelStatus): void {
    if (status === Status.CANCELLED) this.#cancelAll(reason);
    this.http2.abort(ErrorCode.NO_ERROR, reason, nowMs);
  }

  /** Cancels the calls and resets their streams, so that clients see CANCELLED. */
  #cancelAll(reason: string): void {
    forEachItem(this.http2.streams.open.values(), (stream) => {
      stream.onReset(ErrorCode.CANCEL, false, reason);
      this.http2.reset(stream, ErrorCode.CANCEL);
    });
  }

  // ---- HTTP/2 events ---------------------------------------------------------------------------------------

  createStream(): Http2Stream {
    return new GrpcServerStream(this);
  }
  onSettings(): void {}
  onGoaway(_errorCode: number, _debug: string): void {}
  onStreamClosed(stream: Http2Stream): void {
    (stream as GrpcServerStream).freeSlot();
  }
  onNote(level: "debug" | "warn", message: string): void {
    this.sink.onNote?.(level, message);
  }

  openHttp(
    stream: GrpcServerStream,
    list: HeaderList,
    summary: FieldSummary,
    endStream: boolean,
  ): HttpStreamSink {
    if (this.#openHttp !== undefined) return this.#openHttp(stream, list, summary, endStream);
    stream.handlerDone();
    return new PlainAnswer(stream, summary.method, summary.path, this.#infoText);
  }
}

/** Answer to a request that is not a gRPC call: the server's description at `/`, else an HTTP status. */
class PlainAnswer implements HttpStreamSink {
  readonly #stream: GrpcServerStream;
  readonly #method: string;
  readonly #path: string;
  readonly #infoText: string;
  #done = false;

  /** Answers once the request is complete. */
  constructor(stream: GrpcServerStream, method: string, path: string, infoText: string) {
    this.#stream = stream;
    this.#method = method;
    this.#path = path;
    this.#infoText = infoText;
  }

  onBody(): void {}
  onWritable(): void {}

  onAbort(): void {
    this.#done = true;
  }

  onBodyEnd(): void {
    if (this.#done) return;
    this.#done = true;
    const method = this.#method;
    const { connection } = this.#stream;
    const about = this.#path === "/" && ["GET", "POST", "HEAD"].includes(method);
    const status = about ? "200" : method === "POST" ? "415" : "405";
    const text = about ? this.#infoText : `HTTP ${status}: this server speaks gRPC\n`;
    const at = connection.beginHeaders();
    const { encoder, out } = connection;
    encoder.field(out, ":status", status, "index");
    encoder.field(out, "content-type", "text/plain; charset=utf-8", "index");
    if (status === "405") encoder.field(out, "allow", "POST", "index");
    if (method === "HEAD") return connection.endHeaders(this.#stream, at, true);
    connection.endHeaders(this.#stream, at, false);
    connection.sendData(this.#stream, null, new TextEncoder().encode(text), true);
  }
}
