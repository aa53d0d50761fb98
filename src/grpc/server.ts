/**
 * Server's side of gRPC over one HTTP/2 connection, without I/O.
 *
 * @module
 */

import type { ServerConnection, ServerConnectionSink } from "../call/wire.ts";
import { Http2Connection, type Http2Handler } from "../http2/connection.ts";
import { ErrorCode } from "../http2/constants.ts";
import { type Http2Options, http2Options } from "../http2/options.ts";
import {
  MAX_RECEIVE_MESSAGE_BYTES,
  SERVER_KEEPALIVE_TIME_MS,
} from "../limits/connection_limits.ts";
import type { Http2Stream } from "../http2/stream.ts";
import { GrpcServerStream, type HttpRequest, type ServerStreamOwner } from "./server_stream.ts";

/** Options of a server's connection. Times are ms, sizes are bytes. */
export interface GrpcServerOptions extends Partial<Http2Options> {
  /** Largest message accepted from a client, before decompression. Default 4 MiB (gRPC's). */
  maxReceiveMessageBytes?: number;
  /** Plain-text response to `GET /`, for browsers and curl. */
  infoText?: string;
}

const ABOUT =
  "This is a vrpc server. It speaks gRPC over HTTP/2 (POST, content-type application/grpc).\n";

/** Server side of one gRPC connection. */
export class GrpcServerConnection implements ServerConnection, Http2Handler, ServerStreamOwner {
  /** HTTP/2 state machine. */
  readonly http2: Http2Connection;
  /** Largest message accepted from a client, in bytes. */
  readonly maxReceiveMessageBytes: number;
  readonly #infoText: string;

  /** Starts a connection at `nowMs`, with its preface in `out`. */
  constructor(readonly sink: ServerConnectionSink, options: GrpcServerOptions, nowMs: number) {
    this.maxReceiveMessageBytes = options.maxReceiveMessageBytes ?? MAX_RECEIVE_MESSAGE_BYTES;
    this.#infoText = options.infoText ?? ABOUT;
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
  abort(reason: string, nowMs: number): void {
    this.http2.abort(ErrorCode.NO_ERROR, reason, nowMs);
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

  // ---- plain HTTP --------------------------------------------------------------------------------------

  /** Answers a request that is not a gRPC call: with the server's description at `/`, else with an HTTP status. */
  answerHttp(stream: GrpcServerStream, request: HttpRequest): void {
    const { http2 } = this;
    const about = request.path === "/" && ["GET", "POST", "HEAD"].includes(request.method);
    const status = about ? "200" : request.method === "POST" ? "415" : "405";
    const text = about ? this.#infoText : `HTTP ${status}: this server speaks gRPC\n`;
    const at = http2.beginHeaders();
    http2.encoder.field(http2.out, ":status", status, "index");
    http2.encoder.field(http2.out, "content-type", "text/plain; charset=utf-8", "index");
    if (status === "405") http2.encoder.field(http2.out, "allow", "POST", "index");
    stream.closed = true;
    if (request.method === "HEAD") return http2.endHeaders(stream, at, true);
    http2.endHeaders(stream, at, false);
    http2.sendData(stream, null, new TextEncoder().encode(text), true);
  }
}
