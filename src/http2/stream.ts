/**
 * One HTTP/2 stream. The protocol above (gRPC) extends it and receives its events as method calls.
 *
 * @module
 */

import type { ByteWriter } from "../bytes/writer.ts";
import type { HpackEncoder } from "../hpack/encoder.ts";
import type { HeaderList } from "../hpack/header_list.ts";
import type { MemoryShare } from "../limits/memory_pool.ts";
import type { FieldSummary } from "./field_check.ts";
import type { SendQueue } from "./send_queue.ts";
import { StreamState } from "./stream_state.ts";

/** Connection interface used by its streams and the protocol above. */
export interface StreamOwner {
  /** Bytes to be sent. */
  readonly out: ByteWriter;
  /** Encodes fields between `beginHeaders` and `endHeaders`. */
  readonly encoder: HpackEncoder;
  /** This connection's share of its server's memory. */
  readonly memory: MemoryShare;
  /** Whether the connection has ended. */
  readonly finished: boolean;
  /** The peer's SETTINGS_INITIAL_WINDOW_SIZE: the send window of new streams. */
  readonly peerInitialWindow: number;
  /** Receive window of new streams, in octets. */
  readonly initialWindow: number;
  /** The peer's SETTINGS_MAX_HEADER_LIST_SIZE, in bytes. */
  readonly peerMaxHeaderListBytes: number;
  /** Octets that may still be sent on the connection. */
  readonly sendWindow: number;
  /** Starts a HEADERS frame; returns its offset in `out`. */
  beginHeaders(): number;
  /** Completes the HEADERS frame at offset `at`. */
  endHeaders(stream: Http2Stream, at: number, endStream: boolean): void;
  /** Sends or queues `prefix` (copied) and `body` (owned from now on). */
  sendData(stream: Http2Stream, prefix: Uint8Array | null, body: Uint8Array, end: boolean): void;
  /** Whether the stream should send more now; if not, its `onWritable` is called later. */
  writable(stream: Http2Stream): boolean;
  /** Sends RST_STREAM. Only `onDropped` and the handler's `onStreamClosed` follow. */
  reset(stream: Http2Stream, code: number): void;
  /** Withholds credit from the stream's sender, or returns it again. */
  setReadPaused(stream: Http2Stream, paused: boolean): void;
  /** Charges the peer for a broken message. */
  chargeFault(): void;
  /** Server: frees the slot of a stream that is closed and whose handler has ended. */
  releaseSlot(): void;
}

/**
 * State of one stream. Only the connection writes its fields; the protocol above reads them. All fields are set in the
 * constructor, so that all streams have one shape.
 */
export abstract class Http2Stream {
  /** Stream identifier; 0 until opened. */
  id = 0;
  /** One of StreamState. */
  state: number = StreamState.IDLE;
  /** Octets that may still be sent; negative after the peer has shrunk its window (RFC 9113 §6.9.2). */
  sendWindow: number;
  /** Octets that the peer may still send. */
  recvWindow: number;
  /** Octets received for which no credit was returned yet. */
  recvHeld = 0;
  /** Whether credit is withheld because the reader is slow. */
  readPaused = false;
  /** Whether a header section was received. */
  headersReceived = false;
  /** Octets announced by content-length and not received yet; -1 when not announced. */
  lengthLeft = -1;
  /** Bytes that wait for flow control. */
  queue: SendQueue | null = null;
  /** Whether the scheduler lists the stream among those that can send. */
  listed = false;
  /** Whether END_STREAM goes with the last queued byte. */
  endQueued = false;
  /** Whether `writeTrailers` is to be called when the queue is empty. */
  trailersQueued = false;
  /** Whether the sender waits for `onWritable`. */
  wantsWritable = false;
  /** Server: whether response headers were sent. */
  answered = false;
  /** When queued bytes last made progress, for the stall watch; 0 until its next check. */
  progressMs = 0;

  /** Makes an idle stream. */
  constructor(readonly connection: StreamOwner) {
    this.sendWindow = connection.peerInitialWindow;
    this.recvWindow = connection.initialWindow;
  }

  /** A header section arrived; `list` and `summary` are only valid during the call. */
  abstract onHeaders(list: HeaderList, summary: FieldSummary, endStream: boolean): void;
  /** A trailer section arrived, which ends the stream; `list` is only valid during the call. */
  abstract onTrailers(list: HeaderList, summary: FieldSummary): void;
  /** Octets `start` to `end` of `buffer` arrived; only valid during the call. */
  abstract onData(buffer: Uint8Array, start: number, end: number): void;
  /** END_STREAM arrived with DATA. */
  abstract onEnd(): void;
  /** The stream ended abnormally: `remote` when the peer reset it, else by a stream error of the peer. */
  abstract onReset(errorCode: number, remote: boolean, reason: string): void;
  /** The sender may continue. */
  abstract onWritable(): void;
  /** The stream is closed: free what it holds. Called before `onReset`, if that follows. */
  abstract onDropped(): void;
  /** The queue is empty and `trailersQueued`: write the trailer section. */
  abstract writeTrailers(): void;

  /** Whether this side may still send. */
  get canSend(): boolean {
    return this.state === StreamState.OPEN || this.state === StreamState.HALF_CLOSED_REMOTE;
  }

  /** Whether the peer may still send. */
  get canReceive(): boolean {
    return this.state === StreamState.OPEN || this.state === StreamState.HALF_CLOSED_LOCAL;
  }

  /** Bytes queued for flow control. */
  get queuedBytes(): number {
    return this.queue === null ? 0 : this.queue.length;
  }
}
