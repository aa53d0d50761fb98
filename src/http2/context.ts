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

/** Side of the connection that this engine implements. */
export type Role = "client" | "server";

/** Events of an HTTP/2 connection, implemented by the protocol above it (gRPC). */
export interface Http2Handler {
  /** Server: creates the object of a stream that the client opens. */
  createStream(): Http2Stream;
  /** Called for every SETTINGS frame of the peer, except acknowledgements. */
  onSettings(): void;
  /** Called when GOAWAY arrives or the connection ends: no new streams can be opened. */
  onGoaway(errorCode: number, debug: string): void;
  /** Called when a stream has closed, which may free its slot. */
  onStreamClosed(stream: Http2Stream): void;
  /** Reports a message for the log. */
  onNote(level: "debug" | "warn", message: string): void;
}

/** Interface of the connection that its parts use. */
export interface ConnectionContext {
  /** Role of this side. */
  readonly role: Role;
  /** Settings and limits. */
  readonly options: Http2Options;
  /** The protocol layer above HTTP/2. */
  readonly handler: Http2Handler;
  /** Output buffer of the connection. */
  readonly out: ByteWriter;
  /** Time at which the connection last handled input, a timer or a new call, in ms. */
  readonly nowMs: number;
  /** Whether the connection has ended. */
  readonly finished: boolean;
  /** Budget for the peer's overhead and resets. */
  readonly budget: PeerBudget;
  /**
   * Charges an event to the peer's budget; ends the connection with ENHANCE_YOUR_CALM when the event's bucket is empty.
   */
  charge(event: PeerCharge): void;
  /**
   * Counts a control frame sent in response to the peer; too many unsent ones end the connection, because flow control
   * does not bound them.
   */
  countControlFrame(): void;
  /** Handles a connection error (RFC 9113 §5.4.1): sends GOAWAY, ends all streams and reads nothing more. */
  connectionError(code: number, reason: string): void;
  /** Handles a connection error with the code PROTOCOL_ERROR. */
  violation(reason: string): void;
  /** Notifies the driver that there is output or that a timer has changed. */
  changed(): void;
  /** Ends the connection if it is draining and its last stream has closed. */
  finishIfDrained(): void;
}

/** Reads an unsigned 32-bit integer, big-endian. */
export function readU32(buffer: Uint8Array, at: number): number {
  return (buffer[at] << 24 | buffer[at + 1] << 16 | buffer[at + 2] << 8 | buffer[at + 3]) >>> 0;
}
