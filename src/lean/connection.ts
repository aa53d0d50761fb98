/**
 * State of a lean connection, common to client and server: its parts, input, timers and end.
 *
 * @module
 */

import { ProtocolError } from "../errors.ts";
import { ConnectionLifetime } from "../limits/connection_lifetime.ts";
import { MemoryPool, MemoryShare } from "../limits/memory_pool.ts";
import { PeerBudget, type PeerCharge } from "../limits/peer_budget.ts";
import { RecentCalls } from "../limits/recent_calls.ts";
import { type FrameHandler, FrameReader } from "./format/frame_reader.ts";
import { Reason } from "./format/frames.ts";
import { ENCODING_GZIP, HELLO_DEFAULTS, type HelloSettings } from "./format/hello.ts";
import { FrameOutput } from "./frame_output.ts";
import { LivenessTimers } from "./liveness.ts";
import type { LeanOptions } from "./options.ts";
import { ReceiveAccount } from "./receive_account.ts";
import { SendAccount } from "./send_account.ts";

const UNBOUNDED = new MemoryPool(Infinity);

/** Client or server side of a connection, as its core uses it. */
export interface ConnectionSide extends FrameHandler {
  /** Whether the connection needs keepalive pings; false stops them. */
  readonly wantsKeepalive: boolean;
  /** Sends a keepalive ping. */
  sendPing(): void;
  /** Ends every call because the connection ends. `broken` is true after a protocol violation by the peer. */
  endCalls(reason: string, broken: boolean): void;
  /** Runs the side's own timers. */
  tick(nowMs: number): void;
}

/** Receives messages for the log. */
export interface NoteSink {
  onNote?(level: "debug" | "warn", message: string): void;
}

/** State of one connection that client and server have in common. */
export class LeanConnection {
  /** Options with defaults filled in. */
  readonly options: Readonly<LeanOptions>;
  /** Time limits of progress, and the current time. */
  readonly liveness: LivenessTimers;
  /** Encodes outgoing frames. */
  readonly output: FrameOutput;
  /** Reassembles incoming frames. */
  readonly reader: FrameReader;
  /** This connection's share of the memory pool. */
  readonly memory: MemoryShare;
  /** Accounts for queued messages. */
  readonly sending: SendAccount;
  /** Accounts for incomplete messages and frames. */
  readonly receiving: ReceiveAccount;
  /** Budget for the peer's overhead and cancellations. */
  readonly budget: PeerBudget;
  /** On a server, tracks which calls are so recent that cancelling them is charged to the client. */
  readonly recent = new RecentCalls();
  /** Keepalive; on a server, also the idle and age limits. */
  readonly lifetime: ConnectionLifetime;
  /** Settings of the peer's hello; the defaults until it arrives. */
  peer: Readonly<HelloSettings> = HELLO_DEFAULTS;
  /** Whether both sides are known to use the extended frames. */
  extended = false;
  /** Whether either side drains or has sent GOODBYE, so that no new calls are opened. */
  draining = false;
  /** Highest call id of the peer that was processed, for GOODBYE. */
  lastPeerId = 0;
  /** Whether the connection has ended; the driver may still send the bytes in the output. */
  finished = false;
  /** Reason for the end; empty until `finished`. */
  endReason = "";
  /** True after a graceful shutdown. */
  closedGracefully = false;
  /** The protocol violation of the peer, if any. */
  error: ProtocolError | undefined;
  readonly #side: ConnectionSide;
  readonly #notes: NoteSink;

  /** Creates the connection state of `side`. Until the hello, frame values up to `valueLimit` bytes are accepted. */
  constructor(
    side: ConnectionSide,
    notes: NoteSink,
    role: "client" | "server",
    options: Readonly<LeanOptions>,
    valueLimit: number,
    windowBytes: number,
    nowMs: number,
  ) {
    this.options = options;
    this.liveness = new LivenessTimers(options, nowMs);
    this.output = new FrameOutput(this.liveness);
    this.reader = new FrameReader(side, options.maxRouteBytes, valueLimit);
    this.memory = new MemoryShare(options.memory ?? UNBOUNDED);
    this.sending = new SendAccount(options, this.memory);
    this.receiving = new ReceiveAccount(options, this.memory, windowBytes);
    this.budget = new PeerBudget(options, role);
    this.lifetime = new ConnectionLifetime(options, role, nowMs);
    this.#side = side;
    this.#notes = notes;
  }

  /** Time of the event being handled. */
  get nowMs(): number {
    return this.liveness.nowMs;
  }

  /** Whether the peer accepts messages compressed with gzip. */
  get peerAcceptsGzip(): boolean {
    return (this.peer.encodings & ENCODING_GZIP) !== 0;
  }

  /** Bytes held in queues, unfinished messages and incomplete frames, excluding the output. */
  get bufferedBytes(): number {
    return this.sending.queuedBytes + this.receiving.assemblyBytes + this.reader.heldBytes;
  }

