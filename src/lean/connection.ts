/**
 * What both sides of a lean connection share: bytes in, bytes out, credit, pings, goodbye, limits, timers.
 *
 * @module
 */

import { IdMap } from "../call/id_map.ts";
import { MemoryPool, MemoryShare } from "../limits/memory_pool.ts";
import { ByteWriter } from "../bytes/writer.ts";
import type { ConnectionEngine } from "../call/wire.ts";
import { ProtocolError } from "../errors.ts";
import { MAX_SLOWDOWN_MS, TokenBucket } from "../limits/token_bucket.ts";
import type { LeanCall } from "./call.ts";
import { type FrameHandler, FrameReader } from "./format/frame_reader.ts";
import {
  CONTROL,
  Control,
  FIELDS,
  HEADER_BYTES,
  readId,
  readU32,
  Reason,
  writeControl,
  writeHeader,
  writeU64,
} from "./format/frames.ts";
import { HELLO_DEFAULTS, type HelloSettings } from "./format/hello.ts";
import type { LeanOptions } from "./options.ts";
import { BlockedSends } from "./send_queueing.ts";
import { LivenessTimers } from "./liveness.ts";

const NOTHING = () => {};
const UNBOUNDED = new MemoryPool(Infinity);
const encoder = new TextEncoder();

/** The most bytes of a text in GOODBYE and error frames; the rest is cut. */
const MAX_TEXT_BYTES = 8_192;

/** A frame of fields may be longer than others by this: a block and its length. */
const FIELD_BLOCK_BYTES = 65_537;

/** A text as UTF-8, cut to what frames carry. */
export function textBytes(text: string): Uint8Array {
  const bytes = encoder.encode(text);
  return bytes.length <= MAX_TEXT_BYTES ? bytes : bytes.subarray(0, MAX_TEXT_BYTES);
}

/** One side of a lean connection. */
export abstract class LeanConnection implements ConnectionEngine, FrameHandler {
  readonly out = new ByteWriter();
  onOutput: () => void = NOTHING;
  /** Options with defaults filled in. */
  readonly options: Readonly<LeanOptions>;
  /** What the peer's hello said; the defaults before. */
  peer: Readonly<HelloSettings> = HELLO_DEFAULTS;
  /** Messages are cut into pieces of at most this. */
  fragmentBytes: number;
  /** Bytes of messages that the peer may have under way for each call. */
  windowBytes: number;
  /** Bytes of messages that may be under way to calls that are over. */
  protected lateBytes = 0;
  /** Bytes of messages that wait to be framed. */
  queuedBytes = 0;
  /** Bytes of unfinished messages that have come. */
  assemblyBytes = 0;
  /** This connection's part of what all may hold. */
  readonly memory: MemoryShare;
  /** When it should be read from again; see {@link ConnectionEngine}. Stays 0 on clients. */
  readThrottledUntilMs = 0;
  /** Why it is finished; empty before. */
  endReason = "";
  /** Whether it finished because all was said. */
  closedGracefully = false;
  /** How the peer broke the protocol, when it did. */
  error: ProtocolError | undefined;
  protected readonly calls: IdMap<LeanCall> = new IdMap();
  protected readonly reader: FrameReader;
  protected readonly watch: LivenessTimers;
  /** Whether both sides know the hello. */
  protected extended = false;
  /** Whether the peer has said goodbye, or this side has. */
  protected leaving = false;
  protected nowMs: number;
  protected over = false;
  /** When the socket last took output or the peer last gave credit to any call. */
  protected progressMs = 0;
  #busy = false;
  // Of a frame that is cut off, as far as they count.
  #frameBytes = 0;
  #controlFrames = 0;
  #overhead: TokenBucket | undefined;
  #resets: TokenBucket | undefined;
  /** Calls that can't send now. */
  readonly waits: BlockedSends = new BlockedSends();

  constructor(options: Readonly<LeanOptions>, valueLimit: number, nowMs: number) {
    this.options = options;
    this.memory = new MemoryShare(options.memory ?? UNBOUNDED);
    this.nowMs = nowMs;
    this.windowBytes = options.callWindowBytes;
    this.fragmentBytes = Math.min(options.fragmentBytes, HELLO_DEFAULTS.maxValueBytes);
    this.reader = new FrameReader(this, options.maxRouteBytes, valueLimit);
    this.watch = new LivenessTimers(options, nowMs);
  }

