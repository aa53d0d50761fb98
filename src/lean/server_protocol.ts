/**
 * Interface of the two lean protocols on a server: version 1, and extended frames for peers that exchange hellos.
 * The client's first frame decides which one a connection uses.
 *
 * @module
 */

import type { ServerConnectionSink } from "../call/wire.ts";
import type { LeanConnection } from "./connection.ts";

/** Accepts calls and handles frames, once the client's first frame has shown which protocol it uses. */
export interface ServerProtocol {
  /**
   * Whether the socket should be read; false (back-pressure) while readers are too far behind or too many calls are
   * open.
   */
  readonly wantsRead: boolean;
  /** Handles a complete frame; see `FrameHandler.onFrame`. */
  onFrame(b: Uint8Array, at: number, typeBytes: number, valueBytes: number, owned: boolean): void;
  /** Whether a long value is accepted; see `FrameHandler.admit`. */
  admit(b: Uint8Array, at: number, valueBytes: number): boolean;
  /** Handles a frame that was not admitted; see `FrameHandler.onOversize`. */
  onOversize(b: Uint8Array, at: number, typeBytes: number, valueBytes: number): void;
  /** Notifies senders that wait for room in the output. */
  outputDrained(): void;
  /** Called after each {@link ServerProtocolOwner.releaseSlot}, because reading may resume. */
  slotReleased(): void;
  /** Runs the protocol's timers. */
  tick(nowMs: number): void;
  /** Ends every call with UNAVAILABLE. */
  endCalls(reason: string): void;
}

/** Connection interface used by a {@link ServerProtocol}. */
export interface ServerProtocolOwner {
  readonly connection: LeanConnection;
  /** Receives calls. */
  readonly sink: ServerConnectionSink;
  /** Slots in use: calls that are open on the wire or whose handlers still run. */
  readonly activeCalls: number;
  /** Takes a slot for a new call. */
  takeSlot(): void;
  /** Releases a slot: the call has ended on the wire and its handler is done. */
  releaseSlot(): void;
  /** Called when the client has sent GOODBYE: it opens no more calls. */
  clientLeaves(): void;
}
