/**
 * HTTP/2 (RFC 9113) as a state machine without I/O, for either side. Bytes go in by `receive`, come out in
 * `out`; happenings are method calls on {@link Http2Stream}s and on the {@link Http2Handler}.
 *
 * Everything that a peer can get wrong ends in one of two places: `streamError`, which resets one stream,
 * or `connectionError`, which says GOAWAY and stops reading.
 *
 * @module
 */

import { ByteWriter } from "../bytes/writer.ts";
import type { ConnectionEngine } from "../call/wire.ts";
import { ProtocolError } from "../errors.ts";
import { HpackDecoder } from "../hpack/decoder.ts";
import { HpackEncoder } from "../hpack/encoder.ts";
import { HeaderList } from "../hpack/header_list.ts";
import { Budget } from "./budget.ts";
import {
  DEFAULT_WINDOW_BYTES,
  ErrorCode,
  errorCodeName,
  Flag,
  FrameType,
  MAX_FRAME_BYTES,
  MAX_WINDOW_BYTES,
  PREFACE,
  SettingId,
} from "./constants.ts";
import { checkRequest, checkResponse, checkTrailers, FieldSummary } from "./field_check.ts";
import { type FrameHandler, FrameReader } from "./frame_reader.ts";
import {
  putFrameHeader,
  writeGoaway,
  writePing,
  writeRstStream,
  writeSettings,
  writeSettingsAck,
  writeWindowUpdate,
} from "./frame_writer.ts";
import type { Http2Options } from "./options.ts";
import { BDP_PING, ReceiveWindow } from "./receive_window.ts";
import { SendScheduler } from "./send_scheduler.ts";
import type { Http2Stream } from "./stream.ts";
import {
  isStateError,
  nextState,
  stateErrorCode,
  StreamInput,
  StreamState,
} from "./stream_state.ts";
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
const KEEPALIVE_PING = [0x76727063, 0x6b656570] as const;
const DRAIN_PING = [0x76727063, 0x64726e31] as const;
const USER_PING_HIGH = 0x76727075;
// A server forgives this many early pings, as gRPC A8 and grpc-go do.
const PING_STRIKES = 2;

/** One HTTP/2 connection. */
export class Http2Connection implements ConnectionEngine, FrameHandler {
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
  /** Whether the peer's first SETTINGS arrived. */
  settingsReceived = false;
  /** Whether the peer said GOAWAY. */
  goawayReceived = false;
  /** Streams with an object. */
  readonly streams = new Map<number, Http2Stream>();
  /** Server: streams that are open or whose handlers still run. */
  slots = 0;
  /** The time of the last input. */
  nowMs: number;
  finished = false;

  readonly #decoder: HpackDecoder;
  readonly #list = new HeaderList();
  readonly #summary = new FieldSummary();
  readonly #reader: FrameReader;
  readonly #receiveWindow: ReceiveWindow;
  readonly #timers = new Timers();
  readonly #resets: Budget;
  readonly #overhead: Budget;
  readonly #limits: { maxListBytes: number; maxFields: number };
  #receiving = false;
  #prefaceLeft: number;
  #lastPeerId = 0;
  #nextId = 1;
  #settingsUnacked = 0;
  // A header block in parts: the stream, its flags, and the fragments so far.
  #blockStream = 0;
  #blockEnd = false;
  #block: ByteWriter | null = null;
  #continuations = 0;
  #selfDependent = false;
  // The DATA frame being received.
  #dataStream: Http2Stream | null = null;
  #dataLength = 0;
  #dataEnd = false;
  #ownResets: number[] | null = null;
  #ownResetAt = 0;
  #controlQueued = 0;
  #lastReceivedMs: number;
  #pingStrikes = 0;
  #lastPingMs = -Infinity;
  #framesAtPing = 0;
  #keepaliveMs: number;
  #pings: Map<number, (nowMs: number) => void> | null = null;
  #pingId = 0;
  #goawaySentLast = -1;
  #draining = false;
  #idleSinceMs: number;

  /** Starts a connection at `nowMs` and writes its preface. */
  constructor(
    readonly role: Role,
    readonly handler: Http2Handler,
    readonly options: Http2Options,
    nowMs: number,
  ) {
    this.nowMs = this.#lastReceivedMs = this.#idleSinceMs = nowMs;
    this.#decoder = new HpackDecoder({ maxTableBytes: options.headerTableBytes });
    this.#limits = { maxListBytes: options.maxHeaderListBytes, maxFields: options.maxHeaderFields };
    this.#reader = new FrameReader(this, options.maxFrameBytes);
    this.#receiveWindow = new ReceiveWindow(this.out, options);
    this.sender = new SendScheduler(this.out, options, this);
    this.#resets = new Budget(options.resetBurst, options.resetsPerSecond, nowMs);
    this.#overhead = new Budget(options.overheadBurst, options.overheadPerSecond, nowMs);
    this.#prefaceLeft = role === "server" ? PREFACE.length : 0;
    this.#keepaliveMs = options.keepaliveTimeMs;
    this.#timers.set(Timer.PREFACE, nowMs + options.prefaceTimeoutMs);
    this.#timers.set(Timer.KEEPALIVE, nowMs + this.#keepaliveMs);
    if (role === "server") {
      this.#timers.set(Timer.IDLE, nowMs + options.maxConnectionIdleMs);
      this.#timers.set(Timer.AGE, nowMs + options.maxConnectionAgeMs);
    }
    this.#writePreface(nowMs);
  }