  abstract onFrame(
    b: Uint8Array,
    at: number,
    typeBytes: number,
    valueBytes: number,
    owned: boolean,
  ): void;
  abstract admit(b: Uint8Array, at: number, valueBytes: number): boolean;
  abstract onOversize(b: Uint8Array, at: number, typeBytes: number, valueBytes: number): void;
  /** Ends every call of this side, because the connection is at its end. */
  protected abstract endCalls(reason: string, broken: boolean): void;
  /** The highest id of the peer's calls that was looked at, for GOODBYE. */
  abstract readonly lastPeerId: number;
  abstract note(level: "debug" | "warn", message: string): void;
  /** Timers of the one side: looks at the time and calls `watch.schedule`. */
  protected abstract tick(nowMs: number): void;
  /** A control frame that only one side knows. */
  protected abstract onControl(
    kind: number,
    b: Uint8Array,
    at: number,
    bytes: number,
    id: number,
  ): void;
  /** The peer says that it takes no more calls. */
  protected abstract onGoodbye(reason: number, lastId: number, message: string): void;
  /** The answer to a ping of this side, or one that nobody asked for. */
  abstract onPong(payload: number): void;
  /** A ping came; false when pings come too fast. */
  protected abstract admitPing(): boolean;

  get finished(): boolean {
    return this.over;
  }

  get wantsRead(): boolean {
    return this.#controlFrames < this.options.pauseControlFrames;
  }

  get bufferedBytes(): number {
    return this.queuedBytes + this.assemblyBytes + this.reader.heldBytes;
  }

  receive(chunk: Uint8Array, nowMs: number): void {
    if (this.over) return;
    this.nowMs = nowMs;
    this.#busy = true;
    try {
      this.reader.receive(chunk);
    } finally {
      this.#busy = false;
    }
    this.watch.received(nowMs, this.reader.midFrame, this.reader.cutOff);
    this.#watchOutput();
  }

  receiveEnd(nowMs: number): void {
    this.transportLost("The peer closed the connection", nowMs);
  }

  transportLost(reason: string, nowMs: number): void {
    if (this.over) return;
    this.nowMs = nowMs;
    this.close(reason, false);
  }

  outputDrained(nowMs: number): void {
    this.nowMs = this.progressMs = nowMs;
    this.#controlFrames = 0;
    this.watch.drained();
    if (this.over) return;
    this.waits.outputDrained();
    this.#watchOutput();
  }

  nextTimerMs(): number {
    return this.over ? Infinity : this.watch.nextMs;
  }

  onTimer(nowMs: number): void {
    if (this.over) return;
    this.nowMs = nowMs;
    this.#busy = true;
    const problem = this.watch.check(nowMs, this.out.length > 0, this.reader.midFrame);
    if (problem !== undefined) this.fail(Reason.TIMEOUT, problem);
    else {
      this.tick(nowMs);
    }
    this.#busy = false;
    this.#watchOutput();
  }

  onMalformed(message: string): void {
    this.fail(Reason.PROTOCOL_ERROR, message);
  }

