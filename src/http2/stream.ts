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

/** Interface of the connection that its streams and the protocol above use. */
export interface StreamOwner {
  /** Output buffer of the connection. */
  readonly out: ByteWriter;
  /** Encodes fields between `beginHeaders` and `endHeaders`. */
  readonly encoder: HpackEncoder;
  /** This connection's share of the server's memory pool. */
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
  /** Sends or queues `prefix`, which is copied, and `body`, of which the connection takes ownership. */
  sendData(stream: Http2Stream, prefix: Uint8Array | null, body: Uint8Array, end: boolean): void;
  /** Whether the stream should send more now; if not, the stream's `onWritable` is called once it should. */
  writable(stream: Http2Stream): boolean;
  /** Sends RST_STREAM. Of the callbacks, only the stream's `onDropped` and the handler's `onStreamClosed` follow. */
  reset(stream: Http2Stream, code: number): void;
  /** Withholds flow-control credit for the stream from the peer, or resumes returning it. */
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
  /** State of the stream, one of {@link StreamState}. */
  state: number = StreamState.IDLE;
  /** Send window in octets; negative after the peer has reduced its initial window (RFC 9113 §6.9.2). */
  sendWindow: number;
  /** Receive window: octets that the peer may still send. */
  recvWindow: number;
  /** Received octets for which no credit was returned yet. */
  recvHeld = 0;
  /** Whether credit is withheld because the reader is slow. */
  readPaused = false;
  /** Whether a header section was received. */
  headersReceived = false;
  /** Octets of the body that content-length announced and that have not arrived; -1 without content-length. */
  lengthLeft = -1;
  /** Queue of bytes that wait for flow control; null when there are none. */
  queue: SendQueue | null = null;
  /** Whether the scheduler lists the stream among those that can send. */
  listed = false;
  /** Whether END_STREAM goes with the last queued byte. */
  endQueued = false;
  /** Whether `writeTrailers` is called once the queue is empty. */
  trailersQueued = false;
  /** Whether the stream's sender waits for `onWritable`. */
  wantsWritable = false;
  /** Server: whether response headers were sent. */
  answered = false;
  /** Time at which queued bytes last made progress, in ms; 0 until the next check by the stall watch. */
  progressMs = 0;

  /** Creates an idle stream. */
  constructor(readonly connection: StreamOwner) {
    this.sendWindow = connection.peerInitialWindow;
    this.recvWindow = connection.initialWindow;
  }

  /** Called with a header section; `list` and `summary` are only valid during the call. */
  abstract onHeaders(list: HeaderList, summary: FieldSummary, endStream: boolean): void;
  /** Called with a trailer section, which half-closes the stream; `list` is only valid during the call. */
  abstract onTrailers(list: HeaderList, summary: FieldSummary): void;
  /** Called with received DATA, `start` to `end` of `buffer`, which is only valid during the call. */
  abstract onData(buffer: Uint8Array, start: number, end: number): void;
  /** Called when END_STREAM arrives with DATA. */
  abstract onEnd(): void;
  /** Called when the stream ends abnormally. `remote`: the peer ended it; otherwise this side did, for an error. */
  abstract onReset(errorCode: number, remote: boolean, reason: string): void;
  /** Called when the stream's sender may continue after `writable` was false. */
  abstract onWritable(): void;
  /**
   * Called when queued bytes are lost, because the application has detached their buffer; the queue is discarded. The
   * protocol above ends the stream, with RST_STREAM if `begun`: part of a message may have been sent.
   */
  abstract onDataLost(begun: boolean): void;
  /** Called when the stream has closed, to free what it holds; comes before `onReset`. */
  abstract onDropped(): void;
  /** Writes the trailer section; called when `trailersQueued` is set and the queue is empty. */
  abstract writeTrailers(): void;

  /** Whether this side may still send. */
  get canSend(): boolean {
    return this.state === StreamState.OPEN || this.state === StreamState.HALF_CLOSED_REMOTE;
  }

  /** Whether the peer may still send. */
  get canReceive(): boolean {
    return this.state === StreamState.OPEN || this.state === StreamState.HALF_CLOSED_LOCAL;
  }

  /** Number of bytes that wait for flow control. */
  get queuedBytes(): number {
    return this.queue === null ? 0 : this.queue.length;
  }
}
