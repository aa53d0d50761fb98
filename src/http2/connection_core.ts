/**
 * What every part of an HTTP/2 connection needs: its state, its output, and the ways it ends.
 *
 * @module
 */

import { IdMap } from "../call/id_map.ts";
import { MemoryPool, MemoryShare } from "../limits/memory_pool.ts";
import { ByteWriter } from "../bytes/writer.ts";
import { HpackEncoder } from "../hpack/encoder.ts";
import { MAX_SLOWDOWN_MS, TokenBucket } from "../limits/token_bucket.ts";
import {
  DEFAULT_WINDOW_BYTES,
  ErrorCode,
  errorCodeName,
  Flag,
  FrameType,
  PREFACE,
  SettingId,
} from "./constants.ts";
import { putFrameHeader, writeGoaway, writeRstStream, writeSettings } from "./frame_writer.ts";
import type { Http2Options } from "./options.ts";
import { Pings } from "./pings.ts";
import { ReceiveWindow } from "./receive_window.ts";
import { type SendOwner, SendScheduler } from "./send_scheduler.ts";
import type { Http2Stream } from "./stream.ts";
import { nextState, StreamInput, StreamState } from "./stream_state.ts";
import { Timer, Timers } from "./timers.ts";

/** Which side of the connection this is. */
export type Role = "client" | "server";

/** What the protocol above wants to hear about the connection. */
export interface Http2Handler {
  /** Server: makes the object for a stream that the peer opens. */
  createStream(): Http2Stream;
  /** The peer's SETTINGS arrived (the first, or a change). */
  onSettings(): void;
  /** The peer said GOAWAY, or the connection failed: no new streams. */
  onGoaway(errorCode: number, debug: string): void;
  /** A stream is gone for the wire; its slot may be free. */
  onStreamClosed(stream: Http2Stream): void;
  /** Something worth a log line. */
  onNote(level: "debug" | "warn", message: string): void;
}

// How many identifiers of streams that were reset here are remembered, to ignore what was on its way.
const REMEMBERED_RESETS = 256;

/** State, output and endings of a connection; {@link Http2Connection} is the whole. */
export abstract class ConnectionCore implements SendOwner {
  readonly out = new ByteWriter();
  onOutput: () => void = () => {};
  /** Encodes header blocks; use it between `beginHeaders` and `endHeaders` only. */
  readonly encoder = new HpackEncoder();
  /** Sends DATA. */
  readonly sender: SendScheduler;
  /** Streams opened here that the peer allows at once. */
  peerMaxStreams = Infinity;
  /** The peer's SETTINGS_INITIAL_WINDOW_SIZE. */
  peerInitialWindow = DEFAULT_WINDOW_BYTES;
  /** The largest header list that the peer says it takes (RFC 9113 section 6.5.2, MAX_HEADER_LIST_SIZE). */
  peerMaxHeaderListBytes = Infinity;
  /** Whether the peer's first SETTINGS arrived. */
  settingsReceived = false;
  /** Whether the peer said GOAWAY. */
  goawayReceived = false;
  /** Streams with an object. */
  readonly streams = new IdMap<Http2Stream>();
  /** What this connection holds in buffers, as part of its server's bound. */
  readonly memory: MemoryShare;
  /** Server: streams that are open or whose handlers still run. */
  slots = 0;
  /** The time of the last input. */
  nowMs: number;
  /** When the socket last took output or the peer last gave credit. */
  protected progressMs = 0;
  /** Server: when it should be read from again; see {@link ConnectionEngine}. */
  readThrottledUntilMs = 0;
  finished = false;
  /** Why it is finished; empty before. */
  endReason = "";
  /** Whether it finished because all was said. */
  closedGracefully = false;

  protected readonly pings: Pings;
  protected readonly receiveWindow: ReceiveWindow;
  protected readonly timers = new Timers();
  protected readonly resets: TokenBucket;
  protected readonly overhead: TokenBucket;
  protected receiving = false;
  protected lastPeerId = 0;
  protected nextId = 1;
  protected settingsUnacked = 0;
  protected ownResets: number[] | null = null;
  // The octets that their windows let the peer have on its way.
  protected ownResetWindows: number[] = [];
  protected ownResetAt = 0;
  // The largest identifier that was reset here and is no longer remembered.
  protected ownResetForgotten = 0;
  protected controlQueued = 0;
  protected lastReceivedMs: number;
  protected goawaySentLast = -1;
  protected draining = false;
  /** Server: whether the last call ended since the time was last known. */
  protected idleStartPending = false;
  // The DATA frames sent for which the overhead budget has got its credits.
  protected credited = 0;

