/**
 * Client's side of Connect and gRPC-Web over one HTTP/1.1 connection, without I/O: one call at a time.
 *
 * @module
 */

import { Status } from "../../call/status.ts";
import type {
  CallProgress,
  CallRequest,
  ClientCall,
  ClientCallSink,
  ClientConnection,
  ClientConnectionSink,
} from "../../call/wire.ts";
import { Http1ClientConnection, type Http1ClientLimits } from "../../http1/client_connection.ts";
import type { ClientExchange, RequestProgress, ResponseSink } from "../../http1/client_exchange.ts";
import type { ResponseHead } from "../../http1/response_head.ts";
import { MemoryPool, MemoryShare } from "../../limits/memory_pool.ts";
import type { HttpExchange, HttpOpener, HttpRequest, HttpSink } from "./exchange.ts";
import type { WebClientOptions } from "./options.ts";
import { startWebCall } from "./start_call.ts";

/** Options of a connection. */
export interface Http1WebOptions extends WebClientOptions, Http1ClientLimits {}

/** Client side of one connection. */
export class Http1WebClient implements ClientConnection, HttpOpener {
  readonly tooManyPings = false;
  readonly maxCalls = 1;
  readonly memory = new MemoryShare(new MemoryPool(Infinity));
  readonly #engine: Http1ClientConnection;
  readonly #options: Http1WebOptions;
  readonly #sink: ClientConnectionSink;
  /** The call that has a slot and no exchange. */
  #reserved: HttpSink | null = null;
  /** Responses that have begun on this connection. */
  #responses = 0;
  #endedByCall = false;

  /** Starts a connection at `nowMs`. */
  constructor(sink: ClientConnectionSink, options: Http1WebOptions, nowMs: number) {
    this.#sink = sink;
    this.#options = options;
    const engineSink = {
      onUnusable: () => this.#onUnusable(),
      onNote: (level: "debug" | "warn", message: string) => sink.onNote?.(level, message),
    };
    this.#engine = new Http1ClientConnection(engineSink, options, nowMs);
  }

  // ---- driver ----------------------------------------------------------------------------------------------

  get out(): Http1ClientConnection["out"] {
    return this.#engine.out;
  }
  get onOutput(): () => void {
    return this.#engine.onOutput;
  }
  set onOutput(callback: () => void) {
    this.#engine.onOutput = callback;
  }
  receive(chunk: Uint8Array, nowMs: number): void {
    this.#engine.receive(chunk, nowMs);
  }
  receiveEnd(nowMs: number): void {
    this.#engine.receiveEnd(nowMs);
  }
  transportLost(reason: string, nowMs: number): void {
    this.#engine.transportLost(reason, nowMs);
  }
  outputDrained(nowMs: number): void {
    this.#engine.outputDrained(nowMs);
  }
  nextTimerMs(): number {
    return this.#engine.nextTimerMs();
  }
  onTimer(nowMs: number): void {
    this.#engine.onTimer(nowMs);
  }
  get wantsRead(): boolean {
    return this.#engine.wantsRead;
  }
  get finished(): boolean {
    return this.#engine.finished;
  }
  get closesAtOnce(): boolean {
    return this.#engine.closesAtOnce;
  }
  get bufferedBytes(): number {
    return this.#engine.bufferedBytes + this.memory.used;
  }

  // ---- calls -----------------------------------------------------------------------------------------------

  /** True from the start: the server sends nothing before a request. */
  get ready(): boolean {
    return !this.#engine.finished;
  }
  get usable(): boolean {
    return this.#engine.usable;
  }
  get activeCalls(): number {
    return this.#engine.busy || this.#reserved !== null ? 1 : 0;
  }
  get endReason(): string {
    return this.#engine.endReason;
  }
  /** Whether the connection ended after a response, or because a call was given up. */
  get endedByCall(): boolean {
    return this.#endedByCall;
  }

