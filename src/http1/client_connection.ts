/**
 * HTTP/1.1 connection of a client (RFC 9112) as a state machine: received bytes and the time are arguments of its
 * methods, bytes to send are appended to `out`, and the parts of responses are events on the sink of their request.
 *
 * One request at a time: no request is sent before the response to the one before it is complete (no pipelining).
 *
 * @module
 */

import { ByteWriter } from "../bytes/writer.ts";
import type { ConnectionEngine } from "../call/wire.ts";
import { BodyReceiver } from "./body_receiver.ts";
import {
  ClientExchange,
  type ClientExchangeOwner,
  type RequestProgress,
  type ResponseSink,
} from "./client_exchange.ts";
import { GatheredBytes } from "./gathered_bytes.ts";
import { HeadScanner, STATUS_START } from "./head_scanner.ts";
import { HTTP1_DEFAULTS, type Http1Limits } from "./options.ts";
import type { Refusal } from "./refusals.ts";
import type { OutgoingHead } from "./request_writer.ts";
import { parseResponseHead } from "./response_head.ts";

/** Receives the events of an {@link Http1ClientConnection}. */
export interface Http1ClientSink {
  /** Called when `usable` has become false. */
  onUnusable(): void;
  /** Logs one line. */
  onNote?(level: "debug" | "warn", message: string): void;
}

/** Limits of responses; sizes are in bytes. `maxRequestLineBytes` bounds the status line. */
export type Http1ClientLimits = Pick<
  Http1Limits,
  "maxRequestLineBytes" | "maxHeaderBytes" | "maxHeaderFields"
>;

// Unsent output, in bytes, from which senders must wait.
const HIGH_WATER_BYTES = 65_536;
// Largest number of interim responses to one request: a server that sends more keeps the client busy without answering.
const MAX_INTERIM_RESPONSES = 100;
// Time before the end of the server's keep-alive timeout at which an idle connection is closed, in ms, so that no request
// is sent on a connection that the server closes. Half of the timeout, if that is less.
const KEEP_ALIVE_MARGIN_MS = 1_000;

/** One connection of a client. */
export class Http1ClientConnection implements ConnectionEngine, ClientExchangeOwner {
  readonly out = new ByteWriter();
  onOutput: () => void = () => {};
  /** Whether the byte stream is closed without waiting for the server to close it: further bytes are of no use. */
  closesAtOnce = false;
  /** Reason why the connection ended; empty until `finished`. */
  endReason = "";
  readonly #sink: Http1ClientSink;
  readonly #scanner: HeadScanner;
  readonly #head = new GatheredBytes();
  readonly #body: BodyReceiver;
  #exchange: ClientExchange | null = null;
  /** Value of `out.taken` when the current request was appended. */
  #takenBefore = 0;
  /** Whether an octet of the response to the current request has arrived. */
  #answered = false;
  #interimResponses = 0;
  #idleEndMs = Infinity;
  #receiving = false;
  #draining = false;
  #finished = false;
  #nowMs: number;

  /** Creates a connection opened at `nowMs`. `limits` must be valid; missing ones have the defaults of a server. */
  constructor(sink: Http1ClientSink, limits: Http1ClientLimits, nowMs: number) {
    const all = { ...HTTP1_DEFAULTS, ...limits, maxBodyBytes: Infinity };
    this.#sink = sink;
    this.#scanner = new HeadScanner(all, STATUS_START);
    this.#body = new BodyReceiver(all);
    this.#nowMs = nowMs;
  }

  // ---- requests --------------------------------------------------------------------------------------------