  /** Starts a connection at `nowMs` and writes its preface. */
  constructor(
    readonly role: Role,
    readonly handler: Http2Handler,
    readonly options: Http2Options,
    nowMs: number,
  ) {
    this.nowMs = this.lastReceivedMs = nowMs;
    this.memory = new MemoryShare(options.memory ?? new MemoryPool(Infinity));
    this.pings = new Pings(this.out, this.timers, options, nowMs);
    this.receiveWindow = new ReceiveWindow(this.out, options, () => this.nowMs);
    this.sender = new SendScheduler(this.out, options, this.memory, this);
    this.resets = new TokenBucket(options.resetBurst, options.resetsPerSecond, nowMs);
    this.overhead = new TokenBucket(options.overheadBurst, options.overheadPerSecond, nowMs);
    this.timers.set(Timer.PREFACE, nowMs + options.prefaceTimeoutMs);
    if (role === "server") {
      this.timers.set(Timer.IDLE, nowMs + options.maxConnectionIdleMs);
      this.timers.set(Timer.AGE, nowMs + options.maxConnectionAgeMs);
    }
    this.writePreface(nowMs);
  }

  protected writePreface(nowMs: number): void {
    const { options, out } = this;
    const settings: [number, number][] = [];
    const add = (id: number, value: number, initial: number) => {
      if (value !== initial) settings.push([id, value]);
    };
    add(SettingId.HEADER_TABLE_SIZE, options.headerTableBytes, 4096);
    if (this.role === "client") {
      out.bytes(PREFACE);
      settings.push([SettingId.ENABLE_PUSH, 0]);
    } else {
      settings.push([SettingId.MAX_CONCURRENT_STREAMS, options.maxConcurrentStreams]);
    }
    add(SettingId.INITIAL_WINDOW_SIZE, options.initialWindowBytes, DEFAULT_WINDOW_BYTES);
    add(SettingId.MAX_FRAME_SIZE, options.maxFrameBytes, 16_384);
    settings.push([SettingId.MAX_HEADER_LIST_SIZE, options.maxHeaderListBytes]);
    writeSettings(out, settings);
    this.settingsUnacked = 1;
    this.timers.set(Timer.SETTINGS_ACK, nowMs + options.settingsTimeoutMs);
    this.receiveWindow.open();
  }

  /** SETTINGS_INITIAL_WINDOW_SIZE of this side, for new streams: the default until the peer knows better. */
  get initialWindow(): number {
    const { streamWindow } = this.receiveWindow;
    return this.settingsUnacked === 0 ? streamWindow : Math.max(streamWindow, DEFAULT_WINDOW_BYTES);
  }

  /** Whether a drain has begun here or the peer said GOAWAY. */
  get closing(): boolean {
    return this.draining || this.goawayReceived || this.finished;
  }

  /** Tells the driver that there is output, unless it will look by itself. */
  changed(): void {
    if (!this.receiving) this.onOutput();
  }

  /** No further input is looked at. */
  protected abstract stopReading(): void;

  // ---- output ------------------------------------------------------------------------------------------

  // Counts a frame that the peer makes us send and that no flow control bounds.
  protected queueControl(): void {
    if (++this.controlQueued >= this.options.maxControlFrames) {
      this.connectionError(
        ErrorCode.ENHANCE_YOUR_CALM,
        `${this.controlQueued} control frames are unsent, limit is ${this.options.maxControlFrames}`,
      );
    }
  }

  /** Client: gives a new stream its identifier. Throws RangeError when there is none left. */
  openStream(stream: Http2Stream): void {
    if (this.nextId > 0x7fffffff) {
      throw new RangeError("Cannot open a stream: identifiers are used up");
    }
    stream.id = this.nextId;
    this.nextId += 2;
    this.streams.set(stream.id, stream);
  }

  /** Client: whether identifiers for new streams are left. */
  get idsLeft(): boolean {
    return this.nextId <= 0x7fffffff;
  }

  /** Starts a HEADERS frame; encode fields into `out` with `encoder`, then call `endHeaders`. Returns its offset. */
  beginHeaders(): number {
    const { out } = this;
    out.reserve(9);
    const at = out.length;
    out.length = at + 9;
    this.encoder.begin(out);
    return at;
  }

