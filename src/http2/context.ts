/**
 * What the parts of an HTTP/2 connection share: its role and limits, its output, the current time, and error reporting.
 * {@link Http2Connection} implements it.
 *
 * @module
 */

import type { ByteWriter } from "../bytes/writer.ts";
import type { PeerBudget, PeerCharge } from "../limits/peer_budget.ts";
import type { Http2Options } from "./options.ts";
import type { Http2Stream } from "./stream.ts";

/** Side of the connection. */
export type Role = "client" | "server";

/** Events of a connection, for the protocol above. */
export interface Http2Handler {
  /** Server: makes the object for a stream that the peer opens. */
  createStream(): Http2Stream;
  /** The peer's SETTINGS arrived, for the first time or again. */
  onSettings(): void;
  /** GOAWAY arrived or the connection ended: no new streams. */
  onGoaway(errorCode: number, debug: string): void;
  /** A stream is closed; its slot may be free. */
  onStreamClosed(stream: Http2Stream): void;
  /** Reports a message for the log. */
  onNote(level: "debug" | "warn", message: string): void;
}

/** Connection interface used by its parts. */
export interface ConnectionContext {
  /** This side. */
  readonly role: Role;
  /** Settings and limits. */
  readonly options: Http2Options;
  /** The protocol layer above HTTP/2. */
  readonly handler: Http2Handler;
  /** Bytes to be sent. */
  readonly out: ByteWriter;
  /** Time of the last input, in ms. */
  readonly nowMs: number;
  /** Whether the connection has ended. */
  readonly finished: boolean;
  /** Budget for the peer's overhead and resets. */
  readonly budget: PeerBudget;
  /** Charges an event; ends the connection with ENHANCE_YOUR_CALM when its bucket is empty. */
  charge(event: PeerCharge): void;
  /**
   * Counts a control frame sent in response to the peer, which flow control does not bound; too many unsent ones end
   * the connection.
   */
  countControlFrame(): void;
  /** Connection error (RFC 9113 §5.4.1): GOAWAY, all streams end, nothing more is read. */
  connectionError(code: number, reason: string): void;
  /** Connection error PROTOCOL_ERROR. */
  violation(reason: string): void;
  /** Notifies the driver that there is output or that a timer has changed. */
  changed(): void;
  /** Finishes a connection that drains once its last stream is closed. */
  finishIfDrained(): void;
}

/** Reads 32 bits, big-endian. */
export function readU32(buffer: Uint8Array, at: number): number {
  return (buffer[at] << 24 | buffer[at + 1] << 16 | buffer[at + 2] << 8 | buffer[at + 3]) >>> 0;
}