  /**
   * Whether the socket should be read; false while too many frames that answer control frames of the peer are unsent.
   */
  get wantsRead(): boolean {
    return this.output.unsentAnswers < this.options.pauseControlFrames;
  }

  /** See `ConnectionEngine.receive`. */
  receive(chunk: Uint8Array, nowMs: number): void {
    if (this.finished) return;
    this.liveness.nowMs = nowMs;
    this.lifetime.received(nowMs);
    this.recent.onRead(nowMs, this.lastPeerId);
    this.output.busy = true;
    try {
      this.reader.receive(chunk);
    } finally {
      this.output.busy = false;
    }
    this.liveness.received(this.reader.midFrame, this.reader.cutOff);
    this.#watchOutput();
  }

  /** See `ConnectionEngine.transportLost`. */
  transportLost(reason: string, nowMs: number): void {
    this.liveness.nowMs = nowMs;
    this.close(reason, false);
  }

  /** See `ConnectionEngine.outputDrained`. */
  outputDrained(nowMs: number): void {
    this.liveness.nowMs = this.sending.progressMs = nowMs;
    this.output.unsentAnswers = 0;
    this.liveness.drained();
    this.lifetime.setNow(nowMs);
    if (this.finished) return;
    this.sending.blocked.outputDrained();
    this.#watchOutput();
  }

  /** See `ConnectionEngine.nextTimerMs`. */
  nextTimerMs(): number {
    return this.finished ? Infinity : Math.min(this.liveness.nextMs, this.lifetime.nextMs);
  }

  /** See `ConnectionEngine.onTimer`. */
  onTimer(nowMs: number): void {
    if (this.finished) return;
    this.liveness.nowMs = nowMs;
    this.output.busy = true;
    const problem = this.liveness.check(this.output.out.length > 0, this.reader.midFrame);
    if (problem !== undefined) this.fail(Reason.TIMEOUT, problem);
    else this.#checkKeepalive(nowMs);
    if (!this.finished) this.#side.tick(nowMs);
    this.output.busy = false;
    this.#watchOutput();
  }

  #checkKeepalive(nowMs: number): void {
    const action = this.lifetime.checkKeepalive(nowMs, !this.#side.wantsKeepalive);
    if (action === "ping") this.#side.sendPing();
    else if (action === "lost") {
      const { keepaliveTimeoutMs } = this.options;
      this.fail(Reason.TIMEOUT, `No answer to a ping within ${keepaliveTimeoutMs} ms`);
    }
  }

  #watchOutput(): void {
    if (!this.finished) this.output.watch();
  }

  /** Reports a message for the log. */
  note(level: "debug" | "warn", message: string): void {
    this.#notes.onNote?.(level, message);
  }

  /** Switches to the extended frames with the settings of the peer's hello. */
  extend(settings: Readonly<HelloSettings>): void {
    this.extended = true;
    this.receiving.countsFrames = false;
    this.peer = settings;
    this.sending.apply(settings);
    this.reader.valueLimit = this.options.maxValueBytes;
  }

  /** Counts a frame that answers the peer; when too many are unsent, ends the connection and returns false. */
  countAnswer(): boolean {
    const limit = this.options.maxControlFrames;
    if (++this.output.unsentAnswers <= limit) return true;
    this.fail(Reason.ENHANCE_YOUR_CALM, `Cannot queue another control frame: limit is ${limit}`);
    return false;
  }

  /** Charges an event to the peer's budget; when the budget is used up, ends the connection and returns false. */
  charge(event: PeerCharge): boolean {
    if (this.budget.charge(event, this.nowMs) !== "close") return true;
    this.fail(Reason.ENHANCE_YOUR_CALM, this.budget.reason(event));
    return false;
  }

  /** Sends GOODBYE, unless the peer may use version 1. */
  goodbye(reason: Reason, message: string): void {
    if (this.extended) this.output.writeGoodbye(reason, this.lastPeerId, message);
  }

  /** Ends every call and the connection with GOODBYE, because the peer broke the protocol. */
  fail(reason: Reason, message: string): void {
    if (this.finished) return;
    this.error = new ProtocolError("connection", reason, message);
    this.note("warn", `ProtocolError: ${message}`);
    this.goodbye(reason, message);
    this.close(message, true);
    this.output.produced();
  }

  /** Ends the connection with GOODBYE and the reason PROTOCOL_ERROR. */
  illegal(message: string): void {
    this.fail(Reason.PROTOCOL_ERROR, message);
  }

  /** Ends every call and the connection. */
  close(reason: string, broken: boolean): void {
    if (this.finished) return;
    this.finished = true;
    this.endReason = reason;
    this.reader.stop();
    // The blocked calls are forgotten before the calls end, so that send buffer room freed by one does not resume others.
    this.sending.blocked.clear();
    try {
      this.#side.endCalls(reason, broken);
    } finally {
      this.sending.queuedBytes = this.receiving.assemblyBytes = 0;
      this.memory.give(this.memory.used);
    }
  }
}
