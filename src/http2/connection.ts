/**
 * HTTP/2 (RFC 9113) as a state machine without I/O, for either side. Bytes go in by `receive`, come out in
 * `out`; happenings are method calls on {@link Http2Stream}s and on the {@link Http2Handler}.
 *
 * Everything that a peer can get wrong ends in one of two places: `streamError`, which resets one stream,
 * or `connectionError`, which says GOAWAY and stops reading.
 *
 * @module
 */

import type { ConnectionEngine } from "../call/wire.ts";
import { ProtocolError } from "../errors.ts";
import { HpackDecoder } from "../hpack/decoder.ts";
import { HeaderList } from "../hpack/header_list.ts";
import type { Http2Handler, Role } from "./connection_core.ts";
import { BlockCache } from "./block_cache.ts";
import { ControlFrames } from "./control_frames.ts";
import { ErrorCode, Flag, FrameType, PREFACE } from "./constants.ts";
import { checkRequest, checkResponse, checkTrailers, FieldSummary } from "./field_check.ts";
import { type FrameHandler, FrameReader } from "./frame_reader.ts";
import { type BlockOwner, HeaderBlocks } from "./header_blocks.ts";
import { PROGRESS_STALL_MULTIPLIER } from "../limits/token_bucket.ts";
import type { Http2Options } from "./options.ts";
import type { Http2Stream } from "./stream.ts";
import {
  isStateError,
  nextState,
  stateErrorCode,
  StreamInput,
  StreamState,
} from "./stream_state.ts";
import { Timer } from "./timers.ts";

export type { Http2Handler, Role } from "./connection_core.ts";

