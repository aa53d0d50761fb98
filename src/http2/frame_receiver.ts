/**
 * Frames other than DATA as they arrive: their order (RFC 9113 §3.4 and §4.3), and the frames that change streams or
 * the send windows (§6.3, §6.4, §6.7 and §6.9). HEADERS, SETTINGS and GOAWAY belong to the parts that own their state.
 *
 * @module
 */

import { type PeerCharge, PeerEvent } from "../limits/peer_budget.ts";
import { ErrorCode, errorCodeName, Flag, FrameType, MAX_WINDOW_BYTES } from "./constants.ts";
import { type ConnectionContext, readU32 } from "./context.ts";
import type { FrameHandler } from "./frame_reader.ts";
import type { HeaderBlocks } from "./header_blocks.ts";
import type { Pings } from "./pings.ts";
import type { ReceiveWindow } from "./receive_window.ts";
import type { SendScheduler } from "./send_scheduler.ts";
import type { Settings } from "./settings.ts";
import type { Shutdown } from "./shutdown.ts";
import type { StallWatch } from "./stall_watch.ts";
import type { Http2Stream } from "./stream.ts";
import type { StreamCloser } from "./stream_closer.ts";
import type { StreamTable } from "./stream_table.ts";

const PRIORITY_BYTES = 5;
// Octets of a reply that must have been sent before a reset is taken as coming from a client that reads it.
const LEAST_TAKEN_BYTES = 512;

/** Collaborators of {@link FrameReceiver}, by the frames that they handle. */
export interface FrameReceiverParts {
  /** Handles SETTINGS. */
  readonly settings: Settings;
  /** Handles HEADERS and CONTINUATION. */
  readonly blocks: HeaderBlocks;
  /** Handles GOAWAY and the acknowledgement of a drain's PING. */
  readonly shutdown: Shutdown;
  /** Handles other PINGs. */
  readonly pings: Pings;
  /** Handles the acknowledgement of a PING that measures bandwidth. */
  readonly receiveWindow: ReceiveWindow;
  /** Handles WINDOW_UPDATE. */
  readonly sender: SendScheduler;
  /** Records WINDOW_UPDATE as progress of queued replies. */
  readonly stalls: StallWatch;
  /** Open streams. */
  readonly streams: StreamTable;
  /** Ends streams. */
  readonly closer: StreamCloser;
}

/** Dispatches frames other than DATA by type. */
export class FrameReceiver implements FrameHandler {
  readonly #context: ConnectionContext;
  readonly #settings: Settings;
  readonly #blocks: HeaderBlocks;
  readonly #shutdown: Shutdown;
  readonly #pings: Pings;
  readonly #receiveWindow: ReceiveWindow;
  readonly #sender: SendScheduler;
  readonly #stalls: StallWatch;
  readonly #streams: StreamTable;
  readonly #closer: StreamCloser;

  constructor(context: ConnectionContext, parts: FrameReceiverParts) {
    this.#context = context;
    this.#settings = parts.settings;
    this.#blocks = parts.blocks;
    this.#shutdown = parts.shutdown;
    this.#pings = parts.pings;
    this.#receiveWindow = parts.receiveWindow;
    this.#sender = parts.sender;
    this.#stalls = parts.stalls;
    this.#streams = parts.streams;
    this.#closer = parts.closer;
  }

  onOversizedFrame(length: number): void {
    const what =
      `Received a frame of ${length} bytes: the limit is ${this.#context.options.maxFrameBytes}`;
    const why = this.#settings.received ? "" : `; ${otherProtocol(length)}`;
    this.#context.connectionError(ErrorCode.FRAME_SIZE_ERROR, what + why);
  }

  onFrame(
    type: number,
    flags: number,
    id: number,
    buffer: Uint8Array,
    start: number,
    end: number,
  ): void {
    if (!this.#settings.received && type !== FrameType.SETTINGS) {
      return this.#context.violation(`Received a frame of type ${type} before SETTINGS`);
    }
    const open = this.#blocks.openStream;
    if (open !== 0 && (type !== FrameType.CONTINUATION || id !== open)) {
      return this.#context.violation(`Received a frame of type ${type} inside a header block`);
    }
    switch (type) {
      case FrameType.HEADERS:
        return this.#blocks.onHeaders(flags, id, buffer, start, end);
      case FrameType.WINDOW_UPDATE:
        return this.#onWindowUpdate(id, buffer, start, end);
      case FrameType.RST_STREAM:
        return this.#onRstStream(id, buffer, start, end);
      case FrameType.SETTINGS:
        return this.#settings.onFrame(flags, id, buffer, start, end);
      case FrameType.PING:
        return this.#onPing(flags, id, buffer, start, end);
      case FrameType.GOAWAY:
        return this.#shutdown.onFrame(id, buffer, start, end);
      case FrameType.CONTINUATION:
        return this.#blocks.onContinuation(flags, id, buffer, start, end);
      case FrameType.PRIORITY:
        return this.#onPriority(id, buffer, start, end);
      case FrameType.PUSH_PROMISE:
        return this.#context.violation("Received PUSH_PROMISE, and push is disabled");
      default:
        // Unknown types are ignored (RFC 9113 §4.1).
        this.#context.charge(PeerEvent.UNKNOWN_FRAME);
    }
  }