  #writePreface(nowMs: number): void {
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
    this.#settingsUnacked = 1;
    this.#timers.set(Timer.SETTINGS_ACK, nowMs + options.settingsTimeoutMs);
    this.#receiveWindow.open();
  }

  /** SETTINGS_INITIAL_WINDOW_SIZE of this side, for new streams. */
  get initialWindow(): number {
    return this.#receiveWindow.streamWindow;
  }

  /** Whether a drain has begun here or the peer said GOAWAY. */
  get closing(): boolean {
    return this.#draining || this.goawayReceived || this.finished;
  }

  get wantsRead(): boolean {
    return this.#controlQueued < this.options.pauseControlFrames &&
      this.out.length < 8 * this.options.maxOutputBytes;
  }

  get bufferedBytes(): number {
    return this.sender.queuedBytes + this.#reader.bufferedBytes +
      (this.#block === null ? 0 : this.#block.length);
  }

  /** Tells the driver that there is output, unless it will look by itself. */
  changed(): void {
    if (!this.#receiving) this.onOutput();
  }

  // ---- input -------------------------------------------------------------------------------------------

  receive(chunk: Uint8Array, nowMs: number): void {
    if (this.finished) return;
    this.nowMs = this.#lastReceivedMs = nowMs;
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
    this.#controlQueued = 0;
    this.sender.pump();
  }

  onOversizedFrame(length: number): void {
    this.connectionError(
      ErrorCode.FRAME_SIZE_ERROR,
      `A frame of ${length} bytes arrived, limit is ${this.options.maxFrameBytes}`,
    );
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
      return this.#violation(`${type} came before SETTINGS`);
    }
    if (this.#blockStream !== 0 && (type !== FrameType.CONTINUATION || id !== this.#blockStream)) {
      return this.#violation(`A frame of type ${type} came inside a header block`);
    }
    switch (type) {
      case FrameType.HEADERS:
        return this.#onHeaders(flags, id, buffer, start, end);
      case FrameType.WINDOW_UPDATE:
        return this.#onWindowUpdate(id, buffer, start, end);
      case FrameType.RST_STREAM:
        return this.#onRstStream(id, buffer, start, end);
      case FrameType.SETTINGS:
        return this.#onSettings(flags, id, buffer, start, end);
      case FrameType.PING:
        return this.#onPing(flags, id, buffer, start, end);
      case FrameType.GOAWAY:
        return this.#onGoaway(id, buffer, start, end);
      case FrameType.CONTINUATION:
        return this.#onContinuation(flags, id, buffer, start, end);
      case FrameType.PRIORITY:
        return this.#onPriority(id, buffer, start, end);
      case FrameType.PUSH_PROMISE:
        return this.#violation("PUSH_PROMISE came, and push is off");
      default:
        this.#charge(); // Unknown types are ignored (RFC 9113 section 4.1), but not for ever.
    }
  }

  #violation(message: string): void {
    this.connectionError(ErrorCode.PROTOCOL_ERROR, message);
  }

  #charge(): void {
    if (!this.#overhead.take(1, this.nowMs)) {
      this.connectionError(ErrorCode.ENHANCE_YOUR_CALM, "Too many frames without use");
    }
  }

  // ---- DATA --------------------------------------------------------------------------------------------

  onDataBegin(flags: number, id: number, length: number): void {
    this.#dataStream = null;
    this.#dataLength = length;
    this.#dataEnd = (flags & Flag.END_STREAM) !== 0;
    if (!this.settingsReceived) return this.#violation("DATA came before SETTINGS");
    if (this.#blockStream !== 0) return this.#violation("DATA came inside a header block");
    if (id === 0) return this.#violation("DATA came on stream 0");
    // An empty or tiny frame that does not even end the stream is overhead. 5 is gRPC's smallest message.
    if (length < 5 && !this.#dataEnd) this.#charge();
    else this.#overhead.give(2);
    if (!this.#receiveWindow.take(length)) {
      return this.connectionError(
        ErrorCode.FLOW_CONTROL_ERROR,
        `DATA overstepped the connection's window by ${-this.#receiveWindow.window} bytes`,
      );
    }
    const stream = this.streams.get(id);
    if (stream === undefined) return this.#onClosedStreamFrame(id, "DATA");
    const next = nextState(
      stream.state,
      this.#dataEnd ? StreamInput.RECV_DATA_END : StreamInput.RECV_DATA,
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
    this.#dataStream = stream;
  }

  onDataPart(buffer: Uint8Array, start: number, end: number): void {
    const stream = this.#dataStream;
    if (stream === null) return;
    if (stream.lengthLeft >= 0) {
      stream.lengthLeft -= end - start;
      if (stream.lengthLeft < 0) return this.#badLength(stream);
    }
    stream.onData(buffer, start, end);
    if (stream.state === StreamState.CLOSED) this.#dataStream = null;
  }

  #badLength(stream: Http2Stream): void {
    this.#dataStream = null;
    this.streamError(
      stream,
      ErrorCode.PROTOCOL_ERROR,
      "The data is not as long as content-length says",
    );
  }

  onBadPadding(): void {
    this.#violation("Padding is not shorter than its frame");
  }

  onDataEnd(): void {
    const stream = this.#dataStream;
    this.#dataStream = null;
    // Every byte is given back, padding and discarded data included.
    this.#receiveWindow.give(stream, this.#dataLength);
    if (stream === null || !this.#dataEnd) return;
    if (stream.lengthLeft > 0) return this.#badLength(stream);
    stream.state = nextState(stream.state, StreamInput.RECV_DATA_END);
    stream.onEnd();
    this.#closeIfDone(stream);
  }

  // ---- header blocks -----------------------------------------------------------------------------------

  #onHeaders(flags: number, id: number, buffer: Uint8Array, start: number, end: number): void {
    if (id === 0) return this.#violation("HEADERS came on stream 0");
    this.#selfDependent = false;
    if (flags & Flag.PADDED) {
      const padding = start < end ? buffer[start++] : 256;
      if (padding > end - start) return this.onBadPadding();
      end -= padding;
    }
    if (flags & Flag.PRIORITY) {
      if (end - start < 5) {
        return this.connectionError(
          ErrorCode.FRAME_SIZE_ERROR,
          "HEADERS is too short for its priority",
        );
      }
      const dependency = (buffer[start] & 0x7f) << 24 | buffer[start + 1] << 16 |
        buffer[start + 2] << 8 | buffer[start + 3];
      this.#selfDependent = dependency === id;
      start += 5;
    }
    const endStream = (flags & Flag.END_STREAM) !== 0;
    if (flags & Flag.END_HEADERS) return this.#onBlock(id, endStream, buffer, start, end);
    this.#blockStream = id;
    this.#blockEnd = endStream;
    this.#block = new ByteWriter();
    this.#block.bytes(buffer.subarray(start, end));
    this.#continuations = 0;
  }

  #onContinuation(flags: number, id: number, buffer: Uint8Array, start: number, end: number): void {
    const block = this.#block;
    if (id === 0 || block === null) return this.#violation("CONTINUATION came without HEADERS");
    if (++this.#continuations > this.options.maxContinuationFrames) {
      return this.connectionError(
        ErrorCode.ENHANCE_YOUR_CALM,
        `A header block has over ${this.options.maxContinuationFrames} CONTINUATION frames`,
      );
    }
    block.bytes(buffer.subarray(start, end));
    if (!(flags & Flag.END_HEADERS)) return;
    this.#blockStream = 0;
    this.#block = null;
    this.#onBlock(id, this.#blockEnd, block.buffer, 0, block.length);
    block.clear();
  }

  #onBlock(id: number, endStream: boolean, buffer: Uint8Array, start: number, end: number): void {
    const list = this.#list;
    list.clear();
    // Every block is decoded, wanted or not: else the tables would no longer agree.
    this.#decoder.decode(buffer, start, end, list, this.#limits);
    const stream = this.streams.get(id);
    if (stream !== undefined) return this.#onStreamBlock(stream, endStream);
    if (this.role === "client" || id <= this.#lastPeerId) {
      return this.#onClosedStreamFrame(id, "HEADERS");
    }
    this.#onRequest(id, endStream);
  }

  #onRequest(id: number, endStream: boolean): void {
    if ((id & 1) === 0) return this.#violation(`A client opened stream ${id}, which is even`);
    this.#lastPeerId = id;
    this.#overhead.give(4);
    if (this.#goawaySentLast >= 0 && id > this.#goawaySentLast) return this.#refuse(id);
    if (
      this.slots >= this.options.maxConcurrentStreams ||
      this.sender.queuedBytes >= this.options.maxSendBufferBytes
    ) return this.#refuse(id);
    const wrong = this.#list.overLimit ? null : checkRequest(this.#list, this.#summary);
    if (this.#selfDependent || wrong !== null || this.#list.overLimit) {
      const code = this.#list.overLimit ? ErrorCode.ENHANCE_YOUR_CALM : ErrorCode.PROTOCOL_ERROR;
      this.handler.onNote("debug", `Refused a request: ${wrong ?? "header list over its limits"}`);
      return this.#resetUnknown(id, code);
    }
    const stream = this.handler.createStream();
    stream.id = id;
    stream.state = nextState(
      StreamState.IDLE,
      endStream ? StreamInput.RECV_HEADERS_END : StreamInput.RECV_HEADERS,
    );
    stream.headersReceived = true;
    stream.lengthLeft = this.#summary.contentLength;
    if (endStream && stream.lengthLeft > 0) {
      return this.#resetUnknown(id, ErrorCode.PROTOCOL_ERROR);
    }
    this.streams.set(id, stream);
    this.slots++;
    this.#timers.set(Timer.IDLE, Infinity);
    stream.onHeaders(this.#list, this.#summary, endStream);
    this.#closeIfDone(stream);
  }

  #refuse(id: number): void {
    this.#resetUnknown(id, ErrorCode.REFUSED_STREAM);
  }

  // Resets a stream that has no object. The peer made us do it: it is charged.
  #resetUnknown(id: number, code: number): void {
    this.#writeReset(id, code);
    this.#chargeReset();
  }

  #chargeReset(): void {
    if (!this.#resets.take(1, this.nowMs)) {
      this.connectionError(ErrorCode.ENHANCE_YOUR_CALM, "Too many streams were reset");
    }
  }

  #onStreamBlock(stream: Http2Stream, endStream: boolean): void {
    const next = nextState(
      stream.state,
      endStream ? StreamInput.RECV_HEADERS_END : StreamInput.RECV_HEADERS,
    );
    if (isStateError(next)) {
      return this.streamError(stream, stateErrorCode(next), "HEADERS came after END_STREAM");
    }
    if (this.#list.overLimit) {
      return this.streamError(
        stream,
        ErrorCode.ENHANCE_YOUR_CALM,
        `A header list of ${this.#list.size} bytes arrived, limit is ${this.options.maxHeaderListBytes}`,
      );
    }
    if (this.role === "client" && !stream.headersReceived) {
      return this.#onResponse(stream, endStream, next);
    }
    if (!endStream) {
      return this.streamError(
        stream,
        ErrorCode.PROTOCOL_ERROR,
        "A second header section does not end its stream",
      );
    }
    const wrong = this.#selfDependent
      ? "A stream depends on itself"
      : checkTrailers(this.#list, this.#summary);
    if (wrong !== null) return this.streamError(stream, ErrorCode.PROTOCOL_ERROR, wrong);
    if (stream.lengthLeft > 0) return this.#badLength(stream);
    stream.state = next;
    stream.onTrailers(this.#list, this.#summary);
    this.#closeIfDone(stream);
  }

  #onResponse(stream: Http2Stream, endStream: boolean, next: number): void {
    const summary = this.#summary;
    const wrong = checkResponse(this.#list, summary);
    if (wrong !== null) return this.streamError(stream, ErrorCode.PROTOCOL_ERROR, wrong);
    if (summary.status < 200) {
      // Interim responses are of no interest, but may not end the stream (RFC 9113 section 8.1).
      if (endStream) {
        this.streamError(stream, ErrorCode.PROTOCOL_ERROR, "An interim response ends its stream");
      } else {
        this.#charge();
      }
      return;
    }
    stream.headersReceived = true;
    stream.lengthLeft = summary.contentLength;
    if (endStream && stream.lengthLeft > 0) return this.#badLength(stream);
    stream.state = next;
    stream.onHeaders(this.#list, summary, endStream);
    this.#closeIfDone(stream);
  }

  // A frame for a stream that has no object: idle, closed, or reset here while the frame was on its way.
  #onClosedStreamFrame(id: number, what: string): void {
    if (this.#isIdle(id)) return this.#violation(`${what} came on stream ${id}, which is idle`);
    if (this.#ownResets !== null && this.#ownResets.includes(id)) return;
    if (this.#goawaySentLast >= 0 && id > this.#goawaySentLast) return;
    if (what === "HEADERS") {
      return this.connectionError(
        ErrorCode.STREAM_CLOSED,
        `HEADERS came on stream ${id}, which is closed`,
      );
    }
    this.#resetUnknown(id, ErrorCode.STREAM_CLOSED);
  }

  #isIdle(id: number): boolean {
    const ours = (id & 1) === (this.role === "client" ? 1 : 0);
    return ours ? id >= this.#nextId || this.role === "server" : id > this.#lastPeerId;
  }

  // ---- other frames ------------------------------------------------------------------------------------

  #frameSize(what: string, wanted: number, start: number, end: number): boolean {
    if (end - start === wanted) return true;
    this.connectionError(
      ErrorCode.FRAME_SIZE_ERROR,
      `${what} of ${end - start} bytes arrived, it must have ${wanted}`,
    );
    return false;
  }

  #onPriority(id: number, buffer: Uint8Array, start: number, end: number): void {
    if (id === 0) return this.#violation("PRIORITY came on stream 0");
    this.#charge();
    const stream = this.streams.get(id);
    if (end - start !== 5) {
      if (stream !== undefined) {
        this.streamError(stream, ErrorCode.FRAME_SIZE_ERROR, "PRIORITY must have 5 bytes");
      } else {
        this.#resetUnknown(id, ErrorCode.FRAME_SIZE_ERROR);
      }
      return;
    }
    if ((readU32(buffer, start) & 0x7fffffff) !== id) return;
    if (stream !== undefined) {
      this.streamError(stream, ErrorCode.PROTOCOL_ERROR, "A stream depends on itself");
    } else this.#resetUnknown(id, ErrorCode.PROTOCOL_ERROR);
  }

  #onRstStream(id: number, buffer: Uint8Array, start: number, end: number): void {
    if (id === 0) return this.#violation("RST_STREAM came on stream 0");
    if (!this.#frameSize("RST_STREAM", 4, start, end)) return;
    if (this.#isIdle(id)) return this.#violation(`RST_STREAM came on stream ${id}, which is idle`);
    const code = readU32(buffer, start);
    const stream = this.streams.get(id);
    // A reset that only says "I need no more" after a complete response costs the peer nothing.
    if (code !== ErrorCode.NO_ERROR || stream !== undefined) this.#chargeReset();
    if (stream === undefined || this.finished) return;
    this.#drop(stream);
    stream.onReset(code, true, `The peer reset the stream with ${errorCodeName(code)}`);
    this.handler.onStreamClosed(stream);
    this.#checkDrained();
  }

  #onSettings(flags: number, id: number, buffer: Uint8Array, start: number, end: number): void {
    if (id !== 0) return this.#violation(`SETTINGS came on stream ${id}`);
    const length = end - start;
    if (flags & Flag.ACK) {
      if (length !== 0) this.#frameSize("An acknowledgement of SETTINGS", 0, start, end);
      else this.#onSettingsAck();
      return;
    }
    if (length % 6 !== 0) {
      return this.connectionError(
        ErrorCode.FRAME_SIZE_ERROR,
        `SETTINGS of ${length} bytes arrived, it must be a multiple of 6`,
      );
    }
    this.#charge();
    for (let at = start; at < end && !this.finished; at += 6) {
      this.#applySetting(buffer[at] << 8 | buffer[at + 1], readU32(buffer, at + 2));
    }
    if (this.finished) return;
    this.#queueControl();
    writeSettingsAck(this.out);
    if (!this.settingsReceived) {
      this.settingsReceived = true;
      this.#timers.set(Timer.PREFACE, Infinity);
    }
    this.handler.onSettings();
    this.sender.pump();
  }

  #onSettingsAck(): void {
    if (this.#settingsUnacked === 0) return this.#charge();
    this.#settingsUnacked--;
    this.#timers.set(
      Timer.SETTINGS_ACK,
      this.#settingsUnacked > 0 ? this.nowMs + this.options.settingsTimeoutMs : Infinity,
    );
  }

  #applySetting(id: number, value: number): void {
    switch (id) {
      case SettingId.HEADER_TABLE_SIZE:
        // What the peer offers beyond 4 KiB is not used: it would be memory of ours.
        this.encoder.setPeerMaxTableBytes(Math.min(value, 4096));
        return;
      case SettingId.ENABLE_PUSH:
        if (value > 1 || (value === 1 && this.role === "client")) {
          this.#violation(`SETTINGS_ENABLE_PUSH is ${value}`);
        }
        return;
      case SettingId.MAX_CONCURRENT_STREAMS:
        this.peerMaxStreams = value;
        return;
      case SettingId.INITIAL_WINDOW_SIZE:
        return this.#applyInitialWindow(value);
      case SettingId.MAX_FRAME_SIZE:
        if (value < 16_384 || value > MAX_FRAME_BYTES) {
          return this.#violation(
            `SETTINGS_MAX_FRAME_SIZE is ${value}, it must be 16384 to 16777215`,
          );
        }
        // Larger frames gain nothing here, and would make turns between streams longer.
        this.sender.maxFrameBytes = Math.min(value, 65_536);
    }
  }

  #applyInitialWindow(value: number): void {
    if (value > MAX_WINDOW_BYTES) {
      return this.connectionError(
        ErrorCode.FLOW_CONTROL_ERROR,
        `SETTINGS_INITIAL_WINDOW_SIZE is ${value}, it must be at most 2147483647`,
      );
    }
    const change = value - this.peerInitialWindow;
    this.peerInitialWindow = value;
    for (const stream of this.streams.values()) {
      stream.sendWindow += change;
      if (stream.sendWindow > MAX_WINDOW_BYTES) {
        return this.connectionError(
          ErrorCode.FLOW_CONTROL_ERROR,
          "A change of SETTINGS_INITIAL_WINDOW_SIZE overflows a stream's window",
        );
      }
      if (change > 0) this.sender.mark(stream); // sent behind the acknowledgement
    }
  }

  #onPing(flags: number, id: number, buffer: Uint8Array, start: number, end: number): void {
    if (id !== 0) return this.#violation(`PING came on stream ${id}`);
    if (!this.#frameSize("PING", 8, start, end)) return;
    const high = readU32(buffer, start);
    const low = readU32(buffer, start + 4);
    if (flags & Flag.ACK) return this.#onPingAck(high, low);
    this.#charge();
    this.#queueControl();
    writePing(this.out, true, high, low);
    if (this.role === "server") this.#judgePing();
  }

  // gRPC A8: a client that pings too often is told too_many_pings. As in grpc-go, what was sent in between
  // makes a ping acceptable: it is then likely a measurement of bandwidth.
  #judgePing(): void {
    const sent = this.sender.framesSent;
    const idle = this.slots === 0 && !this.options.permitPingWithoutCalls;
    const leastMs = idle ? 7_200_000 : this.options.minPingIntervalMs;
    const early = this.nowMs - this.#lastPingMs < leastMs;
    if (sent !== this.#framesAtPing) this.#pingStrikes = 0;
    else if (early) this.#pingStrikes++;
    this.#framesAtPing = sent;
    this.#lastPingMs = this.nowMs;
    if (this.#pingStrikes > PING_STRIKES) {
      this.connectionError(ErrorCode.ENHANCE_YOUR_CALM, "too_many_pings");
    }
  }

  #onPingAck(high: number, low: number): void {
    if (high === BDP_PING[0] && low === BDP_PING[1]) {
      const growth = this.#receiveWindow.endSample();
      if (growth > 0) {
        this.#settingsUnacked++;
        this.#timers.set(Timer.SETTINGS_ACK, this.nowMs + this.options.settingsTimeoutMs);
        for (const stream of this.streams.values()) stream.recvWindow += growth;
      }
    } else if (high === KEEPALIVE_PING[0] && low === KEEPALIVE_PING[1]) {
      this.#timers.set(Timer.KEEPALIVE_ACK, Infinity);
    } else if (high === DRAIN_PING[0] && low === DRAIN_PING[1]) {
      this.#finalGoaway();
    } else if (high === USER_PING_HIGH && this.#pings?.has(low)) {
      const onPong = this.#pings.get(low)!;
      this.#pings.delete(low);
      onPong(this.nowMs);
    } else this.#charge();
  }

  #onGoaway(id: number, buffer: Uint8Array, start: number, end: number): void {
    if (id !== 0) return this.#violation(`GOAWAY came on stream ${id}`);
    if (end - start < 8) {
      return this.connectionError(ErrorCode.FRAME_SIZE_ERROR, "GOAWAY must have 8 bytes or more");
    }
    const lastId = readU32(buffer, start) & 0x7fffffff;
    const code = readU32(buffer, start + 4);
    const debug = new TextDecoder().decode(buffer.subarray(start + 8, Math.min(end, start + 264)));
    this.#charge();
    this.goawayReceived = true;
    if (code === ErrorCode.ENHANCE_YOUR_CALM && debug === "too_many_pings") this.#keepaliveMs *= 2;
    this.handler.onGoaway(code, debug);
    if (this.role === "client") {
      for (const stream of [...this.streams.values()]) {
        if (stream.id <= lastId || !this.streams.has(stream.id)) continue;
        this.#drop(stream);
        stream.onReset(
          ErrorCode.REFUSED_STREAM,
          true,
          `The server is going away (${errorCodeName(code)}${debug && ": " + debug})`,
        );
        this.handler.onStreamClosed(stream);
      }
    }
    this.#checkDrained();
  }

  #onWindowUpdate(id: number, buffer: Uint8Array, start: number, end: number): void {
    if (!this.#frameSize("WINDOW_UPDATE", 4, start, end)) return;
    const increment = readU32(buffer, start) & 0x7fffffff;
    this.#charge();
    if (id === 0) {
      if (increment === 0) return this.#violation("WINDOW_UPDATE of 0 came");
      this.sender.window += increment;
      if (this.sender.window > MAX_WINDOW_BYTES) {
        return this.connectionError(
          ErrorCode.FLOW_CONTROL_ERROR,
          "The connection's window overflows",
        );
      }
      return this.sender.resume(null);
    }
    const stream = this.streams.get(id);
    if (stream === undefined) {
      if (this.#isIdle(id)) this.#violation(`WINDOW_UPDATE came on stream ${id}, which is idle`);
      return;
    }
    if (increment === 0) {
      return this.streamError(stream, ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE of 0 came");
    }
    stream.sendWindow += increment;
    if (stream.sendWindow > MAX_WINDOW_BYTES) {
      return this.streamError(
        stream,
        ErrorCode.FLOW_CONTROL_ERROR,
        "The stream's window overflows",
      );
    }
    this.sender.resume(stream);
  }

  // ---- output ------------------------------------------------------------------------------------------

  // Counts a frame that the peer makes us send and that no flow control bounds.
  #queueControl(): void {
    if (++this.#controlQueued >= this.options.maxControlFrames) {
      this.connectionError(
        ErrorCode.ENHANCE_YOUR_CALM,
        `${this.#controlQueued} control frames are unsent, limit is ${this.options.maxControlFrames}`,
      );
    }
  }

  /** Client: gives a new stream its identifier. Throws RangeError when there is none left. */
  openStream(stream: Http2Stream): void {
    if (this.#nextId > 0x7fffffff) {
      throw new RangeError("Cannot open a stream: identifiers are used up");
    }
    stream.id = this.#nextId;
    this.#nextId += 2;
    this.streams.set(stream.id, stream);
  }

  /** Client: whether identifiers for new streams are left. */
  get idsLeft(): boolean {
    return this.#nextId <= 0x7fffffff;
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
    if (endStream) this.#ended(stream);
    this.changed();
  }

  /** Sends data; see {@link SendScheduler.send}. */
  sendData(stream: Http2Stream, prefix: Uint8Array | null, body: Uint8Array, end: boolean): void {
    this.sender.send(stream, prefix, body, end);
    if (stream.queue !== null) this.#watchStall(stream);
    this.changed();
  }

  onEndSent(stream: Http2Stream): void {
    stream.state = nextState(stream.state, StreamInput.SEND_DATA_END);
    this.#ended(stream);
  }

  // Our side has ended. A server that has answered needs no more of the request (RFC 9113 section 8.1).
  #ended(stream: Http2Stream): void {
    if (this.role === "server" && stream.state === StreamState.HALF_CLOSED_LOCAL) {
      this.reset(stream, ErrorCode.NO_ERROR);
      return;
    }
    this.#closeIfDone(stream);
  }

  /** Resets a stream on behalf of the layer above. No callback follows. */
  reset(stream: Http2Stream, code: number): void {
    if (stream.state === StreamState.CLOSED || stream.state === StreamState.IDLE) return;
    this.#writeReset(stream.id, code);
    this.#drop(stream);
    this.handler.onStreamClosed(stream);
    this.changed();
    this.#checkDrained();
  }

  /** Pauses or resumes the giving of credit to a stream's sender. */
  setReadPaused(stream: Http2Stream, paused: boolean): void {
    const before = this.out.length;
    this.#receiveWindow.setPaused(stream, paused);
    if (this.out.length !== before) this.changed();
  }

  #writeReset(id: number, code: number): void {
    writeRstStream(this.out, id, code);
    this.#ownResets ??= [];
    this.#ownResets[this.#ownResetAt] = id;
    this.#ownResetAt = (this.#ownResetAt + 1) % REMEMBERED_RESETS;
  }

  #closeIfDone(stream: Http2Stream): void {
    if (stream.state !== StreamState.CLOSED || !this.streams.has(stream.id)) return;
    this.#drop(stream);
    this.handler.onStreamClosed(stream);
    this.#checkDrained();
  }

  #drop(stream: Http2Stream): void {
    stream.state = StreamState.CLOSED;
    this.streams.delete(stream.id);
    this.sender.discard(stream);
    this.#receiveWindow.forget(stream);
    if (this.#dataStream === stream) this.#dataStream = null;
  }

  /** Server: a handler has ended; its slot is free. */
  releaseSlot(): void {
    this.slots--;
    if (this.slots === 0) {
      this.#idleSinceMs = this.nowMs;
      this.#timers.set(Timer.IDLE, this.nowMs + this.options.maxConnectionIdleMs);
      this.#checkDrained();
    }
  }

  // ---- failures ----------------------------------------------------------------------------------------

  /** A peer's fault that concerns one stream: RST_STREAM and `onReset`. */
  streamError(stream: Http2Stream, code: number, reason: string): void {
    if (stream.state === StreamState.CLOSED) return;
    this.#writeReset(stream.id, code);
    this.#drop(stream);
    stream.onReset(code, false, reason);
    this.handler.onStreamClosed(stream);
    this.changed();
    this.#chargeReset();
    this.#checkDrained();
  }

  /** A peer's fault that concerns the connection: GOAWAY, every stream ends, nothing more is read. */
  connectionError(code: number, reason: string): void {
    if (this.finished) return;
    this.handler.onNote("warn", `Closing a connection with ${errorCodeName(code)}: ${reason}`);
    writeGoaway(this.out, this.#lastPeerId, code, reason);
    this.#finish(code, reason);
    this.changed();
  }

  #finish(code: number, reason: string): void {
    if (this.finished) return;
    this.finished = true;
    this.#reader.stopped = true;
    this.#timers.clear();
    this.#block = null;
    const streams = [...this.streams.values()];
    this.streams.clear();
    for (const stream of streams) {
      this.#drop(stream);
      stream.onReset(code, code === ErrorCode.NO_ERROR, reason);
      this.handler.onStreamClosed(stream);
    }
    this.#pings = null;
    this.handler.onGoaway(code, reason);
  }

  // ---- time --------------------------------------------------------------------------------------------

  nextTimerMs(): number {
    return this.#timers.next();
  }

  onTimer(nowMs: number): void {
    if (this.finished) return;
    this.nowMs = nowMs;
    const { options } = this;
    const timers = this.#timers;
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
      this.transportLost(`No answer to a ping in ${options.keepaliveTimeoutMs} ms`, nowMs);
    } else if (timers.fire(Timer.AGE_GRACE, nowMs)) {
      this.abort(ErrorCode.NO_ERROR, "The connection's grace period is over", nowMs);
    } else {
      if (timers.fire(Timer.KEEPALIVE, nowMs)) this.#keepalive(nowMs);
      if (timers.fire(Timer.STALL, nowMs)) this.#checkStalls(nowMs);
      if (timers.fire(Timer.DRAIN_PING, nowMs)) this.#finalGoaway();
      if (timers.fire(Timer.IDLE, nowMs) && this.slots === 0) this.drain(nowMs);
      if (timers.fire(Timer.AGE, nowMs)) {
        this.drain(nowMs);
        timers.set(Timer.AGE_GRACE, nowMs + options.maxConnectionAgeGraceMs);
      }
    }
    if (this.out.length > 0) this.changed();
  }

  #keepalive(nowMs: number): void {
    const dueMs = this.#lastReceivedMs + this.#keepaliveMs;
    const quiet = this.role === "client" && this.streams.size === 0 &&
      !this.options.keepaliveWithoutCalls;
    if (nowMs >= dueMs && !quiet) {
      writePing(this.out, false, KEEPALIVE_PING[0], KEEPALIVE_PING[1]);
      if (this.#timers.get(Timer.KEEPALIVE_ACK) === Infinity) {
        this.#timers.set(Timer.KEEPALIVE_ACK, nowMs + this.options.keepaliveTimeoutMs);
      }
    }
    this.#timers.set(Timer.KEEPALIVE, Math.max(dueMs, nowMs + Math.min(this.#keepaliveMs, 1000)));
  }

  #watchStall(stream: Http2Stream): void {
    if (stream.progressMs === 0) stream.progressMs = this.nowMs;
    if (this.#timers.get(Timer.STALL) !== Infinity) return;
    this.#timers.set(Timer.STALL, this.nowMs + this.options.stallTimeoutMs / 2);
  }

  // A complete reply whose bytes do not move is given up: its reader may not hold memory for ever. A
  // stream whose handler still runs is the handler's own, bounded by its send buffer and deadline.
  #checkStalls(nowMs: number): void {
    let watching = false;
    for (const stream of this.streams.values()) {
      if (stream.queue === null) continue;
      watching = true;
      if (stream.progressMs === 0) stream.progressMs = nowMs;
      const complete = stream.endQueued || stream.trailersQueued;
      if (!complete || nowMs - stream.progressMs < this.options.stallTimeoutMs) continue;
      this.streamError(
        stream,
        ErrorCode.CANCEL,
        `The peer took no data for ${this.options.stallTimeoutMs} ms`,
      );
    }
    if (watching) this.#timers.set(Timer.STALL, nowMs + this.options.stallTimeoutMs / 2);
  }

  /** Sends a ping; `onPong` is called when its answer arrives, never when the connection ends first. */
  ping(nowMs: number, onPong: (nowMs: number) => void): void {
    if (this.finished) return;
    this.nowMs = nowMs;
    this.#pings ??= new Map();
    const id = this.#pingId++ >>> 0;
    this.#pings.set(id, onPong);
    writePing(this.out, false, USER_PING_HIGH, id);
    this.changed();
  }

  // ---- goodbye -----------------------------------------------------------------------------------------

  /**
   * Graceful drain (RFC 9113 section 6.8). A server announces GOAWAY with the largest identifier and a
   * ping; the answer, or 5 s, brings the true last identifier. Open streams finish, then `finished`.
   */
  drain(nowMs: number): void {
    if (this.#draining || this.finished) return;
    this.nowMs = nowMs;
    this.#draining = true;
    if (this.role === "server") {
      writeGoaway(this.out, 0x7fffffff, ErrorCode.NO_ERROR, "");
      writePing(this.out, false, DRAIN_PING[0], DRAIN_PING[1]);
      this.#timers.set(Timer.DRAIN_PING, nowMs + 5_000);
    }
    this.#checkDrained();
    this.changed();
  }

  #finalGoaway(): void {
    if (this.#goawaySentLast >= 0 || !this.#draining) return;
    this.#timers.set(Timer.DRAIN_PING, Infinity);
    this.#goawaySentLast = this.#lastPeerId;
    writeGoaway(this.out, this.#lastPeerId, ErrorCode.NO_ERROR, "");
    this.#checkDrained();
    this.changed();
  }

  #checkDrained(): void {
    if (this.finished || this.streams.size > 0) return;
    if (this.role === "client") {
      if (!this.#draining && !this.goawayReceived) return;
      writeGoaway(this.out, 0, ErrorCode.NO_ERROR, "");
    } else if (this.slots > 0 || (this.#goawaySentLast < 0 && !this.goawayReceived)) {
      return;
    }
    this.#finish(ErrorCode.NO_ERROR, "The connection was drained");
    this.changed();
  }

  /** Ends at once: GOAWAY, every stream is reset. */
  abort(code: number, reason: string, nowMs: number): void {
    if (this.finished) return;
    this.nowMs = nowMs;
    writeGoaway(this.out, this.#lastPeerId, code, reason);
    this.#finish(code, reason);
    this.changed();
  }

  /** When the last call ended, for the owner's idle rules. */
  get idleSinceMs(): number {
    return this.#idleSinceMs;
  }

  /** Gives credit for bytes of the connection's window at once, for tests and special readers. */
  grantConnection(increment: number): void {
    writeWindowUpdate(this.out, 0, increment);
    this.#receiveWindow.window += increment;
    this.changed();
  }
}

function readU32(buffer: Uint8Array, at: number): number {
  return (buffer[at] << 24 | buffer[at + 1] << 16 | buffer[at + 2] << 8 | buffer[at + 3]) >>> 0;
}
