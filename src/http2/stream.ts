/**
 * One HTTP/2 stream. The protocol above (gRPC) extends it and gets happenings as method calls.
 *
 * @module
 */

import type { HeaderList } from "../hpack/header_list.ts";
import type { ConnectionCore } from "./connection_core.ts";
import type { FieldSummary } from "./field_check.ts";
import type { SendQueue } from "./send_queue.ts";
import { StreamState } from "./stream_state.ts";

/**
 * State of one stream. Fields are written by the connection alone; the protocol above reads them.
 * All fields are set in the constructor, so that all streams have one shape.
 */
export abstract class Http2Stream {
  /** Stream identifier, 0 until opened. */
  id = 0;
  /** One of StreamState. */
  state: number = StreamState.IDLE;
  /** Octets that may still be sent; negative after the peer has shrunk its window. */
  sendWindow: number;
  /** Octets that the peer may still send. */
  recvWindow: number;
  /** Octets received and not yet given back to the peer. */
  recvHeld = 0;
  /** Whether credit is withheld because the reader is slow. */
  readPaused = false;
  /** Whether a header section was received. */
  headersReceived = false;
  /** Octets announced by content-length and not yet received; -1 when not announced. */
  lengthLeft = -1;
  /** Bytes that wait for flow control. */
  queue: SendQueue | null = null;
  /** Whether the stream stands in the connection's list of streams that can send. */
  listed = false;
  /** Whether END_STREAM goes with the last queued byte. */
  endQueued = false;
  /** Whether `writeTrailers` is to be called when the queue is empty. */
  trailersQueued = false;
  /** Whether a sender waits for `onWritable`. */
  wantsWritable = false;
  /** When queued bytes last moved, for the stall timer. */
  progressMs = 0;

  /** Makes an idle stream. */
  constructor(readonly connection: ConnectionCore) {
    this.sendWindow = connection.peerInitialWindow;
    this.recvWindow = connection.initialWindow;
  }

  /** A header section arrived; `list` and `summary` are only valid during the call. */
  abstract onHeaders(list: HeaderList, summary: FieldSummary, endStream: boolean): void;
  /** A trailer section arrived, which ends the stream; `list` is only valid during the call. */
  abstract onTrailers(list: HeaderList, summary: FieldSummary): void;
  /** Octets `start` to `end` of `buffer` arrived; only valid during the call. */
  abstract onData(buffer: Uint8Array, start: number, end: number): void;
  /** The peer ended its side after data (not after trailers, and not with the header section). */
  abstract onEnd(): void;
  /** The stream ended abnormally: `remote` when the peer reset it, else a fault of its was found here. */
  abstract onReset(errorCode: number, remote: boolean, reason: string): void;
  /** Queued bytes fell below the mark. */
  abstract onWritable(): void;
  /** The stream is gone: free what it holds. Before `onReset`, if that is called. */
  abstract onDropped(): void;
  /** All queued data has gone: write the trailer section now. */
  abstract writeTrailers(): void;

  /** Whether this side may still send. */
  get canSend(): boolean {
    return this.state === StreamState.OPEN || this.state === StreamState.HALF_CLOSED_REMOTE;
  }

  /** Whether the peer may still send. */
  get canReceive(): boolean {
    return this.state === StreamState.OPEN || this.state === StreamState.HALF_CLOSED_LOCAL;
  }

  /** Queued bytes. */
  get queuedBytes(): number {
    return this.queue === null ? 0 : this.queue.length;
  }
}