  /** Whether a request can be sent now or after the one in progress. */
  get usable(): boolean {
    if (this.#finished || this.#draining) return false;
    const response = this.#exchange?.response;
    return response === undefined || response === null || response.keepsAlive;
  }

  /** Whether a request is in progress. */
  get busy(): boolean {
    return this.#exchange !== null;
  }

  /**
   * Sends the head of a request. Throws RangeError unless the connection is `usable` and not `busy`, and TypeError for a
   * head that is not valid; nothing is sent then.
   */
  request(head: OutgoingHead, sink: ResponseSink): ClientExchange {
    if (!this.usable || this.busy) {
      throw new RangeError("Cannot send a request: the connection is not free");
    }
    const exchange = new ClientExchange(this, head, sink);
    this.#exchange = exchange;
    this.#takenBefore = this.out.taken;
    this.#answered = false;
    this.#interimResponses = 0;
    this.#idleEndMs = Infinity;
    this.#notify();
    return exchange;
  }

  /** Accepts no further request; the one in progress is finished. */
  drain(nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#draining || this.#finished) return;
    this.#draining = true;
    if (this.#exchange === null) this.#end("The connection was drained");
    else this.#sink.onUnusable();
  }

  /** Ends the connection at once. */
  abort(reason: string, nowMs: number): void {
    this.#nowMs = nowMs;
    this.closesAtOnce = true;
    this.#end(reason);
  }

  // ---- driver ----------------------------------------------------------------------------------------------

  /** Processes received bytes; `chunk` is valid only during the call. */
  receive(chunk: Uint8Array, nowMs: number): void {
    this.#nowMs = nowMs;
    this.#receiving = true;
    let at = 0;
    while (at < chunk.length && !this.#finished) {
      const used = this.#process(chunk, at);
      if (typeof used !== "number") {
        this.#violation(used.reason);
        break;
      }
      at = used;
    }
    this.#receiving = false;
  }

  /** Ends the connection, which also ends a body without a length (RFC 9112 §6.3). */
  receiveEnd(nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#exchange?.response && this.#body.leftBytes === Infinity) {
      this.#body.clear();
      this.#finishExchange(this.#exchange);
    }
    this.#end("The server closed the connection");
  }

  /** Ends the connection because its byte stream failed or was closed. */
  transportLost(reason: string, nowMs: number): void {
    this.#nowMs = nowMs;
    this.#end(reason);
    this.out.clear();
  }

  /** Called when the socket has accepted all output taken so far. */
  outputDrained(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#exchange?.onDrained();
  }

  /** Time at which the driver must call `onTimer`. */
  nextTimerMs(): number {
    return this.#idleEndMs;
  }

  /** Gives up an idle connection that the server is about to close (RFC 9112 §9.5). */
  onTimer(nowMs: number): void {
    this.#nowMs = nowMs;
    if (nowMs >= this.#idleEndMs && this.#exchange === null) this.#end("The connection was idle");
  }

  /** Whether the socket should be read; false while the reader of a body pauses. */
  get wantsRead(): boolean {
    return this.#exchange === null || !this.#exchange.paused;
  }

  /** Whether the connection has ended. */
  get finished(): boolean {
    return this.#finished;
  }

  /** Bytes of input buffered by the connection; output in `out` is not counted. */
  get bufferedBytes(): number {
    return this.#head.length + this.#body.heldBytes;
  }

  // ---- exchange --------------------------------------------------------------------------------------------

  /** Whether unsent output is below its high-water mark. */
  get writable(): boolean {
    return this.out.length < HIGH_WATER_BYTES;
  }

  /** Notifies the driver that output was appended. */
  onSent(): void {
    this.#notify();
  }

  /** Called when the request is complete; the response may have been complete before. */
  onRequestEnd(): void {}

  /** Takes back a request that was not written yet; otherwise closes the connection, whose next bytes answer it. */
  onCancel(): void {
    if (this.#progress === "unwritten") {
      this.out.length = 0;
      this.#exchange = null;
      if (this.#draining) this.#end("The connection was drained");
      return;
    }
    this.closesAtOnce = true;
    this.#exchange = null;
    this.#end("The call was cancelled");
  }

  /** Notifies the driver that `wantsRead` has changed. */
  onPaused(): void {
    this.#notify();
  }

  // ---- input -----------------------------------------------------------------------------------------------

  #process(bytes: Uint8Array, at: number): number | Refusal {
    const exchange = this.#exchange;
    // RFC 9112 §9.2: bytes that belong to no request; the request in `out` was not written when they were sent.
    if (exchange === null || this.#progress === "unwritten") {
      this.#violation("The server sent bytes that no request asked for");
      return bytes.length;
    }
    this.#answered = true;
    if (exchange.response === null) return this.#receiveHead(bytes, at, exchange);
    const end = this.#body.receive(bytes, at, exchange);
    if (typeof end === "number" && this.#body.ended) this.#finishExchange(exchange);
    return end;
  }

  #receiveHead(bytes: Uint8Array, start: number, exchange: ClientExchange): number | Refusal {
    const end = this.#scanner.scan(bytes, start);
    if (typeof end !== "number") return end;
    if (end < 0) {
      this.#head.add(bytes, start, bytes.length);
      return bytes.length;
    }
    const section = this.#head.takeWith(bytes, start, end);
    const head = parseResponseHead(
      section.bytes,
      section.start,
      section.end,
      exchange.head.method,
    );
    if (!("fields" in head)) return head;
    if (head.status < 200) {
      this.#receiveInterim(head.status);
      return end;
    }
    exchange.response = head;
    this.#body.start(head.bodyBytes);
    exchange.sink.onHead(head);
    if (this.#exchange === exchange) {
      if (head.bodyBytes === 0) this.#finishExchange(exchange);
      else if (!head.keepsAlive) this.#sink.onUnusable();
    }
    return end;
  }

  /** RFC 9110 §15.2: interim responses may be ignored. 101 switches to a protocol that no request asked for. */
  #receiveInterim(status: number): void {
    if (status === 101) {
      this.#violation("The server switched protocols without being asked");
    } else if (++this.#interimResponses > MAX_INTERIM_RESPONSES) {
      this.#violation(`The server sent more than ${MAX_INTERIM_RESPONSES} interim responses`);
    }
  }

  // ---- ending ----------------------------------------------------------------------------------------------

  #finishExchange(exchange: ClientExchange): void {
    // The sink may have cancelled the exchange during its last event.
    if (this.#exchange !== exchange) return;
    const { keepsAlive, keepAliveMs } = exchange.response!;
    this.#exchange = null;
    exchange.over = true;
    if (!this.#isWritten(exchange)) {
      // The server has answered early. The rest of the request is not sent, and a server that does not read it closes
      // the connection, perhaps unannounced: another request behind it would be lost (RFC 9112 §9.6).
      this.closesAtOnce = true;
      this.#end("The server answered before the end of the request");
    } else if (this.#draining || !keepsAlive) {
      this.#end("The connection was closed after a response");
    } else if (keepAliveMs !== Infinity) {
      const margin = Math.min(KEEP_ALIVE_MARGIN_MS, keepAliveMs / 2);
      this.#idleEndMs = this.#nowMs + keepAliveMs - margin;
    }
    exchange.sink.onEnd(exchange.trailers);
  }

  /** Whether the socket has accepted the whole request. */
  #isWritten(exchange: ClientExchange): boolean {
    const { length, accepted, taken } = this.out;
    return exchange.requestEnded && length === 0 && accepted === taken;
  }

  get #progress(): RequestProgress {
    if (this.out.taken === this.#takenBefore) return "unwritten";
    return this.#answered ? "answered" : "unanswered";
  }

  #violation(reason: string): void {
    if (this.#finished) return;
    this.#sink.onNote?.("warn", `Closing a connection: ${reason}`);
    this.closesAtOnce = true;
    this.#end(reason);
  }

  #end(reason: string): void {
    if (this.#finished) return;
    const exchange = this.#exchange;
    const progress = this.#progress;
    this.#finished = true;
    this.endReason = reason;
    this.#exchange = null;
    this.#idleEndMs = Infinity;
    this.#head.clear();
    this.#body.clear();
    if (exchange !== null) {
      exchange.over = true;
      exchange.sink.onAbort(reason, progress);
    }
    this.#sink.onUnusable();
    this.#notify();
  }

  #notify(): void {
    if (!this.#receiving) this.onOutput();
  }
}
