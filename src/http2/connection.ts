/**
 * HTTP/2 (RFC 9113) as a state machine without I/O, for either side. Bytes go in by `receive` and come out in `out`;
 * events are method calls on {@link Http2Stream}s and on the {@link Http2Handler}.
 *
 * The connection is composed of parts that each own their state. It dispatches frames and timers to them, and it is
 * the one place where a connection ends.
 *
 * @module
 */

import { ByteWriter } from "../bytes/writer.ts";
import type { ConnectionEngine } from "../call/wire.ts";
import { ProtocolError } from "../errors.ts";
import { HpackDecoder } from "../hpack/decoder.ts";
import type { HpackEncoder } from "../hpack/encoder.ts";
import { ConnectionLifetime } from "../limits/connection_lifetime.ts";
import { MemoryPool, MemoryShare } from "../limits/memory_pool.ts";
import { PeerBudget, type PeerCharge, PeerEvent } from "../limits/peer_budget.ts";
import { ClosedStreams } from "./closed_streams.ts";
import { DEFAULT_HEADER_TABLE_BYTES, ErrorCode, errorCodeName, PREFACE } from "./constants.ts";
import type { ConnectionContext, Http2Handler, Role } from "./context.ts";
import { DataReceiver } from "./data_receiver.ts";
import { FrameReader } from "./frame_reader.ts";
import { FrameReceiver } from "./frame_receiver.ts";
import { writeGoaway } from "./frame_writer.ts";
import { HeaderBlocks } from "./header_blocks.ts";
import { HeaderReceiver } from "./header_receiver.ts";
import { HeaderWriter } from "./header_writer.ts";
import type { Http2Options } from "./options.ts";
import { Pings } from "./pings.ts";
import { ReceiveWindow } from "./receive_window.ts";
import { ResetMemory } from "./reset_memory.ts";
import { type SendOwner, SendScheduler } from "./send_scheduler.ts";
import { Settings } from "./settings.ts";
import { Shutdown } from "./shutdown.ts";
import { StallWatch } from "./stall_watch.ts";
import type { Http2Stream, StreamOwner } from "./stream.ts";
import { StreamCloser } from "./stream_closer.ts";
import { nextState, StreamInput } from "./stream_state.ts";
import { StreamTable } from "./stream_table.ts";

export type { Http2Handler, Role } from "./context.ts";

// Memory pool of connections without a shared bound, such as those of clients.
const UNBOUNDED = new MemoryPool(Infinity);
// Reading pauses while the unsent output is at least this multiple of `maxOutputBytes`.
const READ_PAUSE_FACTOR = 8;

