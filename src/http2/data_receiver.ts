/**
 * DATA as it arrives (RFC 9113 §6.1): checks the stream's state, content-length and flow control, passes the octets on,
 * and returns credit.
 *
 * @module
 */

import { type PeerBudget, PeerEvent } from "../limits/peer_budget.ts";
import type { ClosedStreams } from "./closed_streams.ts";
import { ErrorCode, Flag, USEFUL_DATA_BYTES } from "./constants.ts";
import type { ConnectionContext } from "./context.ts";
import type { DataHandler } from "./frame_reader.ts";
import type { HeaderBlocks } from "./header_blocks.ts";
import type { ReceiveWindow } from "./receive_window.ts";
import type { Settings } from "./settings.ts";
import type { Http2Stream } from "./stream.ts";
import type { StreamCloser } from "./stream_closer.ts";
import {
  isStateError,
  nextState,
  stateErrorCode,
  StreamInput,
  StreamState,
} from "./stream_state.ts";
import type { StreamTable } from "./stream_table.ts";

/** Collaborators of {@link DataReceiver}. */
export interface DataReceiverParts {
  /** Tells whether the peer's SETTINGS, which precede all other frames, have arrived. */
  readonly settings: Settings;
  /** Tells whether a header block is open, which no other frame may interrupt. */
  readonly blocks: HeaderBlocks;
  /** Open streams. */
  readonly streams: StreamTable;
  /** Ends streams. */
  readonly closer: StreamCloser;
  /** Handles frames for streams that are not open. */
  readonly closedStreams: ClosedStreams;
  /** Counts received octets against the connection's window and returns credit. */
  readonly receiveWindow: ReceiveWindow;
}

/** Receives one DATA frame at a time. */
export class DataReceiver implements DataHandler {
  readonly #context: ConnectionContext;
  readonly #budget: PeerBudget;
  readonly #settings: Settings;
  readonly #blocks: HeaderBlocks;
  readonly #open: StreamTable["open"];
  readonly #closer: StreamCloser;
  readonly #closedStreams: ClosedStreams;
  readonly #receiveWindow: ReceiveWindow;
  /** Stream of the current DATA frame; null when the frame's octets are discarded. */
  #stream: Http2Stream | null = null;
  #length = 0;
  #endStream = false;

  /** Creates a receiver that expects the start of a frame. */
  constructor(context: ConnectionContext, parts: DataReceiverParts) {
    this.#context = context;
    this.#budget = context.budget;
    this.#settings = parts.settings;
    this.#blocks = parts.blocks;
    this.#open = parts.streams.open;
    this.#closer = parts.closer;
    this.#closedStreams = parts.closedStreams;
    this.#receiveWindow = parts.receiveWindow;
  }

  onDataBegin(flags: number, id: number, length: number): void {
    const context = this.#context;
    this.#stream = null;
    this.#length = length;
    this.#endStream = (flags & Flag.END_STREAM) !== 0;
    if (!this.#settings.received) return context.violation("Received DATA before SETTINGS");
    if (this.#blocks.openStream !== 0) {
      return context.violation("Received DATA inside a header block");
    }
    if (id === 0) return context.violation("Received DATA on stream 0");
    const useful = length >= USEFUL_DATA_BYTES || this.#endStream;
    if (!useful) context.charge(PeerEvent.SMALL_DATA);
    if (!this.#receiveWindow.take(length)) {
      return context.connectionError(
        ErrorCode.FLOW_CONTROL_ERROR,
        `DATA exceeds the connection's window by ${-this.#receiveWindow.window} bytes`,
      );
    }
    const stream = this.#open.get(id);
    if (stream === undefined) {
      return this.#closedStreams.onFrame(id, "DATA", useful ? length : 0);
    }
    if (!this.#accepts(stream, length)) return;
    this.#stream = stream;
    if (useful) this.#budget.credit(PeerEvent.USEFUL_DATA);
  }

  #accepts(stream: Http2Stream, length: number): boolean {
    const next = nextState(
      stream.state,
      this.#endStream ? StreamInput.RECV_DATA_END : StreamInput.RECV_DATA,
    );
    if (isStateError(next)) {
      this.#closer.streamError(stream, stateErrorCode(next), "Received DATA after END_STREAM");
      return false;
    }
    if (!stream.headersReceived) {
      this.#closer.streamError(stream, ErrorCode.PROTOCOL_ERROR, "Received DATA before HEADERS");
      return false;
    }
    stream.recvWindow -= length;
    if (stream.recvWindow >= 0) return true;
    this.#closer.streamError(
      stream,
      ErrorCode.FLOW_CONTROL_ERROR,
      `DATA exceeds the stream's window by ${-stream.recvWindow} bytes`,
    );
    return false;
  }

  onDataPart(buffer: Uint8Array, start: number, end: number): void {
    const stream = this.#stream;
    if (stream === null || stream.state === StreamState.CLOSED) return;
    if (stream.lengthLeft >= 0) {
      stream.lengthLeft -= end - start;
      if (stream.lengthLeft < 0) {
        this.#stream = null;
        return this.#closer.contentLengthError(stream);
      }
    }
    stream.onData(buffer, start, end);
  }

  onBadPadding(): void {
    this.#context.violation("Padding is not shorter than its frame");
  }

  onDataEnd(): void {
    let stream = this.#stream;
    this.#stream = null;
    if (stream !== null && stream.state === StreamState.CLOSED) stream = null;
    // The whole payload counts against the windows, padding and discarded data included (RFC 9113 §6.9).
    this.#receiveWindow.give(stream, this.#length);
    if (stream === null || !this.#endStream) return;
    if (stream.lengthLeft > 0) return this.#closer.contentLengthError(stream);
    stream.state = nextState(stream.state, StreamInput.RECV_DATA_END);
    stream.onEnd();
    this.#closer.closeIfDone(stream);
  }
}
