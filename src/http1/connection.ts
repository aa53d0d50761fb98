/**
 * HTTP/1.1 connection of a server (RFC 9112) as a state machine: received bytes and the time are arguments of its
 * methods, bytes to send are appended to `out`, and requests are events on the sink.
 *
 * Requests are processed one at a time. A pipelined request stays in the buffer of the last socket read until the
 * response before it is complete; the socket is not read meanwhile.
 *
 * @module
 */

import { ByteWriter } from "../bytes/writer.ts";
import type { ConnectionEngine } from "../call/wire.ts";
import { BodyReceiver } from "./body_receiver.ts";
import { Exchange, type ExchangeOwner } from "./exchange.ts";
import { GatheredBytes } from "./gathered_bytes.ts";
import { HeldInput } from "./held_input.ts";
import { HeadScanner, REQUEST_START } from "./head_scanner.ts";
import { HTTP1_DEFAULTS, type Http1Limits } from "./options.ts";
import { BODY_TIMEOUT, HEAD_TIMEOUT, type Refusal, TOO_LARGE } from "./refusals.ts";
import { parseRequestHead } from "./request_head.ts";
import { appendHead, CommonLines, Framing } from "./response_writer.ts";
import { Timeouts } from "./timeouts.ts";
import { TinyReads } from "./tiny_reads.ts";

/** Receives the events of an {@link Http1ServerConnection}. */
export interface Http1ServerSink {
  /** Called with a request whose header section is complete. `exchange.sink` must be set before this returns. */
  onRequest(exchange: Exchange): void;
  /** Called when the byte stream must be closed at once: a response was cut short, or the peer does not read. */
  onBroken(reason: string): void;
  /**
   * Returns the fields of every response, including the engine's own refusals, as alternating names and values; `date`,
   * for example.
   */
  commonFields(): readonly string[];
  /** Logs one line. */
  onNote?(level: "debug" | "warn", message: string): void;
}

// Unsent output, in bytes, from which handlers must wait and no further request is processed.
const HIGH_WATER_BYTES = 32_768;
// Longest unread rest of a request body, in bytes, that is received and dropped to keep the connection open.
const MAX_DISCARDED_BYTES = 1_048_576;
// Longest rest of a request that is received and dropped before the connection is closed, in bytes.
const MAX_DISCARDED_AT_END_BYTES = 67_108_864;
const NO_TRAILERS: readonly string[] = [];

/** One connection of a server. */
export class Http1ServerConnection implements ConnectionEngine, ExchangeOwner {
  readonly out = new ByteWriter();
  onOutput: () => void = () => {};
  /** Input behind a request that has switched to another protocol; undefined before. */
  switchedInput: Uint8Array | undefined = undefined;
  /** Whether the peer may still be reading a response, or sending the rest of its request (RFC 9112 §9.6). */
  closedGracefully = false;
  readonly maxDiscardedBytes = MAX_DISCARDED_AT_END_BYTES;
  readonly #sink: Http1ServerSink;
  readonly #limits: Required<Http1Limits>;
  readonly #scanner: HeadScanner;
  readonly #timeouts: Timeouts;
  readonly #tinyReads = new TinyReads();
  readonly #head = new GatheredBytes();
  #exchange: Exchange | null = null;
  readonly #body: BodyReceiver;
  #discardedBytes = 0;
  readonly #held = new HeldInput();
  readonly #commonLines = new CommonLines();
  #processing = false;
  #draining = false;
  #finished = false;
  #lost = false;
  #nowMs: number;

  /** Creates a connection accepted at `nowMs`. `limits` must be valid; missing ones have their defaults. */
  constructor(sink: Http1ServerSink, limits: Http1Limits, nowMs: number) {
    this.#sink = sink;
    this.#limits = { ...HTTP1_DEFAULTS, ...limits };
    this.#scanner = new HeadScanner(this.#limits, REQUEST_START);
    this.#body = new BodyReceiver(this.#limits);
    this.#timeouts = new Timeouts(this.#limits, nowMs);
    this.#nowMs = nowMs;
  }

  // ---- driver ----------------------------------------------------------------------------------------------

