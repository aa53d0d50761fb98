/**
 * Interface of the two lean protocols on a client: version 1, and extended frames for peers that exchange hellos.
 * The server's hello decides which one a connection uses.
 *
 * @module
 */

import type { Status } from "../call/status.ts";
import type { CallRequest, ClientCall, ClientCallSink } from "../call/wire.ts";
import type { LeanConnection } from "./connection.ts";

/** Starts calls and handles frames, once the server's hello has been answered. */
export interface ClientProtocol {
  /** Calls in flight. */
  readonly activeCalls: number;
  /** Calls that the server accepts at once. */
  readonly maxCalls: number;
  /** Whether the socket should be read; false (back-pressure) while readers of replies are too far behind. */
  readonly wantsRead: boolean;
  /** Starts a call. The caller has checked its route and the number of calls. */
  startCall(request: CallRequest, sink: ClientCallSink): ClientCall;
  /** Handles a complete frame; see `FrameHandler.onFrame`. */
  onFrame(b: Uint8Array, at: number, typeBytes: number, valueBytes: number, owned: boolean): void;
  /** Whether a long value is accepted; see `FrameHandler.admit`. */
  admit(b: Uint8Array, at: number, valueBytes: number): boolean;
  /** Handles a frame that was not admitted; see `FrameHandler.onOversize`. */
  onOversize(b: Uint8Array, at: number, typeBytes: number, valueBytes: number): void;
  /** Sends a ping. */
  writePing(payload: number): void;
  /** Notifies senders that wait for room in the output. */
  outputDrained(): void;
  /** Ends calls that were never sent with UNAVAILABLE, and all others with `code`. */
  endCalls(code: Status, reason: string): void;
}

/** Connection interface used by a {@link ClientProtocol}. */
export interface ClientProtocolOwner {
  readonly connection: LeanConnection;
  /** Inflates a gzip message for a server that does not accept gzip. */
  inflate(message: Uint8Array): Uint8Array;
  /** Called when a call was removed; removing the last one completes a drain. */
  callRemoved(): void;
  /** Called after a sink was notified of its call's end: another call may be started. */
  callEnded(): void;
  /** Runs `report` from the next timer, so that no sink is called re-entrantly. */
  defer(report: () => void): void;
  /** Called when a ping was answered; without a payload, the answer is to the oldest ping. */
  ponged(payload?: number): void;
  /** Called when the server has sent GOODBYE: it did not process calls above `lastId`. */
  serverLeaves(reason: number, lastId: number, message: string): void;
}
