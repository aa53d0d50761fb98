/**
 * HTTP/1.1 connection of a server (RFC 9112) as a state machine: bytes and the time go in by method calls, bytes come
 * out in `out`, requests are events on the sink.
 *
 * One request is processed at a time. What a client sends ahead of a response (pipelining) stays in the last read of the
 * socket; no more is read meanwhile.
 *
 * @module
 */

import { EMPTY_BYTES } from "../bytes/empty.ts";
import { ByteWriter } from "../bytes/writer.ts";
import type { ConnectionEngine } from "../call/wire.ts";
import { BodyReceiver } from "./body_receiver.ts";
import { Exchange, type ExchangeOwner } from "./exchange.ts";
import { GatheredBytes } from "./gathered_bytes.ts";
import { HeadScanner } from "./head_scanner.ts";
import { HTTP1_DEFAULTS, type Http1Limits } from "./options.ts";
import { BODY_TIMEOUT, HEAD_TIMEOUT, type Refusal, TOO_LARGE } from "./refusals.ts";
import { parseRequestHead } from "./request_head.ts";
import { appendHead, fieldLines, Framing } from "./response_writer.ts";
import { Timeouts } from "./timeouts.ts";

/** Receives the events of an {@link Http1ServerConnection}. */
export interface Http1ServerSink {
  /** The header section of a request arrived. `exchange.sink` must be set before this returns. */
  onRequest(exchange: Exchange): void;
  /** The byte stream is to be closed at once: a response is cut short, or the peer doesn't read. */
  onBroken(reason: string): void;
  /** Fields of every response, the engine's own included: names and values in turn, for example `date`. */
  commonFields(): readonly string[];
  /** A line for the log. */
  onNote?(level: "debug" | "warn", message: string): void;
}

// Output from which handlers wait, and no further request is processed.
const HIGH_WATER_BYTES = 32_768;
// Rest of a body that no handler reads, up to which it is received and dropped to keep the connection.
const MAX_DISCARDED_BYTES = 65_536;
const NO_TRAILERS: readonly string[] = [];

/** One connection of a server. */
export class Http1ServerConnection implements ConnectionEngine, ExchangeOwner {
  readonly out = new ByteWriter();
  onOutput: () => void = () => {};
  readonly #sink: Http1ServerSink;
  readonly #limits: Required<Http1Limits>;
  readonly #scanner: HeadScanner;
  readonly #timeouts: Timeouts;
  readonly #head = new GatheredBytes();
  #exchange: Exchange | null = null;
  readonly #body: BodyReceiver;
  #discardedBytes = 0;
  /** Input from `#heldAt` on waits for a response or a reader of the body. */
  #held: Uint8Array = EMPTY_BYTES;
  #heldAt = 0;
  /** Value of `out.taken` when all that was taken had been sent. */
  #drainedCount = 0;
  #commonFields: readonly string[] = NO_TRAILERS;
  #commonLines = "";
  #processing = false;
  #draining = false;
  #finished = false;
  #lost = false;
  #nowMs: number;

  /** Starts at `nowMs`. `limits` were checked; missing ones have their defaults. */
  constructor(sink: Http1ServerSink, limits: Http1Limits, nowMs: number) {
    this.#sink = sink;
    this.#limits = { ...HTTP1_DEFAULTS, ...limits };
    this.#scanner = new HeadScanner(this.#limits, true);
    this.#body = new BodyReceiver(this.#limits);
    this.#timeouts = new Timeouts(this.#limits, nowMs);
    this.#nowMs = nowMs;
  }

  // ---- driver ----------------------------------------------------------------------------------------------