  /** Completes the frame that `beginHeaders` started, in CONTINUATION frames when it is large. */
  endHeaders(stream: Http2Stream, at: number, endStream: boolean): void {
    const { out } = this;
    const length = out.length - at - 9;
    const most = this.sender.maxFrameBytes;
    const end = endStream ? Flag.END_STREAM : 0;
    if (length <= most) {
      putFrameHeader(out.buffer, at, length, FrameType.HEADERS, end | Flag.END_HEADERS, stream.id);
    } else {
      const block = out.buffer.slice(at + 9, out.length);
      out.length = at;
      for (let from = 0; from < length; from += most) {
        const part = Math.min(most, length - from);
        const type = from === 0 ? FrameType.HEADERS : FrameType.CONTINUATION;
        const last = from + part === length ? Flag.END_HEADERS : 0;
        out.reserve(9 + part);
        putFrameHeader(
          out.buffer,
          out.length,
          part,
          type,
          (from === 0 ? end : 0) | last,
          stream.id,
        );
        out.length += 9;
        out.bytes(block.subarray(from, from + part));
      }
    }
    this.headersSent(stream, endStream);
  }

  /** Notes that HEADERS of `stream` were written; for callers that wrote a cached frame themselves. */
  headersSent(stream: Http2Stream, endStream: boolean): void {
    stream.state = nextState(
      stream.state,
      endStream ? StreamInput.SEND_HEADERS_END : StreamInput.SEND_HEADERS,
    );
    this.sender.framesSent++;
    if (endStream) this.ended(stream);
    this.changed();
  }

  /** Sends data; see {@link SendScheduler.send}. */
  sendData(stream: Http2Stream, prefix: Uint8Array | null, body: Uint8Array, end: boolean): void {
    this.sender.send(stream, prefix, body, end);
    // A client's own deadline says how long it waits for a server that takes its time.
    if (stream.queue !== null && this.role === "server") this.watchStall();
    this.changed();
  }

  onEndSent(stream: Http2Stream): void {
    stream.state = nextState(stream.state, StreamInput.SEND_DATA_END);
    this.ended(stream);
  }

  // Our side has ended. A server that has answered needs no more of the request (RFC 9113 section 8.1).
  protected ended(stream: Http2Stream): void {
    if (this.role === "server" && stream.state === StreamState.HALF_CLOSED_LOCAL) {
      this.reset(stream, ErrorCode.NO_ERROR);
      return;
    }
    this.closeIfDone(stream);
  }

  /** Resets a stream on behalf of the layer above. No callback follows. */
  reset(stream: Http2Stream, code: number): void {
    if (stream.state === StreamState.CLOSED || stream.state === StreamState.IDLE) return;
    this.writeReset(stream.id, code, stream.recvWindow);
    // For what the peer has sent meanwhile.
    this.overhead.give(4);
    this.drop(stream);
    this.handler.onStreamClosed(stream);
    this.changed();
    this.checkDrained();
  }

  /** Pauses or resumes the giving of credit to a stream's sender. */
  setReadPaused(stream: Http2Stream, paused: boolean): void {
    const before = this.out.length;
    this.receiveWindow.setPaused(stream, paused);
    if (this.out.length !== before) this.changed();
  }

  protected writeReset(id: number, code: number, window: number): void {
    writeRstStream(this.out, id, code);
    this.ownResets ??= [];
    const forgotten = this.ownResets[this.ownResetAt];
    if (forgotten > this.ownResetForgotten) this.ownResetForgotten = forgotten;
    this.ownResets[this.ownResetAt] = id;
    this.ownResetWindows[this.ownResetAt] = window;
    this.ownResetAt = (this.ownResetAt + 1) % REMEMBERED_RESETS;
  }

  protected closeIfDone(stream: Http2Stream): void {
    if (stream.state !== StreamState.CLOSED || !this.streams.has(stream.id)) return;
    this.resets.give(1);
    this.drop(stream);
    this.handler.onStreamClosed(stream);
    this.checkDrained();
  }

  protected drop(stream: Http2Stream): void {
    stream.state = StreamState.CLOSED;
    this.streams.delete(stream.id);
    this.sender.discard(stream);
    this.receiveWindow.forget(stream);
    stream.onDropped();
  }

  /** Server: a handler has ended; its slot is free. */
  releaseSlot(): void {
    this.slots--;
    if (this.slots === 0) {
      this.checkDrained();
      if (this.options.maxConnectionIdleMs === Infinity) return;
      // The last input may be long ago: the next that is known of the time says since when there are no calls.
      this.idleStartPending = true;
      this.timers.set(Timer.IDLE, this.nowMs + this.options.maxConnectionIdleMs);
      this.changed(); // the handler may have ended long after the last output
    }
  }