  #hasSize(what: string, wanted: number, size: number): boolean {
    if (size === wanted) return true;
    this.#context.connectionError(
      ErrorCode.FRAME_SIZE_ERROR,
      `Received ${what} of ${size} bytes: must be ${wanted}`,
    );
    return false;
  }

  #onPriority(id: number, buffer: Uint8Array, start: number, end: number): void {
    if (id === 0) return this.#context.violation("Received PRIORITY on stream 0");
    this.#context.charge(PeerEvent.PRIORITY);
    const stream = this.#streams.open.get(id);
    let code: number;
    let reason: string;
    if (end - start !== PRIORITY_BYTES) {
      code = ErrorCode.FRAME_SIZE_ERROR;
      reason = `Received PRIORITY of ${end - start} bytes: must be ${PRIORITY_BYTES}`;
    } else if ((readU32(buffer, start) & MAX_WINDOW_BYTES) === id) {
      code = ErrorCode.PROTOCOL_ERROR;
      reason = "A stream depends on itself";
    } else {
      return;
    }
    if (stream === undefined) this.#closer.refuse(id, code);
    else this.#closer.streamError(stream, code, reason);
  }

  #onRstStream(id: number, buffer: Uint8Array, start: number, end: number): void {
    if (id === 0) return this.#context.violation("Received RST_STREAM on stream 0");
    if (!this.#hasSize("RST_STREAM", 4, end - start)) return;
    if (this.#streams.isIdle(id)) {
      return this.#context.violation(`Received RST_STREAM on stream ${id}, which is idle`);
    }
    const code = readU32(buffer, start);
    const stream = this.#streams.open.get(id);
    if (stream === undefined) return this.#context.charge(PeerEvent.RESET_OF_CLOSED);
    if (this.#context.role === "server") {
      const charge = this.#chargeForReset(stream);
      if (charge !== undefined) this.#context.charge(charge);
      if (this.#context.finished) return;
    }
    this.#closer.endByPeer(stream, code, `The peer reset the stream with ${errorCodeName(code)}`);
    this.#sender.pump(); // the stream's queued bytes are dropped, which leaves room for others
    this.#context.finishIfDrained();
  }

  #chargeForReset(stream: Http2Stream): PeerCharge | undefined {
    const taken = stream.queue === null ||
      stream.sendWindow <= this.#settings.peerInitialWindow - LEAST_TAKEN_BYTES;
    return this.#streams.recent.charge(stream.id, stream.answered, taken);
  }

  #onPing(flags: number, id: number, buffer: Uint8Array, start: number, end: number): void {
    if (id !== 0) return this.#context.violation(`Received PING on stream ${id}`);
    if (!this.#hasSize("PING", 8, end - start)) return;
    const high = readU32(buffer, start);
    const low = readU32(buffer, start + 4);
    if ((flags & Flag.ACK) === 0) {
      return this.#pings.onPing(high, low, this.#sender.framesSent, this.#streams.slots);
    }
    if (this.#receiveWindow.isSamplePing(high, low)) {
      const growth = this.#receiveWindow.endSample();
      if (growth > 0) this.#settings.onWindowGrowth(growth);
    } else if (!this.#shutdown.onPingAck(high, low)) {
      this.#pings.onAck(high, low);
    }
  }

  #onWindowUpdate(id: number, buffer: Uint8Array, start: number, end: number): void {
    if (!this.#hasSize("WINDOW_UPDATE", 4, end - start)) return;
    this.#stalls.progress(this.#context.nowMs);
    const increment = readU32(buffer, start) & MAX_WINDOW_BYTES;
    this.#context.charge(PeerEvent.WINDOW_UPDATE);
    if (id === 0) return this.#growConnectionWindow(increment);
    const stream = this.#streams.open.get(id);
    if (stream === undefined) {
      if (this.#streams.isIdle(id)) {
        this.#context.violation(`Received WINDOW_UPDATE on stream ${id}, which is idle`);
      }
      return;
    }
    if (increment === 0) {
      return this.#closer.streamError(
        stream,
        ErrorCode.PROTOCOL_ERROR,
        "Received a WINDOW_UPDATE of 0",
      );
    }
    stream.sendWindow += increment;
    if (stream.sendWindow > MAX_WINDOW_BYTES) {
      return this.#closer.streamError(
        stream,
        ErrorCode.FLOW_CONTROL_ERROR,
        "WINDOW_UPDATE overflows the stream's window",
      );
    }
    this.#sender.resume(stream);
  }

  #growConnectionWindow(increment: number): void {
    if (increment === 0) return this.#context.violation("Received a WINDOW_UPDATE of 0");
    this.#sender.window += increment;
    if (this.#sender.window > MAX_WINDOW_BYTES) {
      return this.#context.connectionError(
        ErrorCode.FLOW_CONTROL_ERROR,
        "WINDOW_UPDATE overflows the connection's window",
      );
    }
    this.#sender.resume(null);
  }
}

// Returns which protocol the peer speaks, judged by its first 3 bytes, which were read as a frame length.
function otherProtocol(length: number): string {
  if (length === 0x485454) return "the peer speaks HTTP/1"; // "HTT"
  if (length >> 8 === 0x1503) return "the peer speaks TLS"; // head of an alert record
  return "the peer does not speak HTTP/2";
}