  /** Takes received bytes; `chunk` is only valid during the call. */
  receive(chunk: Uint8Array, nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#finished) return;
    this.#timeouts.setNow(nowMs);
    if (this.#held.length === 0) return this.#process(chunk, 0);
    // A driver that heeds `wantsRead` adds nothing to what is held.
    this.#append(chunk);
    this.#processHeld();
  }

  /** The peer ended its side: it is gone, as far as a server can know. */
  receiveEnd(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#end("The peer closed the connection");
  }

  /** The byte stream broke or was closed. */
  transportLost(reason: string, nowMs: number): void {
    this.#nowMs = nowMs;
    this.#lost = true;
    this.#end(reason);
    this.#timeouts.stop();
    this.out.clear();
  }

  /** Output was accepted by the socket. */
  outputDrained(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#drainedCount = this.out.taken;
    this.#timeouts.outputDrained(nowMs);
    this.#exchange?.onDrained();
    this.#processHeld();
  }

  /** Time of the next `onTimer`. */
  nextTimerMs(): number {
    return this.#timeouts.nextMs;
  }

  /** Handles timers that are due. */
  onTimer(nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#exchange !== null && !this.#exchange.wantsBody) this.#timeouts.bodyPaused();
    switch (this.#timeouts.check(nowMs, this.hasOutput)) {
      case "head":
        // A client that has sent nothing waits for no response.
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

  /** False while input waits here. */
  get wantsRead(): boolean {
    return this.#held.length === 0;
  }

  /** Whether the connection has ended. */
  get finished(): boolean {
    return this.#finished;
  }

  /** Bytes held, without `out`. */
  get bufferedBytes(): number {
    return this.#held.length + this.#head.length + this.#body.heldBytes;
  }

  // ---- server ----------------------------------------------------------------------------------------------

  /** Requests that have no complete response: 0 or 1. */
  get activeCalls(): number {
    return this.#exchange === null ? 0 : 1;
  }

  /** Whether output waits for the peer, in `out` or with the driver. */
  get hasOutput(): boolean {
    return this.out.length > 0 || this.out.taken !== this.#drainedCount;
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
    this.#end(reason);
  }

  // ---- exchange --------------------------------------------------------------------------------------------

  /** Lines of every response. */
  get commonLines(): string {
    const fields = this.#sink.commonFields();
    if (fields !== this.#commonFields) {
      this.#commonFields = fields;
      this.#commonLines = fieldLines(fields);
    }
    return this.#commonLines;
  }

  /** Whether a further request may follow. A long rest of a body that no handler reads is not worth receiving. */
  get persists(): boolean {
    const exchange = this.#exchange;
    if (this.#draining || this.#lost || exchange === null) return false;
    if (this.bodyEnded || exchange.wantsBody) return true;
    return !exchange.awaitsContinue && this.#body.leftBytes <= MAX_DISCARDED_BYTES;
  }

  /** Whether more output should be written. */
  get writable(): boolean {
    return this.out.length < HIGH_WATER_BYTES;
  }

  /** Whether the body was received in full. */
  get bodyEnded(): boolean {
    return this.#body.ended;
  }

  /** Delivers the body that is held here. */
  onBodyWanted(): void {
    this.#timeouts.bodyPaused();
    this.#processHeld();
  }

  /** Output was appended. */
  onSent(): void {
    this.#timeouts.outputWritten(this.#nowMs);
    this.#notify();
  }

  /** The response is complete; a rest of the body is dropped. */
  onResponseEnd(): void {
    const exchange = this.#exchange!;
    if (!this.bodyEnded && !exchange.closes && this.persists) exchange.discardBody();
    else if (exchange.closes || !this.bodyEnded || !this.persists) return this.#end("");
    this.#finishExchange();
    this.#processHeld();
  }

  /** A response can't be completed, or is not read. */
  onBroken(reason: string): void {
    if (this.#lost) return;
    this.#end(reason);
    this.#timeouts.stop();
    this.#sink.onBroken(reason);
  }

  // ---- input -----------------------------------------------------------------------------------------------

  #processHeld(): void {
    if (this.#processing || this.#held.length === 0) return;
    this.#process(this.#held, this.#heldAt);
    this.#notify();
  }

  /** Processes `bytes` from `start` on, as far as responses and readers of bodies allow, and keeps the rest. */
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
    this.#keep(bytes, this.#finished ? bytes.length : at);
  }

  /** Whether bytes can be processed now. */
  get #proceeds(): boolean {
    if (this.#exchange === null) return this.writable;
    return !this.bodyEnded && this.#exchange.wantsBody;
  }

  #keep(bytes: Uint8Array, at: number): void {
    if (at >= bytes.length) {
      this.#held = EMPTY_BYTES;
      this.#heldAt = 0;
      return;
    }
    if (this.#exchange !== null && !this.bodyEnded) this.#timeouts.bodyPaused();
    if (bytes === this.#held) {
      this.#heldAt = at;
    } else {
      this.#held = bytes.slice(at);
      this.#heldAt = 0;
    }
  }

  #append(chunk: Uint8Array): void {
    const { length } = this.#held;
    if (length + chunk.length > this.#held.buffer.byteLength) {
      const grown = new Uint8Array(Math.max(length * 2, length + chunk.length));
      grown.set(this.#held);
      this.#held = grown;
    }
    this.#held = new Uint8Array(this.#held.buffer, 0, length + chunk.length);
    this.#held.set(chunk, length);
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
    const exchange = this.#exchange = new Exchange(this, head, bytes === this.#held);
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
    // The handler may have responded, and that may have ended the exchange or the connection.
    if (this.#exchange !== exchange) return end;
    this.#timeouts.bodyReceived(end - start);
    if (this.bodyEnded) this.#timeouts.requestEnded();
    if (discards) this.#discardedBytes += end - start;
    if (this.#discardedBytes > MAX_DISCARDED_BYTES) this.#end("");
    else this.#finishExchange();
    return end;
  }

  // ---- ends ------------------------------------------------------------------------------------------------

  /** Makes room for the next request once this one and its response are complete. */
  #finishExchange(): void {
    if (this.#finished || this.#exchange === null || !this.#exchange.ended || !this.bodyEnded) {
      return;
    }
    this.#exchange = null;
    if (this.#draining) return this.#end("");
    this.#timeouts.exchangeEnded(this.#nowMs);
  }

  /** Answers with an error, if no response was begun, and ends the connection. */
  #refuse({ status, reason }: Refusal): void {
    const exchange = this.#exchange;
    this.#sink.onNote?.("debug", `Answered ${status}: ${reason}`);
    if (exchange !== null && exchange.headSent) {
      return exchange.ended ? this.#end(reason) : this.onBroken(reason);
    }
    this.#end(reason);
    const text = `${reason}\n`;
    appendHead(this.out, {
      status,
      fields: ["content-type", "text/plain; charset=utf-8"],
      commonLines: this.commonLines,
      framing: Framing.LENGTH,
      bodyBytes: text.length,
      connection: "close",
    });
    if (exchange?.head.method !== "HEAD") this.out.text(text);
    this.#notify();
  }

  /** Ends the connection once `out` is written. An open exchange is lost. */
  #end(reason: string): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#timeouts.stopInput();
    const exchange = this.#exchange;
    this.#exchange = null;
    this.#body.clear();
    this.#head.clear();
    this.#held = EMPTY_BYTES;
    this.#heldAt = 0;
    exchange?.onLost(reason);
    this.#notify();
  }

  #notify(): void {
    if (!this.#processing) this.onOutput();
  }
}