  /** Tells the driver that there is output, unless it is about to look anyway. */
  produced(): void {
    if (this.#busy) return;
    this.#watchOutput();
    this.onOutput();
  }

  /** Writes one frame; `fields` go in front of `count` bytes of `bytes`. */
  writeFrame(
    flags: number,
    id: number,
    fields: Uint8Array | undefined,
    bytes: Uint8Array,
    from: number,
    count: number,
  ): void {
    const out = this.out;
    const ahead = fields === undefined ? 0 : fields.length;
    writeHeader(
      out,
      flags,
      id < 0x1_0000_0000 ? 0 : Math.floor(id / 0x1_0000_0000),
      id >>> 0,
      0,
      ahead + count,
    );
    if (fields !== undefined) out.bytes(fields);
    if (count === 0) return;
    out.buffer.set(count === bytes.length ? bytes : bytes.subarray(from, from + count), out.length);
    out.length += count;
  }

  /** Gives the peer credit for a call. */
  writeCredit(id: number, bytes: number): void {
    writeControl(this.out, Control.CREDIT, id, 4);
    this.out.u32(bytes);
  }

  /** Counts a control frame that the peer caused; too many unsent ones end the connection. */
  countControlFrame(): boolean {
    if (++this.#controlFrames <= this.options.maxControlFrames) return true;
    this.fail(
      Reason.ENHANCE_YOUR_CALM,
      `Cannot queue another control frame: limit is ${this.options.maxControlFrames}`,
    );
    return false;
  }

  /** Charges a frame that is good for nothing; false when the connection has ended over it. */
  charge(what: string): boolean {
    const { overheadBurst, overheadPerSecond } = this.options;
    this.#overhead ??= new TokenBucket(overheadBurst, overheadPerSecond, this.nowMs);
    if (this.#overhead.take(1, this.nowMs)) return true;
    this.fail(Reason.ENHANCE_YOUR_CALM, `Too many ${what}: the budget is ${overheadBurst}`);
    return false;
  }

  /** Charges a call that was refused or broken: when that was so often, the peer is read from later. */
  chargeFault(): boolean {
    const goesOn = this.chargeReset();
    this.readThrottledUntilMs = this.nowMs +
      Math.min(this.#resets!.msUntilHalfFull, MAX_SLOWDOWN_MS);
    return goesOn;
  }

  /** Puts credits back for frames that were good for something. */
  forgive(frames: number): void {
    this.#overhead?.give(frames);
  }

  /** Charges a call that was given up; false when the connection has ended over it. */
  chargeReset(): boolean {
    const { resetBurst, resetsPerSecond } = this.options;
    this.#resets ??= new TokenBucket(resetBurst, resetsPerSecond, this.nowMs);
    if (this.#resets.take(1, this.nowMs)) return true;
    this.fail(Reason.ENHANCE_YOUR_CALM, `Too many calls given up: the budget is ${resetBurst}`);
    return false;
  }

  /** Counts queued bytes, or with a negative number what has left the queue. */
  countQueued(bytes: number): void {
    this.queuedBytes += bytes;
    if (bytes > 0) this.memory.take(bytes);
    else this.memory.give(-bytes);
  }

  /** Counts bytes of unfinished messages; false when there is no room for them. */
  holdPiece(bytes: number): boolean {
    if (this.assemblyBytes + bytes > this.options.maxAssemblyBytes) return false;
    if (!this.memory.allows(bytes)) return false;
    this.assemblyBytes += bytes;
    this.memory.take(bytes);
    return true;
  }

  /** Uncounts bytes of a message that is finished or dropped. */
  dropPieces(bytes: number): void {
    this.assemblyBytes -= bytes;
    this.memory.give(bytes);
  }

  /**
   * Counts bytes of a frame that is cut off; false when there is no room for them. After the hello frames are short,
   * and always get what they need.
   */
  holdFrame(bytes: number): boolean {
    if (this.extended) return true;
    if (!this.memory.allows(bytes)) return false;
    this.memory.take(bytes);
    this.#frameBytes += bytes;
    return true;
  }

  /** Counts them no more. */
  dropFrame(): void {
    this.memory.give(this.#frameBytes);
    this.#frameBytes = 0;
  }

  /** A call ended while its peer had credit for more than the `unreturned` bytes: more may be under way. */
  expectLate(unreturned: number): void {
    const most = this.windowBytes * this.options.maxConcurrentStreams;
    this.lateBytes = Math.min(this.lateBytes + Math.max(0, this.windowBytes - unreturned), most);
  }

  /** What both sides do with a control frame. */
  protected control(b: Uint8Array, at: number, typeBytes: number, valueBytes: number): void {
    const id = readId(b, at + 2);
    const kind = typeBytes === 1 ? b[at + HEADER_BYTES] : 0;
    const value = at + HEADER_BYTES + typeBytes;
    if (kind === Control.PING && valueBytes === 8) {
      if (!this.admitPing()) return;
      if (!this.countControlFrame() || !this.charge("pings")) return;
      writeControl(this.out, Control.PONG, 0, 8);
      this.out.bytes(b.subarray(value, value + 8));
    } else if (kind === Control.PONG && valueBytes === 8) {
      this.watch.ponged();
      if (this.charge("pongs")) this.onPong(readId(b, value));
    } else if (kind === Control.GOODBYE && valueBytes >= 9) {
      const text = new TextDecoder().decode(b.subarray(value + 9, value + valueBytes));
      if (this.charge("goodbyes")) this.onGoodbye(b[value], readId(b, value + 1), text);
    } else if (kind === Control.CREDIT && valueBytes === 4 && id !== 0) {
      const bytes = readU32(b, value);
      if (bytes === 0) this.fail(Reason.PROTOCOL_ERROR, "Cannot take a credit of 0 bytes");
      else if (bytes >= 1024 || this.charge("small credits")) {
        this.onControl(kind, b, value, valueBytes, id);
      }
    } else if (kind === Control.CANCEL || kind === Control.HEADERS) {
      this.onControl(kind, b, value, valueBytes, id);
    } else {
      this.fail(
        Reason.PROTOCOL_ERROR,
        `Cannot take a control frame of kind ${kind} with ${valueBytes} bytes for call ${id}`,
      );
    }
  }

  /** Gives the call credit. */
  protected creditCall(call: LeanCall, bytes: number): void {
    this.progressMs = this.nowMs;
    if (call.credit(bytes)) this.waits.notifyWritable();
    else {this.fail(
        Reason.FLOW_CONTROL,
        `Cannot take ${bytes} bytes of credit: limit is 2147483647`,
      );}
  }

  /** Hands a message, or a piece of one, to its call; returns why the call must fail, when it must. */
  protected takeMessage(
    call: LeanCall,
    b: Uint8Array,
    at: number,
    bytes: number,
    flags: number,
    owned: boolean,
  ): string | undefined {
    // An empty message takes no credit, so credit can't stop them while nobody reads.
    if (bytes === 0 && call.paused && !this.charge("empty messages that nobody reads")) {
      return undefined;
    }
    const problem = call.take(b, at, bytes, flags, owned);
    if (problem === undefined) return undefined;
    if (problem === "large") {
      return `Cannot take a message of call ${call.id}: limit is ${call.maxMessageBytes} bytes`;
    }
    if (problem === "full") {
      return `Cannot take a message of call ${call.id}: the memory for messages is used up`;
    }
    if (problem === "flow") {
      this.fail(Reason.FLOW_CONTROL, `Call ${call.id} got ${bytes} bytes above its credit`);
    } else {
      this.fail(Reason.PROTOCOL_ERROR, `The pieces of a message of call ${call.id} disagree`);
    }
    return undefined;
  }

  /** Both sides know the hello now, and the peer has said `settings`. */
  protected enterExtended(settings: Readonly<HelloSettings>): void {
    this.extended = true;
    this.peer = settings;
    this.fragmentBytes = Math.min(this.options.fragmentBytes, settings.maxValueBytes);
    this.reader.valueLimit = this.options.maxValueBytes;
  }

  /** After the hello: only a field block may make a frame longer than the limit. */
  protected admitExtended(b: Uint8Array, at: number, valueBytes: number): boolean {
    const limit = this.options.maxValueBytes;
    if ((b[at + 1] & FIELDS) !== 0 && valueBytes <= limit + FIELD_BLOCK_BYTES) return true;
    // Response headers are nothing but a field block.
    if (b[at + 1] === CONTROL && valueBytes <= FIELD_BLOCK_BYTES) return true;
    this.fail(Reason.TOO_LARGE, `Cannot take a frame of ${valueBytes} bytes: limit is ${limit}`);
    return false;
  }

  /** Writes GOODBYE, when the peer knows it. */
  protected writeGoodbye(reason: Reason, message: string): void {
    if (!this.extended) return;
    const text = textBytes(message);
    writeControl(this.out, Control.GOODBYE, 0, 9 + text.length);
    this.out.u8(reason);
    writeU64(this.out, this.lastPeerId);
    this.out.bytes(text);
  }

  /** The peer broke the protocol: says so, ends every call and the connection. */
  protected fail(reason: Reason, message: string): void {
    if (this.over) return;
    this.error = new ProtocolError("connection", reason, message);
    this.note("warn", `ProtocolError: ${message}`);
    this.writeGoodbye(reason, message);
    this.close(message, true);
    this.produced();
  }

  /** Ends every call and the connection; what is in `out` may still be flushed. */
  protected close(reason: string, broken: boolean): void {
    if (this.over) return;
    this.over = true;
    this.endReason = reason;
    this.reader.stop();
    // First: the room that one call leaves is of no use to the others now.
    this.waits.clear();
    this.endCalls(reason, broken);
    this.queuedBytes = this.assemblyBytes = 0;
    this.memory.give(this.memory.used);
  }

  /** The call waits for credit. A client's own deadline says how long that may take. */
  waitForCredit(_call: LeanCall): void {}

  #watchOutput(): void {
    if (this.out.length > 0 && !this.over) this.watch.watchOutput(this.nowMs);
  }
}
