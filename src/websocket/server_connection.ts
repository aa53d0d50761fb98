/**
 * Engine whose bytes are carried in the binary messages of a WebSocket (RFC 6455).
 *
 * @module
 */

import { releaseBuffer } from "../bytes/pool.ts";
import type { ByteWriter } from "../bytes/writer.ts";
import type { ServerConnection } from "../call/wire.ts";
import {
  type BudgetLimits,
  PeerBudget,
  type PeerCharge,
  PeerEvent,
} from "../limits/peer_budget.ts";
import { CloseCode } from "./close_codes.ts";
import { FrameReader, type FrameSink } from "./frame_reader.ts";
import { appendClose, appendFrame, Opcode } from "./frame_writer.ts";

/** Limits of a {@link WebSocketServerConnection}. */
export interface WebSocketLimits extends BudgetLimits {
  /** Time in which a message that has begun must go on, in ms. */
  readonly stallTimeoutMs: number;
}

// Unsent output, in bytes, from which no more is read: answers to Pings must not gather.
const HIGH_WATER_BYTES = 65_536;
// Data frames below this size, in bytes, are charged: no frame of the inner protocol is that short.
const SMALL_FRAME_BYTES = 16;

/** A server's side of one WebSocket, after its opening handshake. */
export class WebSocketServerConnection implements ServerConnection, FrameSink {
  onOutput: () => void = () => {};
  readonly #inner: ServerConnection;
  readonly #out: ByteWriter;
  readonly #reader: FrameReader;
  readonly #budget: PeerBudget;
  readonly #stallTimeoutMs: number;
  readonly #note: (message: string) => void;
  #stallMs = Infinity;
  #finished = false;
  #nowMs: number;

  /**
   * Creates the connection around `inner`. `out` may hold output that precedes the first frame. `note` receives what the
   * peer does wrong.
   */
  constructor(
    inner: ServerConnection,
    out: ByteWriter,
    limits: WebSocketLimits,
    note: (message: string) => void,
    nowMs: number,
  ) {
    this.#inner = inner;
    this.#out = out;
    this.#reader = new FrameReader(this);
    this.#budget = new PeerBudget(limits, "server");
    this.#stallTimeoutMs = limits.stallTimeoutMs;
    this.#note = note;
    this.#nowMs = nowMs;
    inner.onOutput = () => this.onOutput();
  }

  // ---- driver ----------------------------------------------------------------------------------------------

  /** Frames to send. Takes the output of the inner engine once that before it was taken. */
  get out(): ByteWriter {
    this.#frameOutput();
    return this.#out;
  }

  /** Processes received bytes, in which it unmasks payloads. */
  receive(chunk: Uint8Array, nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#finished) return;
    this.#reader.receive(chunk);
    this.#stallMs = this.#reader.midMessage ? nowMs + this.#stallTimeoutMs : Infinity;
  }

  receiveEnd(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#finished = true;
    this.#inner.receiveEnd(nowMs);
  }

  transportLost(reason: string, nowMs: number): void {
    this.#nowMs = nowMs;
    this.#finished = true;
    this.#inner.transportLost(reason, nowMs);
    this.#inner.out.clear();
  }

  outputDrained(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#inner.outputDrained(nowMs);
    this.#frameOutput();
  }

  nextTimerMs(): number {
    return this.#finished ? Infinity : Math.min(this.#stallMs, this.#inner.nextTimerMs());
  }

  onTimer(nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#finished) return;
    if (nowMs >= this.#stallMs) {
      const text = `A message did not go on within ${this.#stallTimeoutMs} ms`;
      return this.onViolation(CloseCode.POLICY_VIOLATION, text);
    }
    if (nowMs >= this.#inner.nextTimerMs()) this.#inner.onTimer(nowMs);
  }

  get wantsRead(): boolean {
    return this.#inner.wantsRead && this.#out.length < HIGH_WATER_BYTES;
  }

  get readThrottledUntilMs(): number {
    return this.#inner.readThrottledUntilMs ?? 0;
  }

  get finished(): boolean {
    this.#frameOutput();
    return this.#finished;
  }

  get closedGracefully(): boolean {
    return this.#inner.closedGracefully ?? false;
  }

  get bufferedBytes(): number {
    return this.#inner.bufferedBytes;
  }

  get activeCalls(): number {
    return this.#inner.activeCalls;
  }

  drain(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#inner.drain(nowMs);
  }

  abort(reason: string, nowMs: number): void {
    this.#nowMs = nowMs;
    this.#inner.abort(reason, nowMs);
  }

  // ---- frames of the peer ----------------------------------------------------------------------------------

  onDataFrame(length: number): void {
    if (length < SMALL_FRAME_BYTES) this.#charge(PeerEvent.SMALL_WEBSOCKET_FRAME);
  }

  onData(bytes: Uint8Array): void {
    this.#inner.receive(bytes, this.#nowMs);
    if (this.#inner.finished) this.#reader.stop();
  }

  onPing(payload: Uint8Array): void {
    if (this.#charge(PeerEvent.PING)) appendFrame(this.#out, Opcode.PONG, payload);
  }

  onPong(): void {
    this.#charge(PeerEvent.PONG);
  }

  /** Answers the close handshake (RFC 6455 §5.5.1); open calls end as when the peer closes a byte stream. */
  onClose(code: number | undefined): void {
    this.#inner.receiveEnd(this.#nowMs);
    this.#frame();
    if (code === undefined) appendFrame(this.#out, Opcode.CLOSE, new Uint8Array());
    else appendClose(this.#out, code, "");
    this.#finished = true;
  }

  onViolation(code: number, reason: string): void {
    if (this.#finished) return;
    this.#reader.stop();
    this.#note(`Closed a WebSocket with ${code}: ${reason}`);
    this.#inner.transportLost(reason, this.#nowMs);
    this.#inner.out.clear();
    appendClose(this.#out, code, reason);
    this.#finished = true;
  }

  #charge(event: PeerCharge): boolean {
    if (this.#budget.charge(event, this.#nowMs) !== "close") return true;
    this.onViolation(CloseCode.POLICY_VIOLATION, this.#budget.reason(event));
    return false;
  }

  // ---- output ----------------------------------------------------------------------------------------------

  /** Frames output of the inner engine, if none waits before it, and closes the WebSocket after the inner engine's end. */
  #frameOutput(): void {
    if (this.#finished) return;
    if (this.#inner.finished) {
      this.#frame();
      this.#reader.stop();
      appendClose(this.#out, CloseCode.GOING_AWAY, "");
      this.#finished = true;
    } else if (this.#out.length === 0) {
      this.#frame();
    }
  }

  #frame(): void {
    if (this.#inner.out.length === 0) return;
    const { buffer, length } = this.#inner.out.take();
    appendFrame(this.#out, Opcode.BINARY, buffer.subarray(0, length));
    releaseBuffer(buffer);
  }
}