/** One HTTP/2 connection. */
export class Http2Connection extends ControlFrames
  implements ConnectionEngine, FrameHandler, BlockOwner {
  protected readonly decoder: HpackDecoder;
  protected readonly list = new HeaderList();
  protected readonly summary = new FieldSummary();
  protected readonly cache = new BlockCache();
  protected readonly reader: FrameReader;
  protected readonly blocks: HeaderBlocks;
  protected readonly limits: { maxListBytes: number; maxFields: number };
  protected prefaceLeft: number;
  protected selfDependent = false;
  // The DATA frame being received.
  protected dataStream: Http2Stream | null = null;
  protected dataLength = 0;
  protected dataEnd = false;

  /** Starts a connection at `nowMs` and writes its preface. */
  constructor(role: Role, handler: Http2Handler, options: Http2Options, nowMs: number) {
    super(role, handler, options, nowMs);
    // A smaller table than the default holds once the peer has acknowledged it.
    this.decoder = new HpackDecoder({ maxTableBytes: Math.max(options.headerTableBytes, 4096) });
    this.limits = { maxListBytes: options.maxHeaderListBytes, maxFields: options.maxHeaderFields };
    this.reader = new FrameReader(this, options.maxFrameBytes);
    this.blocks = new HeaderBlocks(this, options.maxContinuationFrames);
    this.prefaceLeft = role === "server" ? PREFACE.length : 0;
  }

  get wantsRead(): boolean {
    return this.controlQueued < this.options.pauseControlFrames &&
      this.out.length < 8 * this.options.maxOutputBytes;
  }

  get bufferedBytes(): number {
    return this.sender.queuedBytes + this.reader.bufferedBytes + this.blocks.bufferedBytes;
  }

  protected stopReading(): void {
    this.reader.stop();
    this.blocks.clear();
  }

  // ---- input -------------------------------------------------------------------------------------------

  receive(chunk: Uint8Array, nowMs: number): void {
    if (this.finished) return;
    this.nowMs = this.lastReceivedMs = nowMs;
    this.receiving = true;
    try {
      const from = this.prefaceLeft > 0 ? this.readPreface(chunk) : 0;
      if (this.prefaceLeft === 0) {
        this.reader.feed(from === 0 ? chunk : chunk.subarray(from));
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.connectionError(error.code, error.message);
    } finally {
      this.receiving = false;
    }
  }

  protected readPreface(chunk: Uint8Array): number {
    const from = PREFACE.length - this.prefaceLeft;
    const count = Math.min(this.prefaceLeft, chunk.length);
    for (let i = 0; i < count; i++) {
      if (chunk[i] !== PREFACE[from + i]) {
        throw new ProtocolError("connection", ErrorCode.PROTOCOL_ERROR, "Not an HTTP/2 preface");
      }
    }
    this.prefaceLeft -= count;
    return count;
  }

  receiveEnd(nowMs: number): void {
    this.transportLost("The peer closed the connection", nowMs);
  }

  transportLost(reason: string, nowMs: number): void {
    if (!this.finished) this.nowMs = nowMs;
    this.finish(ErrorCode.NO_ERROR, reason);
  }

  outputDrained(nowMs: number): void {
    this.nowMs = this.progressMs = nowMs;
    this.controlQueued = 0;
    if (this.idleStartPending) this.startIdle(nowMs);
    this.sender.pump();
  }

  protected override onSettingsAck(): void {
    super.onSettingsAck();
    this.decoder.setMaxTableBytes(this.options.headerTableBytes);
  }

  onOversizedFrame(length: number): void {
    const what = `A frame of ${length} bytes arrived, limit is ${this.options.maxFrameBytes}`;
    const why = this.settingsReceived ? "" : `: ${otherProtocol(length)}`;
    this.connectionError(ErrorCode.FRAME_SIZE_ERROR, what + why);
  }

  onFrame(
    type: number,
    flags: number,
    id: number,
    buffer: Uint8Array,
    start: number,
    end: number,
  ): void {
    if (!this.settingsReceived && type !== FrameType.SETTINGS) {
      return this.violation(`${type} came before SETTINGS`);
    }
    const open = this.blocks.openStream;
    if (open !== 0 && (type !== FrameType.CONTINUATION || id !== open)) {
      return this.violation(`A frame of type ${type} came inside a header block`);
    }
    switch (type) {
      case FrameType.HEADERS:
        return this.blocks.onHeaders(flags, id, buffer, start, end);
      case FrameType.WINDOW_UPDATE:
        return this.takeWindowUpdate(id, buffer, start, end);
      case FrameType.RST_STREAM:
        return this.takeRstStream(id, buffer, start, end);
      case FrameType.SETTINGS:
        return this.takeSettings(flags, id, buffer, start, end);
      case FrameType.PING:
        return this.takePing(flags, id, buffer, start, end);
      case FrameType.GOAWAY:
        return this.takeGoaway(id, buffer, start, end);
      case FrameType.CONTINUATION:
        return this.blocks.onContinuation(flags, id, buffer, start, end);
      case FrameType.PRIORITY:
        return this.takePriority(id, buffer, start, end);
      case FrameType.PUSH_PROMISE:
        return this.violation("PUSH_PROMISE came, and push is off");
      default:
        this.charge(); // Unknown types are ignored (RFC 9113 section 4.1), but not for ever.
    }
  }

  // ---- DATA --------------------------------------------------------------------------------------------

  onDataBegin(flags: number, id: number, length: number): void {
    this.dataStream = null;
    this.dataLength = length;
    this.dataEnd = (flags & Flag.END_STREAM) !== 0;
    if (!this.settingsReceived) return this.violation("DATA came before SETTINGS");
    if (this.blocks.openStream !== 0) return this.violation("DATA came inside a header block");
    if (id === 0) return this.violation("DATA came on stream 0");
    // An empty or tiny frame that does not even end the stream is overhead. 5 is gRPC's smallest message.
    const useful = length >= 5 || this.dataEnd;
    if (!useful) this.charge();
    if (!this.receiveWindow.take(length)) {
      return this.connectionError(
        ErrorCode.FLOW_CONTROL_ERROR,
        `DATA overstepped the connection's window by ${-this.receiveWindow.window} bytes`,
      );
    }
    const stream = this.streams.get(id);
    if (stream === undefined) return this.onClosedStreamFrame(id, "DATA", useful ? length : 0);
    const next = nextState(
      stream.state,
      this.dataEnd ? StreamInput.RECV_DATA_END : StreamInput.RECV_DATA,
    );
    if (isStateError(next)) {
      return this.streamError(stream, stateErrorCode(next), "DATA came after END_STREAM");
    }
    if (!stream.headersReceived) {
      return this.streamError(stream, ErrorCode.PROTOCOL_ERROR, "DATA came before HEADERS");
    }
    stream.recvWindow -= length;
    if (stream.recvWindow < 0) {
      return this.streamError(
        stream,
        ErrorCode.FLOW_CONTROL_ERROR,
        `DATA overstepped the stream's window by ${-stream.recvWindow} bytes`,
      );
    }
    this.dataStream = stream;
    if (useful) this.overhead.give(2);
  }

  onDataPart(buffer: Uint8Array, start: number, end: number): void {
    const stream = this.dataStream;
    if (stream === null || stream.state === StreamState.CLOSED) return;
    if (stream.lengthLeft >= 0) {
      stream.lengthLeft -= end - start;
      if (stream.lengthLeft < 0) return this.badLength(stream);
    }
    stream.onData(buffer, start, end);
  }

  protected badLength(stream: Http2Stream): void {
    this.dataStream = null;
    this.streamError(
      stream,
      ErrorCode.PROTOCOL_ERROR,
      "The data is not as long as content-length says",
    );
  }

  onBadPadding(): void {
    this.violation("Padding is not shorter than its frame");
  }

  onDataEnd(): void {
    let stream = this.dataStream;
    this.dataStream = null;
    if (stream !== null && stream.state === StreamState.CLOSED) stream = null;
    // Every byte is given back, padding and discarded data included.
    this.receiveWindow.give(stream, this.dataLength);
    if (stream === null || !this.dataEnd) return;
    if (stream.lengthLeft > 0) return this.badLength(stream);
    stream.state = nextState(stream.state, StreamInput.RECV_DATA_END);
    stream.onEnd();
    this.closeIfDone(stream);
  }

  // ---- header blocks -----------------------------------------------------------------------------------

  onBlock(
    id: number,
    endStream: boolean,
    selfDependent: boolean,
    buffer: Uint8Array,
    start: number,
    end: number,
  ): void {
    const { list, decoder } = this;
    this.selfDependent = selfDependent;
    const opens = this.role === "server" && id > this.lastPeerId;
    if (opens) {
      const known = this.cache.find(buffer, start, end, decoder.version);
      if (known !== null) return this.onRequest(id, endStream, known);
    }
    const { version } = decoder;
    // Every block is decoded, wanted or not: else the tables would no longer agree.
    decoder.decode(buffer, start, end, list, this.limits);
    const stream = this.streams.get(id);
    if (stream !== undefined) return this.onStreamBlock(stream, endStream);
    if (!opens) return this.onClosedStreamFrame(id, "HEADERS");
    const wrong = list.overLimit ? "header list over its limits" : checkRequest(list, this.summary);
    if (wrong !== null) return this.onBadRequest(id, wrong);
    const summary = this.cache.offer(buffer, start, end, version, decoder.version, this.summary);
    this.onRequest(id, endStream, summary);
  }

  protected onBadRequest(id: number, wrong: string): void {
    if ((id & 1) === 0) return this.violation(`A client opened stream ${id}, which is even`);
    this.lastPeerId = id;
    this.handler.onNote("debug", `Refused a request: ${wrong}`);
    const code = this.list.overLimit ? ErrorCode.ENHANCE_YOUR_CALM : ErrorCode.PROTOCOL_ERROR;
    this.resetUnknown(id, code);
  }

  protected onRequest(id: number, endStream: boolean, summary: FieldSummary): void {
    if ((id & 1) === 0) return this.violation(`A client opened stream ${id}, which is even`);
    this.lastPeerId = id;
    this.overhead.give(4);
    if (this.goawaySentLast >= 0 && id > this.goawaySentLast) return this.refuse(id);
    if (
      this.slots >= this.options.maxConcurrentStreams ||
      this.sender.queuedBytes >= this.options.maxSendBufferBytes
    ) return this.refuse(id);
    if (this.selfDependent) return this.resetUnknown(id, ErrorCode.PROTOCOL_ERROR);
    const stream = this.handler.createStream();
    stream.id = id;
    stream.state = nextState(
      StreamState.IDLE,
      endStream ? StreamInput.RECV_HEADERS_END : StreamInput.RECV_HEADERS,
    );
    stream.headersReceived = true;
    stream.lengthLeft = summary.contentLength;
    if (endStream && stream.lengthLeft > 0) {
      return this.resetUnknown(id, ErrorCode.PROTOCOL_ERROR);
    }
    this.streams.set(id, stream);
    this.slots++;
    this.timers.set(Timer.IDLE, Infinity);
    stream.onHeaders(this.list, summary, endStream);
    this.closeIfDone(stream);
  }

  protected refuse(id: number): void {
    this.resetUnknown(id, ErrorCode.REFUSED_STREAM);
  }

  protected onStreamBlock(stream: Http2Stream, endStream: boolean): void {
    const next = nextState(
      stream.state,
      endStream ? StreamInput.RECV_HEADERS_END : StreamInput.RECV_HEADERS,
    );
    if (isStateError(next)) {
      return this.streamError(stream, stateErrorCode(next), "HEADERS came after END_STREAM");
    }
    if (this.list.overLimit) {
      return this.streamError(
        stream,
        ErrorCode.ENHANCE_YOUR_CALM,
        `A header list of ${this.list.size} bytes arrived, limit is ${this.options.maxHeaderListBytes}`,
      );
    }
    if (this.role === "client" && !stream.headersReceived) {
      return this.onResponse(stream, endStream, next);
    }
    if (!endStream) {
      return this.streamError(
        stream,
        ErrorCode.PROTOCOL_ERROR,
        "A second header section does not end its stream",
      );
    }
    const wrong = this.selfDependent
      ? "A stream depends on itself"
      : checkTrailers(this.list, this.summary);
    if (wrong !== null) return this.streamError(stream, ErrorCode.PROTOCOL_ERROR, wrong);
    if (stream.lengthLeft > 0) return this.badLength(stream);
    stream.state = next;
    stream.onTrailers(this.list, this.summary);
    this.closeIfDone(stream);
  }

  protected onResponse(stream: Http2Stream, endStream: boolean, next: number): void {
    const summary = this.summary;
    const wrong = checkResponse(this.list, summary);
    if (wrong !== null) return this.streamError(stream, ErrorCode.PROTOCOL_ERROR, wrong);
    if (summary.status < 200) {
      // Interim responses are of no interest, but may not end the stream (RFC 9113 section 8.1).
      if (endStream) {
        this.streamError(stream, ErrorCode.PROTOCOL_ERROR, "An interim response ends its stream");
      } else {
        this.charge();
      }
      return;
    }
    stream.headersReceived = true;
    stream.lengthLeft = summary.contentLength;
    if (endStream && stream.lengthLeft > 0) return this.badLength(stream);
    stream.state = next;
    stream.onHeaders(this.list, summary, endStream);
    this.closeIfDone(stream);
  }

  // A frame for a stream that has no object: idle, closed, or reset here while the frame was on its way.
  // `useful`: the length of a DATA frame that is not charged by itself.
  protected onClosedStreamFrame(id: number, what: string, useful = 0): void {
    if (this.isIdle(id)) return this.violation(`${what} came on stream ${id}, which is idle`);
    // What was on its way is ignored, but not for ever.
    const known = this.ownResets === null ? -1 : this.ownResets.lastIndexOf(id);
    if (known >= 0) {
      // Data that the stream's window let through is no overhead: it would have been none before.
      if (useful > 0 && (this.ownResetWindows[known] -= useful) >= 0) return;
      return this.charge();
    }
    if (this.goawaySentLast >= 0 && id > this.goawaySentLast) return;
    // It may have been reset here so long ago that this is forgotten, and the frame was on its way.
    if (id <= this.ownResetForgotten) return this.charge();
    // So the peer had ended or reset it (RFC 9113 section 5.1, closed).
    this.connectionError(
      ErrorCode.STREAM_CLOSED,
      `${what} came on stream ${id}, which the peer had closed`,
    );
  }

  // ---- time --------------------------------------------------------------------------------------------

  nextTimerMs(): number {
    return this.finished ? Infinity : this.timers.next();
  }

  onTimer(nowMs: number): void {
    if (this.finished) return;
    this.nowMs = nowMs;
    const { options } = this;
    const timers = this.timers;
    if (timers.fire(Timer.PREFACE, nowMs)) {
      this.connectionError(
        ErrorCode.PROTOCOL_ERROR,
        `No preface arrived in ${options.prefaceTimeoutMs} ms`,
      );
    } else if (timers.fire(Timer.SETTINGS_ACK, nowMs)) {
      this.connectionError(
        ErrorCode.SETTINGS_TIMEOUT,
        `SETTINGS were not acknowledged in ${options.settingsTimeoutMs} ms`,
      );
    } else if (timers.fire(Timer.KEEPALIVE_ACK, nowMs)) {
      // Whoever sends is alive, although the answer may stand in line behind much data.
      const aliveUntilMs = this.lastReceivedMs + options.keepaliveTimeoutMs;
      if (aliveUntilMs > nowMs) timers.set(Timer.KEEPALIVE_ACK, aliveUntilMs);
      else this.transportLost(`No answer to a ping in ${options.keepaliveTimeoutMs} ms`, nowMs);
    } else if (timers.fire(Timer.AGE_GRACE, nowMs)) {
      this.abort(ErrorCode.NO_ERROR, "The connection's grace period is over", nowMs);
    } else {
      if (timers.fire(Timer.KEEPALIVE, nowMs)) this.keepalive(nowMs);
      if (timers.fire(Timer.STALL, nowMs)) this.checkStalls(nowMs);
      if (timers.fire(Timer.DRAIN_PING, nowMs)) this.finalGoaway();
      if (timers.fire(Timer.IDLE, nowMs)) {
        if (this.idleStartPending) this.startIdle(nowMs);
        else if (this.slots === 0) this.drain(nowMs);
      }
      if (timers.fire(Timer.AGE, nowMs)) {
        this.drain(nowMs);
        timers.set(Timer.AGE_GRACE, nowMs + options.maxConnectionAgeGraceMs);
      }
    }
    if (this.out.length > 0) this.changed();
  }

  protected keepalive(nowMs: number): void {
    const quiet = this.role === "client" && this.streams.size === 0 &&
      !this.options.keepaliveWithoutCalls;
    this.pings.onKeepaliveTimer(nowMs, this.lastReceivedMs, quiet);
  }

  // A complete reply whose bytes do not move is given up: its reader may not hold memory for ever. A
  // stream whose handler still runs is the handler's own, bounded by its send buffer and deadline. On a slow link
  // others' bytes come first: while the connection moves, replies may wait longer.
  protected checkStalls(nowMs: number): void {
    const { stallTimeoutMs } = this.options;
    let watching = false;
    for (const stream of this.streams.values()) {
      if (stream.queue === null) continue;
      watching = true;
      if (stream.progressMs === 0) stream.progressMs = nowMs;
      const complete = stream.endQueued || stream.trailersQueued;
      if (!complete) continue;
      const endMs = Math.min(
        Math.max(stream.progressMs, this.progressMs) + stallTimeoutMs,
        stream.progressMs + stallTimeoutMs * PROGRESS_STALL_MULTIPLIER,
      );
      if (nowMs < endMs) continue;
      this.streamError(
        stream,
        ErrorCode.CANCEL,
        `The peer took no data for ${stallTimeoutMs} ms`,
      );
    }
    if (watching) this.timers.set(Timer.STALL, nowMs + stallTimeoutMs / 2);
  }
}

// What a peer speaks that begins with something else than SETTINGS: its first three bytes came as a frame's length.
function otherProtocol(length: number): string {
  if (length === 0x485454) return "the peer speaks HTTP/1"; // "HTT"
  if (length >> 8 === 0x1503) return "the peer speaks TLS"; // the head of an alert record
  return "the peer does not speak HTTP/2";
}