/** One HTTP/2 connection. */
export class Http2Connection
  implements ConnectionEngine, ConnectionContext, StreamOwner, SendOwner {
  readonly out = new ByteWriter();
  onOutput: () => void = () => {};
  readonly encoder: HpackEncoder;
  readonly memory: MemoryShare;
  readonly budget: PeerBudget;
  readonly streams: StreamTable;
  /** Sends DATA. */
  readonly sender: SendScheduler;
  /** Flow control of received DATA. */
  readonly receiveWindow: ReceiveWindow;
  readonly settings: Settings;
  nowMs: number;
  finished = false;
  /** Reason why the connection ended; empty until `finished`. */
  endReason = "";
  /** True after a graceful shutdown. */
  closedGracefully = false;

  readonly #lifetime: ConnectionLifetime;
  readonly #headerWriter: HeaderWriter;
  readonly #closer: StreamCloser;
  readonly #shutdown: Shutdown;
  readonly #pings: Pings;
  readonly #stalls: StallWatch;
  readonly #blocks: HeaderBlocks;
  readonly #reader: FrameReader;
  #prefaceLeft: number;
  #receiving = false;
  #unsentControlFrames = 0;
  /** Number of sent DATA frames that are already credited to the budget. */
  #creditedFrames = 0;

  /** Starts a connection at `nowMs`, in ms, and writes its preface. */
  constructor(
    readonly role: Role,
    readonly handler: Http2Handler,
    readonly options: Http2Options,
    nowMs: number,
  ) {
    const { out } = this;
    this.nowMs = nowMs;
    this.#prefaceLeft = role === "server" ? PREFACE.length : 0;
    const memory = this.memory = new MemoryShare(options.memory ?? UNBOUNDED);
    this.budget = new PeerBudget(options, role);
    const lifetime = this.#lifetime = new ConnectionLifetime(options, role, nowMs);
    lifetime.startKeepalive(nowMs);
    const streams = this.streams = new StreamTable(role, lifetime);
    const sender = this.sender = new SendScheduler(out, options, memory, this);
    const receiveWindow = this.receiveWindow = new ReceiveWindow(out, options, this);
    const headerWriter = this.#headerWriter = new HeaderWriter(out);
    const encoder = this.encoder = headerWriter.encoder;
    // A table size below the default takes effect with the peer's acknowledgement (RFC 7541 §4.2).
    const decoder = new HpackDecoder({
      maxTableBytes: Math.max(options.headerTableBytes, DEFAULT_HEADER_TABLE_BYTES),
    });
    const settings = this.settings = new Settings(
      this,
      { streams, sender, receiveWindow, encoder, decoder },
    );
    const resets = new ResetMemory();
    const closer = this.#closer = new StreamCloser(this, streams, resets, sender, receiveWindow);
    const shutdown = this.#shutdown = new Shutdown(this, { streams, closer, sender, lifetime });
    const closedStreams = new ClosedStreams(this, streams, resets, shutdown);
    const pings = this.#pings = new Pings(this, lifetime);
    const stalls = this.#stalls = new StallWatch(options.stallTimeoutMs, streams, closer);
    const headers = new HeaderReceiver(
      this,
      { decoder, streams, closer, closedStreams, shutdown, sender },
    );
    const blocks = this.#blocks = new HeaderBlocks(headers, options.maxContinuationFrames);
    const data = new DataReceiver(
      this,
      { settings, blocks, streams, closer, closedStreams, receiveWindow },
    );
    const frames = new FrameReceiver(
      this,
      { settings, blocks, streams, closer, shutdown, pings, stalls, sender, receiveWindow },
    );
    this.#reader = new FrameReader(frames, data, options.maxFrameBytes);
  }

  get wantsRead(): boolean {
    return this.#unsentControlFrames < this.options.pauseControlFrames &&
      this.out.length < READ_PAUSE_FACTOR * this.options.maxOutputBytes;
  }

  get readThrottledUntilMs(): number {
    return this.budget.readThrottledUntilMs;
  }

  get bufferedBytes(): number {
    return this.sender.queuedBytes + this.#reader.bufferedBytes + this.#blocks.bufferedBytes;
  }

  /** Whether no more streams may be opened, because either side drains or the connection has ended. */
  get closing(): boolean {
    return this.#shutdown.begun || this.finished;
  }

  // ---- input -------------------------------------------------------------------------------------------

  receive(chunk: Uint8Array, nowMs: number): void {
    if (this.finished) return;
    this.nowMs = nowMs;
    this.#lifetime.received(nowMs);
    this.streams.recent.onRead(nowMs, this.streams.lastPeerId);
    this.#receiving = true;
    try {
      const from = this.#prefaceLeft > 0 ? this.#readPreface(chunk) : 0;
      if (this.#prefaceLeft === 0) {
        this.#reader.feed(from === 0 ? chunk : chunk.subarray(from));
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.connectionError(error.code, error.message);
    } finally {
      this.#receiving = false;
    }
  }

  #readPreface(chunk: Uint8Array): number {
    const from = PREFACE.length - this.#prefaceLeft;
    const count = Math.min(this.#prefaceLeft, chunk.length);
    for (let i = 0; i < count; i++) {
      if (chunk[i] !== PREFACE[from + i]) {
        throw new ProtocolError("connection", ErrorCode.PROTOCOL_ERROR, "Not an HTTP/2 preface");
      }
    }
    this.#prefaceLeft -= count;
    return count;
  }

  receiveEnd(nowMs: number): void {
    this.transportLost("The peer closed the connection", nowMs);
  }

  transportLost(reason: string, nowMs: number): void {
    if (!this.finished) this.nowMs = nowMs;
    this.#finish(ErrorCode.NO_ERROR, reason);
  }

  outputDrained(nowMs: number): void {
    this.nowMs = nowMs;
    this.#stalls.progress(nowMs);
    this.#unsentControlFrames = 0;
    this.#lifetime.setNow(nowMs);
    this.sender.pump();
  }

  // ---- time --------------------------------------------------------------------------------------------

  nextTimerMs(): number {
    if (this.finished) return Infinity;
    return Math.min(
      this.settings.nextMs,
      this.#lifetime.nextMs,
      this.#stalls.nextMs,
      this.#shutdown.nextMs,
    );
  }

  onTimer(nowMs: number): void {
    if (this.finished) return;
    this.nowMs = nowMs;
    this.settings.onTimer(nowMs);
    this.#checkKeepalive(nowMs);
    if (!this.finished) this.#stalls.onTimer(nowMs);
    if (!this.finished) this.#shutdown.onTimer(nowMs);
    if (!this.finished) this.#checkEnd(nowMs);
    if (this.out.length > 0) this.changed();
  }

  #checkKeepalive(nowMs: number): void {
    if (this.finished) return;
    const { keepaliveWithoutCalls, keepaliveTimeoutMs } = this.options;
    const quiet = this.role === "client" && this.streams.open.size === 0 && !keepaliveWithoutCalls;
    const action = this.#lifetime.checkKeepalive(nowMs, quiet);
    if (action === "ping") this.#pings.sendKeepalive();
    else if (action === "lost") {
      this.transportLost(`No answer to a ping within ${keepaliveTimeoutMs} ms`, nowMs);
    }
  }

  #checkEnd(nowMs: number): void {
    const action = this.#lifetime.checkEnd(nowMs);
    if (action === "drain") this.drain(nowMs);
    else if (action === "abort") {
      this.abort(ErrorCode.NO_ERROR, "The connection's grace period is over", nowMs);
    }
  }

  /** Sends a PING; calls `onPong` with the time of its acknowledgement, or never if the connection ends first. */
  ping(nowMs: number, onPong: (nowMs: number) => void): void {
    if (this.finished) return;
    this.nowMs = nowMs;
    this.#pings.send(onPong);
    this.changed();
  }

  // ---- streams -----------------------------------------------------------------------------------------

  get initialWindow(): number {
    return this.settings.initialWindow;
  }

  get peerInitialWindow(): number {
    return this.settings.peerInitialWindow;
  }

  get peerMaxHeaderListBytes(): number {
    return this.settings.peerMaxHeaderListBytes;
  }

  get sendWindow(): number {
    return this.sender.window;
  }

  beginHeaders(): number {
    return this.#headerWriter.begin();
  }

  endHeaders(stream: Http2Stream, at: number, endStream: boolean): void {
    this.#headerWriter.end(stream.id, at, endStream, this.sender.maxFrameBytes);
    stream.state = nextState(
      stream.state,
      endStream ? StreamInput.SEND_HEADERS_END : StreamInput.SEND_HEADERS,
    );
    this.sender.framesSent++;
    if (endStream) this.#closer.localEnded(stream);
    this.changed();
  }

  sendData(stream: Http2Stream, prefix: Uint8Array | null, body: Uint8Array, end: boolean): void {
    this.sender.send(stream, prefix, body, end);
    // Only servers watch for stalls: on a client, the call's deadline bounds the wait for credit.
    if (stream.queue !== null && this.role === "server") this.#stalls.watch(this.nowMs);
    this.changed();
  }

  onEndSent(stream: Http2Stream): void {
    this.#closer.dataEndSent(stream);
  }

  onDataLost(stream: Http2Stream, begun: boolean): void {
    this.sender.discard(stream);
    stream.onDataLost(begun);
  }

  writable(stream: Http2Stream): boolean {
    return this.sender.writable(stream);
  }

  reset(stream: Http2Stream, code: number): void {
    this.#closer.reset(stream, code);
  }

  setReadPaused(stream: Http2Stream, paused: boolean): void {
    const before = this.out.length;
    this.receiveWindow.setPaused(stream, paused);
    if (this.out.length !== before) this.changed();
  }

  chargeFault(): void {
    this.charge(PeerEvent.BROKEN_MESSAGE);
  }

  releaseSlot(): void {
    if (!this.streams.releaseSlot()) return;
    this.finishIfDrained();
    // A handler may end long after the last output, so the driver must be notified to re-arm its timer.
    if (this.#lifetime.callsEnded(this.nowMs)) this.changed();
  }

  // ---- parts -------------------------------------------------------------------------------------------

  changed(): void {
    if (!this.#receiving) this.onOutput();
  }

  charge(event: PeerCharge): void {
    const sent = this.sender.usefulFrames;
    if (sent !== this.#creditedFrames) {
      this.budget.credit(PeerEvent.DATA_SENT, sent - this.#creditedFrames);
      this.#creditedFrames = sent;
    }
    if (this.budget.charge(event, this.nowMs) === "close") {
      this.connectionError(ErrorCode.ENHANCE_YOUR_CALM, this.budget.reason(event));
    }
  }

  countControlFrame(): void {
    if (++this.#unsentControlFrames >= this.options.maxControlFrames) {
      this.connectionError(
        ErrorCode.ENHANCE_YOUR_CALM,
        `${this.#unsentControlFrames} control frames are unsent: the limit is ${this.options.maxControlFrames}`,
      );
    }
  }

  // ---- end ---------------------------------------------------------------------------------------------

  /** Starts a graceful drain: no new streams, open ones finish, then `finished`. */
  drain(nowMs: number): void {
    if (this.finished) return;
    this.nowMs = nowMs;
    this.#shutdown.drain(nowMs);
  }

  /** Ends at once with GOAWAY; every stream is reset. */
  abort(code: number, reason: string, nowMs: number): void {
    if (this.finished) return;
    this.nowMs = nowMs;
    writeGoaway(this.out, this.streams.lastPeerId, code, reason);
    this.#finish(code, reason);
    this.changed();
  }

  violation(reason: string): void {
    this.connectionError(ErrorCode.PROTOCOL_ERROR, reason);
  }

  connectionError(code: number, reason: string): void {
    if (this.finished) return;
    this.handler.onNote("warn", `Closing a connection with ${errorCodeName(code)}: ${reason}`);
    writeGoaway(this.out, this.streams.lastPeerId, code, reason);
    this.#finish(code, reason);
    this.changed();
  }

  finishIfDrained(): void {
    if (this.finished || !this.#shutdown.complete) return;
    if (this.role === "client") writeGoaway(this.out, 0, ErrorCode.NO_ERROR, "");
    this.closedGracefully = true;
    this.#finish(ErrorCode.NO_ERROR, "The connection was drained");
    this.changed();
  }

  #finish(code: number, reason: string): void {
    if (this.finished) return;
    this.finished = true;
    this.endReason = reason;
    this.#reader.stop();
    this.#blocks.clear();
    this.#closer.endAll(code, reason);
    this.#pings.clear();
    this.handler.onGoaway(code, reason);
  }
}