  protected startIdle(nowMs: number): void {
    this.idleStartPending = false;
    if (this.slots === 0) this.timers.set(Timer.IDLE, nowMs + this.options.maxConnectionIdleMs);
  }

  // The first look dates what waits: the last input, which is all that is known here, may be long ago.
  protected watchStall(): void {
    if (this.timers.get(Timer.STALL) !== Infinity) return;
    this.timers.set(Timer.STALL, this.nowMs + this.options.stallTimeoutMs / 2);
  }

  // ---- what a peer may cost ----------------------------------------------------------------------------

  protected charge(): void {
    const sent = this.sender.usefulFrames;
    if (sent !== this.credited) {
      // Each may be answered by credit for the stream and the connection, and by a ping that measures.
      this.overhead.give(4 * (sent - this.credited));
      this.credited = sent;
    }
    if (!this.overhead.take(1, this.nowMs)) {
      this.connectionError(ErrorCode.ENHANCE_YOUR_CALM, "Too many frames without use");
    }
  }

  /**
   * Charges a stream that was answered with an error for what its peer broke above HTTP/2: twice, because
   * its orderly end may put one back.
   */
  chargeFault(): void {
    if (!this.resets.take(2, this.nowMs)) {
      this.connectionError(ErrorCode.ENHANCE_YOUR_CALM, "Too many streams broke the rules");
    }
    this.throttle();
  }

  /** The peer has made this server refuse or reset a stream: if that was so often, it is read from later. */
  protected throttle(): void {
    if (this.role === "client") return;
    this.readThrottledUntilMs = this.nowMs + Math.min(this.resets.msUntilHalfFull, MAX_SLOWDOWN_MS);
  }

  protected chargeReset(): void {
    if (!this.resets.take(1, this.nowMs)) {
      this.connectionError(ErrorCode.ENHANCE_YOUR_CALM, "Too many streams were reset");
    }
  }

  // Resets a stream that has no object. The peer made us do it: it is charged.
  protected resetUnknown(id: number, code: number): void {
    this.writeReset(id, code, 0);
    this.chargeReset();
    this.throttle();
  }

  // ---- endings -----------------------------------------------------------------------------------------

  /** A peer's fault that concerns one stream: RST_STREAM and `onReset`. */
  streamError(stream: Http2Stream, code: number, reason: string): void {
    if (stream.state === StreamState.CLOSED) return;
    this.writeReset(stream.id, code, stream.recvWindow);
    this.drop(stream);
    stream.onReset(code, false, reason);
    this.handler.onStreamClosed(stream);
    this.changed();
    this.chargeReset();
    this.throttle();
    this.checkDrained();
  }

  /** A peer's fault that concerns the connection: GOAWAY, every stream ends, nothing more is read. */
  connectionError(code: number, reason: string): void {
    if (this.finished) return;
    this.handler.onNote("warn", `Closing a connection with ${errorCodeName(code)}: ${reason}`);
    writeGoaway(this.out, this.lastPeerId, code, reason);
    this.finish(code, reason);
    this.changed();
  }

  protected finish(code: number, reason: string): void {
    if (this.finished) return;
    this.finished = true;
    this.endReason = reason;
    this.stopReading();
    this.timers.clear();
    const streams = [...this.streams.values()];
    this.streams.clear();
    for (const stream of streams) {
      // One that ended before may have made its owner give up this one.
      if (stream.state === StreamState.CLOSED) continue;
      this.drop(stream);
      stream.onReset(code, code === ErrorCode.NO_ERROR, reason);
      this.handler.onStreamClosed(stream);
    }
    this.pings.clear();
    this.handler.onGoaway(code, reason);
  }

  protected violation(message: string): void {
    this.connectionError(ErrorCode.PROTOCOL_ERROR, message);
  }

  protected checkDrained(): void {
    if (this.finished || this.streams.size > 0) return;
    if (this.role === "client") {
      if (!this.draining && !this.goawayReceived) return;
      writeGoaway(this.out, 0, ErrorCode.NO_ERROR, "");
    } else if (this.slots > 0 || (this.goawaySentLast < 0 && !this.goawayReceived)) {
      return;
    }
    this.closedGracefully = true;
    this.finish(ErrorCode.NO_ERROR, "The connection was drained");
    this.changed();
  }

  /** Ends at once: GOAWAY, every stream is reset. */
  abort(code: number, reason: string, nowMs: number): void {
    if (this.finished) return;
    this.nowMs = nowMs;
    writeGoaway(this.out, this.lastPeerId, code, reason);
    this.finish(code, reason);
    this.changed();
  }
}