  startCall(request: CallRequest, sink: ClientCallSink): ClientCall {
    if (!this.usable) throw new RangeError("Cannot start a call: the connection is not usable");
    if (this.activeCalls > 0) {
      throw new RangeError("Cannot start a call: HTTP/1.1 carries one at a time");
    }
    return startWebCall(this, this.#options, request, sink);
  }

  reserve(call: HttpSink): void {
    this.#reserved = call;
  }

  release(call: HttpSink): void {
    if (this.#reserved !== call) return;
    this.#reserved = null;
    this.#sink.onCallEnd();
  }

  open(request: HttpRequest, call: HttpSink): HttpExchange {
    const exchange = new Http1WebExchange(this, call, request.idempotent && this.#responses > 0);
    exchange.begin(this.#engine, {
      method: request.method,
      target: request.path,
      host: request.authority ?? this.#options.authority,
      fields: request.fields,
      bodyBytes: request.bodyBytes,
    });
    this.#reserved = null;
    return exchange;
  }

  /** Called when a response has begun. */
  onAnswered(): void {
    this.#responses++;
    this.#endedByCall = true;
  }

  /** Called before an exchange is given up, which may end the connection. */
  onCancel(): void {
    this.#endedByCall = true;
  }

  /** Called when an exchange is over. */
  onExchangeEnd(): void {
    this.#sink.onCallEnd();
  }

  /** Calls `onPong` at once: HTTP/1.1 has no pings. */
  ping(nowMs: number, onPong: (nowMs: number) => void): void {
    onPong(nowMs);
  }

  drain(nowMs: number): void {
    this.#engine.drain(nowMs);
  }

  abort(_code: Status, reason: string, nowMs: number): void {
    this.#engine.abort(reason, nowMs);
  }

  #onUnusable(): void {
    const call = this.#engine.finished ? this.#reserved : null;
    if (call !== null) {
      this.#reserved = null;
      call.onFailure(
        Status.UNAVAILABLE,
        `Connection lost: ${this.#engine.endReason}`,
        "unprocessed",
      );
    }
    this.#sink.onStateChange();
  }
}

/** One request and its response. */
class Http1WebExchange implements HttpExchange, ResponseSink {
  readonly #client: Http1WebClient;
  readonly #call: HttpSink;
  readonly #repeatable: boolean;
  #exchange!: ClientExchange;

  /** `repeatable`: whether the request may be sent again if the connection ends without an answer. */
  constructor(client: Http1WebClient, call: HttpSink, repeatable: boolean) {
    this.#client = client;
    this.#call = call;
    this.#repeatable = repeatable;
  }

  /** Sends the head of the request. */
  begin(engine: Http1ClientConnection, head: ClientExchange["head"]): void {
    this.#exchange = engine.request(head, this);
  }

  send(prefix: Uint8Array | null, bytes: Uint8Array, end: boolean): void {
    if (prefix !== null || bytes.length > 0) this.#exchange.send(prefix, bytes);
    if (end) this.#exchange.end();
  }

  cancel(): void {
    if (this.#exchange.over) return;
    this.#client.onCancel();
    this.#exchange.cancel();
    this.#client.onExchangeEnd();
  }

  get writable(): boolean {
    return this.#exchange.writable;
  }

  setReadPaused(paused: boolean): void {
    this.#exchange.setPaused(paused);
  }

  onHead({ status, fields }: ResponseHead): void {
    this.#client.onAnswered();
    this.#call.onResponse(status, fields);
  }

  onBody(bytes: Uint8Array): void {
    this.#call.onBody(bytes, 0, bytes.length);
  }

  onEnd(trailers: readonly string[]): void {
    this.#call.onEnd(trailers);
    this.#client.onExchangeEnd();
  }

  onAbort(reason: string, progress: RequestProgress): void {
    this.#call.onFailure(
      Status.UNAVAILABLE,
      `Connection lost: ${reason}`,
      this.#progress(progress),
    );
    this.#client.onExchangeEnd();
  }

  // RFC 9110 §9.2.2: an idempotent request may be repeated when a connection that was used before closes.
  #progress(progress: RequestProgress): CallProgress {
    if (progress === "unwritten") return "unprocessed";
    return progress === "unanswered" && this.#repeatable ? "refused" : "processed";
  }

  onWritable(): void {
    this.#call.onWritable();
  }
}