  /** Processes received bytes; `chunk` is valid only during the call. */
  receive(chunk: Uint8Array, nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#finished) return;
    this.#timeouts.setNow(nowMs);
    if (this.#held.length === 0) {
      this.#process(chunk, 0);
    } else {
      // Unreachable for a driver that stops reading while `wantsRead` is false.
      this.#held.append(chunk);
      this.#processHeld();
    }
    if (this.#finished) return;
    if (this.#isGathering) this.#tinyReads.count(chunk.length, nowMs);
    else this.#tinyReads.reset();
  }

  /** Ends the connection: a server cannot tell a half-closed peer from one that has closed. */
  receiveEnd(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#end("The peer closed the connection");
  }

  /** Ends the connection because its byte stream failed or was closed. */
  transportLost(reason: string, nowMs: number): void {
    this.#nowMs = nowMs;
    this.#lost = true;
    this.#end(reason);
    this.#timeouts.stop();
    this.out.clear();
  }

  /** Called when the socket has accepted all output taken so far. */
  outputDrained(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#timeouts.outputDrained(nowMs);
    this.#exchange?.onDrained();
    this.#processHeld();
  }

  /** Time at which the driver must call `onTimer`. */
  nextTimerMs(): number {
    return Math.min(this.#timeouts.nextMs, this.#tinyReads.delayedUntilMs);
  }

  /** Handles timeouts that are due at `nowMs`. */
  onTimer(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#tinyReads.onTimer(nowMs);
    if (this.#exchange !== null && !this.#exchange.wantsBody) this.#timeouts.bodyPaused();
    switch (this.#timeouts.check(nowMs, this.hasOutput)) {
      case "head":
        // Without a single byte of a request, the connection is closed without a response.
        if (this.#scanner.started) return this.#refuse(HEAD_TIMEOUT);
        return this.#end("The connection was idle");
      case "body":
        return this.#refuse(BODY_TIMEOUT);
      case "idle":
        return this.#end("The connection was idle");
      case "output":
        return this.onBroken("The peer does not read the response");
    }
  }

  /** Whether the socket should be read; false while received bytes are held, or reads are delayed. */
  get wantsRead(): boolean {
    return this.#held.length === 0 && !this.#tinyReads.delays;
  }

  /** Whether the connection has ended. */
  get finished(): boolean {
    return this.#finished;
  }

  get bufferedBytes(): number {
    return this.#held.length + this.#head.length + this.#body.heldBytes;
  }

  // ---- server ----------------------------------------------------------------------------------------------

  /** Number of requests without a complete response: 0 or 1. */
  get activeCalls(): number {
    return this.#exchange === null ? 0 : 1;
  }

  /** Whether any output was not yet accepted by the socket, in `out` or already taken by the driver. */
  get hasOutput(): boolean {
    return this.out.length > 0 || this.out.taken !== this.out.accepted;
  }

  /** Accepts no further request; the response to an open one is still sent. */
  drain(nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#draining || this.#finished) return;
    this.#draining = true;
    if (this.#exchange === null && !this.#scanner.started) this.#end("The server is shutting down");
  }

  /** Ends the connection at once. */
  abort(reason: string, nowMs: number): void {
    this.#nowMs = nowMs;
    this.#end(reason, false);
  }

  // ---- exchange --------------------------------------------------------------------------------------------

  /** Header lines that every response carries. */
  get commonLines(): string {
    return this.#commonLines.of(this.#sink.commonFields());
  }

  /** Whether the connection can stay open for another request, after a response that `ends` now or goes on. */
  persists(ends: boolean): boolean {
    const exchange = this.#exchange;
    if (this.#draining || this.#lost || exchange === null) return false;
    if (this.bodyEnded || !ends && exchange.wantsBody) return true;
    return !exchange.awaitsContinue && this.#body.leftBytes <= MAX_DISCARDED_BYTES;
  }

  /** Whether unsent output is below its high-water mark. */
  get writable(): boolean {
    return this.out.length < HIGH_WATER_BYTES;
  }

  /** Whether the body was received in full. */
  get bodyEnded(): boolean {
    return this.#body.ended;
  }

  /** Delivers the held part of the body. */
  onBodyWanted(): void {
    this.#timeouts.bodyPaused();
    this.#processHeld();
  }

  onBodyOfMessages(): void {
    if (!this.bodyEnded) this.#timeouts.bodyStreams(this.#nowMs);
  }

  /** Starts the output timeout and notifies the driver that output was appended. */
  onSent(): void {
    this.#timeouts.outputWritten(this.#nowMs);
    this.#notify();
  }

  /** Called when the response is complete; the unread rest of the body is dropped. */
  onResponseEnd(): void {
    const exchange = this.#exchange!;
    if (exchange.closes || !this.persists(true)) return this.#end("");
    if (!this.bodyEnded) exchange.discardBody();
    this.#finishExchange();
    this.#processHeld();
  }

  /** Closes the byte stream, because a response cannot be completed or is not read by the peer. */
  onBroken(reason: string): void {
    if (this.#lost) return;
    this.#end(reason, false);
    this.#timeouts.stop();
    this.#sink.onBroken(reason);
  }

  /** Ends the use of HTTP/1.1; the owner of this connection continues with `out` and `switchedInput`. */
  onSwitch(): void {
    this.switchedInput = new Uint8Array();
    this.#end("");
  }

  // ---- input -----------------------------------------------------------------------------------------------

  #processHeld(): void {
    if (this.#processing || this.#held.length === 0) return;
    this.#process(this.#held.bytes, this.#held.start);
    this.#notify();
  }

  /**
   * Processes `bytes` from `start` on until a response or a reader of a body must be awaited, and holds the remaining
   * bytes.
   */
  #process(bytes: Uint8Array, start: number): void {
    this.#processing = true;
    let at = start;
    while (at < bytes.length && !this.#finished) {
      const used = this.#exchange === null
        ? this.#receiveHead(bytes, at)
        : this.#receiveBody(bytes, at);
      if (typeof used !== "number") {
        this.#refuse(used);
        break;
      }
      if (used === at && !this.#proceeds) break;
      at = used;
    }
    this.#processing = false;
    if (this.switchedInput !== undefined) this.switchedInput = bytes.slice(at);
    this.#keep(bytes, this.#finished ? bytes.length : at);
  }

  /** Whether received bytes can be processed now, without waiting for a response or a reader of the body. */
  get #proceeds(): boolean {
    if (this.#exchange === null) return this.writable;
    return !this.bodyEnded && this.#exchange.wantsBody;
  }

  #keep(bytes: Uint8Array, at: number): void {
    if (at < bytes.length && this.#exchange !== null && !this.bodyEnded) {
      this.#timeouts.bodyPaused();
    }
    this.#held.keep(bytes, at);
  }

  /** Whether a header section, or a body that the handler reads only as a whole, is incomplete. */
  get #isGathering(): boolean {
    const exchange = this.#exchange;
    if (exchange === null) return this.#scanner.started;
    return !this.bodyEnded && exchange.gathersBody;
  }

  #receiveHead(bytes: Uint8Array, start: number): number | Refusal {
    if (!this.writable) return start;
    this.#timeouts.headStarted(this.#nowMs);
    const end = this.#scanner.scan(bytes, start);
    if (typeof end !== "number") return end;
    if (end < 0) {
      this.#head.add(bytes, start, bytes.length);
      return bytes.length;
    }
    const section = this.#head.takeWith(bytes, start, end);
    const head = parseRequestHead(section.bytes, section.start, section.end);
    if ("status" in head) return head;
    const { bodyBytes } = head;
    if (bodyBytes > this.#limits.maxBodyBytes) return TOO_LARGE;
    const exchange = new Exchange(this, head, bytes === this.#held.bytes, bytes.length - end);
    this.#exchange = exchange;
    this.#discardedBytes = 0;
    this.#body.start(bodyBytes);
    if (bodyBytes === 0) this.#timeouts.requestEnded();
    else this.#timeouts.bodyStarted(this.#nowMs);
    this.#sink.onRequest(exchange);
    if (bodyBytes === 0) exchange.onEnd(NO_TRAILERS);
    return end;
  }

  #receiveBody(bytes: Uint8Array, start: number): number | Refusal {
    const exchange = this.#exchange!;
    if (this.bodyEnded || !exchange.wantsBody) return start;
    const discards = exchange.ended;
    const end = this.#body.receive(bytes, start, exchange);
    if (typeof end !== "number") return end;
    // `onRequest` may have sent the response, which may have ended the exchange or the connection.
    if (this.#exchange !== exchange) return end;
    this.#timeouts.bodyReceived(end - start);
    if (this.bodyEnded) this.#timeouts.requestEnded();
    if (discards) this.#discardedBytes += end - start;
    if (this.#discardedBytes > MAX_DISCARDED_BYTES) this.#end("");
    else this.#finishExchange();
    return end;
  }

  // ---- ending -----------------------------------------------------------------------------------------------

  /** Ends the exchange once both request and response are complete, so that the next request can be processed. */
  #finishExchange(): void {
    if (this.#finished || this.#exchange === null || !this.#exchange.ended || !this.bodyEnded) {
      return;
    }
    this.#exchange = null;
    if (this.#draining) return this.#end("");
    this.#timeouts.exchangeEnded(this.#nowMs);
  }

  /** Sends an error response unless a response was begun, and ends the connection. */
  #refuse({ status, reason }: Refusal): void {
    const exchange = this.#exchange;
    this.#sink.onNote?.("debug", `Answered ${status}: ${reason}`);
    if (exchange !== null && exchange.headSent) {
      return exchange.ended ? this.#end(reason) : this.onBroken(reason);
    }
    // A peer that was too slow is not waited for again.
    this.#end(reason, status !== 408);
    const text = `${reason}\n`;
    appendHead(this.out, {
      status,
      fields: ["content-type", "text/plain; charset=utf-8", ...exchange?.refusalFields ?? []],
      commonLines: this.commonLines,
      framing: Framing.LENGTH,
      bodyBytes: text.length,
      connection: "close",
    });
    if (exchange?.head.method !== "HEAD") this.out.text(text);
    this.#notify();
  }

  /** Ends the connection once `out` is sent; an open exchange is aborted. */
  #end(reason: string, gracefully = true): void {
    if (this.#finished) return;
    this.#finished = true;
    this.closedGracefully = gracefully;
    this.#timeouts.stopInput();
    this.#tinyReads.stop();
    const exchange = this.#exchange;
    this.#exchange = null;
    this.#body.clear();
    this.#head.clear();
    if (!this.#processing) this.#held.clear(); // otherwise when the processing ends
    exchange?.onLost(reason);
    this.#notify();
  }

  #notify(): void {
    if (!this.#processing) this.onOutput();
  }
}
