/**
 * GOAWAY (RFC 9113 §6.8): graceful drain of this side, and the peer's.
 *
 * A server announces GOAWAY with the largest identifier and a PING; its acknowledgement, or a timeout of 5 s, triggers
 * the second GOAWAY, with the actual last identifier. The connection ends once its open streams have finished.
 *
 * @module
 */

import type { ConnectionLifetime } from "../limits/connection_lifetime.ts";
import { PeerEvent } from "../limits/peer_budget.ts";
import { ErrorCode, errorCodeName, TOO_MANY_PINGS } from "./constants.ts";
import { type ConnectionContext, readU32 } from "./context.ts";
import { writeGoaway, writePing } from "./frame_writer.ts";
import type { SendScheduler } from "./send_scheduler.ts";
import type { StreamCloser } from "./stream_closer.ts";
import type { StreamTable } from "./stream_table.ts";

const DRAIN_PING_HIGH = 0x76727063;
const DRAIN_PING_LOW = 0x64726e31;
const DRAIN_PING_TIMEOUT_MS = 5_000;
const LARGEST_ID = 0x7fffffff;
// Length to which GOAWAY debug data is cut in reports, in bytes.
const MAX_DEBUG_BYTES = 256;

/** Collaborators of {@link Shutdown}. */
export interface ShutdownParts {
  /** The connection's streams. */
  readonly streams: StreamTable;
  /** Ends streams. */
  readonly closer: StreamCloser;
  /** Resumes sending when the end of streams frees send buffer. */
  readonly sender: SendScheduler;
  /** Halves the keepalive rate after GOAWAY with too_many_pings. */
  readonly lifetime: ConnectionLifetime;
}

/** State of the graceful shutdown, on both sides. */
export class Shutdown {
  /** Time by which the second GOAWAY is sent, in ms; Infinity when none is due. */
  nextMs = Infinity;
  readonly #context: ConnectionContext;
  readonly #parts: ShutdownParts;
  #draining = false;
  #goawayReceived = false;
  /** Last stream identifier in this server's final GOAWAY; -1 before it is sent. */
  #lastId = -1;

  constructor(context: ConnectionContext, parts: ShutdownParts) {
    this.#context = context;
    this.#parts = parts;
  }

  /** Whether this side drains or the peer has sent GOAWAY. */
  get begun(): boolean {
    return this.#draining || this.#goawayReceived;
  }

  /** Whether the stream's identifier is above the last one in this server's final GOAWAY. */
  ignores(id: number): boolean {
    return this.#lastId >= 0 && id > this.#lastId;
  }

  /** Whether a drain is complete: no stream is open and no handler runs. */
  get complete(): boolean {
    if (this.#parts.streams.open.size > 0) return false;
    if (this.#context.role === "client") return this.begun;
    return this.#parts.streams.slots === 0 && (this.#lastId >= 0 || this.#goawayReceived);
  }

  /** Starts a graceful drain. */
  drain(nowMs: number): void {
    if (this.#draining) return;
    this.#draining = true;
    const { role, out } = this.#context;
    if (role === "server") {
      writeGoaway(out, LARGEST_ID, ErrorCode.NO_ERROR, "");
      writePing(out, false, DRAIN_PING_HIGH, DRAIN_PING_LOW);
      this.nextMs = nowMs + DRAIN_PING_TIMEOUT_MS;
    }
    this.#context.finishIfDrained();
    this.#context.changed();
  }

  /** Handles a PING acknowledgement; returns false unless it acknowledges the drain's PING. */
  onPingAck(high: number, low: number): boolean {
    if (high !== DRAIN_PING_HIGH || low !== DRAIN_PING_LOW) return false;
    this.#sendLastId();
    return true;
  }

  /** Sends the second GOAWAY when it is due. */
  onTimer(nowMs: number): void {
    if (nowMs >= this.nextMs) this.#sendLastId();
  }

  #sendLastId(): void {
    if (this.#lastId >= 0 || !this.#draining) return;
    this.nextMs = Infinity;
    this.#lastId = this.#parts.streams.lastPeerId;
    writeGoaway(this.#context.out, this.#lastId, ErrorCode.NO_ERROR, "");
    this.#context.finishIfDrained();
    this.#context.changed();
  }

  /** Handles a GOAWAY frame. */
  onFrame(id: number, buffer: Uint8Array, start: number, end: number): void {
    const context = this.#context;
    if (id !== 0) return context.violation(`Received GOAWAY on stream ${id}`);
    if (end - start < 8) {
      return context.connectionError(
        ErrorCode.FRAME_SIZE_ERROR,
        `Received GOAWAY of ${end - start} bytes: must be at least 8`,
      );
    }
    const lastId = readU32(buffer, start) & LARGEST_ID;
    const code = readU32(buffer, start + 4);
    const debug = new TextDecoder().decode(
      buffer.subarray(start + 8, Math.min(end, start + 8 + MAX_DEBUG_BYTES)),
    );
    context.charge(PeerEvent.GOAWAY);
    this.#goawayReceived = true;
    if (code === ErrorCode.ENHANCE_YOUR_CALM && debug === TOO_MANY_PINGS) {
      this.#parts.lifetime.slowKeepalive();
    }
    context.handler.onGoaway(code, debug);
    if (context.role === "client") this.#endUnprocessed(lastId, code, debug);
    context.finishIfDrained();
  }

  // Streams above the last identifier were not processed: the call can be retried (RFC 9113 §6.8).
  #endUnprocessed(lastId: number, code: number, debug: string): void {
    const reason = `The server is going away (${errorCodeName(code)}${debug && ": " + debug})`;
    for (const stream of this.#parts.streams.open.values()) {
      if (stream.id <= lastId || this.#parts.streams.open.get(stream.id) === undefined) continue;
      this.#parts.closer.endByPeer(stream, ErrorCode.REFUSED_STREAM, reason);
    }
    this.#parts.sender.pump();
  }
}
