/**
 * The ways in which a stream ends: in order, reset by either side, by an error of the peer, or with its connection
 * (RFC 9113 §5.4.2 and §6.4).
 *
 * @module
 */

import { forEachItem } from "../call/each.ts";
import { type PeerBudget, PeerEvent } from "../limits/peer_budget.ts";
import { ErrorCode } from "./constants.ts";
import type { ConnectionContext, Http2Handler } from "./context.ts";
import { writeRstStream } from "./frame_writer.ts";
import type { ReceiveWindow } from "./receive_window.ts";
import type { ResetMemory } from "./reset_memory.ts";
import type { SendScheduler } from "./send_scheduler.ts";
import type { Http2Stream } from "./stream.ts";
import { nextState, StreamInput, StreamState } from "./stream_state.ts";
import type { StreamTable } from "./stream_table.ts";

/** Ends streams. */
export class StreamCloser {
  readonly #context: ConnectionContext;
  readonly #handler: Http2Handler;
  readonly #budget: PeerBudget;
  readonly #isServer: boolean;
  readonly #streams: StreamTable;
  readonly #resets: ResetMemory;
  readonly #sender: SendScheduler;
  readonly #receiveWindow: ReceiveWindow;

  constructor(
    context: ConnectionContext,
    streams: StreamTable,
    resets: ResetMemory,
    sender: SendScheduler,
    receiveWindow: ReceiveWindow,
  ) {
    this.#context = context;
    this.#handler = context.handler;
    this.#budget = context.budget;
    this.#isServer = context.role === "server";
    this.#streams = streams;
    this.#resets = resets;
    this.#sender = sender;
    this.#receiveWindow = receiveWindow;
  }

  /** Handles a stream error (RFC 9113 §5.4.2): sends RST_STREAM, calls `onReset` and charges the peer. */
  streamError(stream: Http2Stream, code: number, reason: string): void {
    if (stream.state === StreamState.CLOSED) return;
    this.#writeReset(stream.id, code, stream.recvWindow);
    this.#end(stream, code, false, reason);
    this.#context.changed();
    this.#context.charge(PeerEvent.FAULT);
    this.#context.finishIfDrained();
  }

  /** Handles the stream error that the length of the body differs from content-length (RFC 9113 §8.1.1). */
  contentLengthError(stream: Http2Stream): void {
    this.streamError(
      stream,
      ErrorCode.PROTOCOL_ERROR,
      "The length of the body differs from content-length",
    );
  }

  /** Handles a stream error on a stream that is not open: sends RST_STREAM and charges the peer. */
  refuse(id: number, code: number): void {
    this.#writeReset(id, code, 0);
    this.#context.charge(PeerEvent.FAULT);
  }

  /** Refuses a stream that the client opened before it received GOAWAY (RFC 9113 §6.8), without charging it. */
  refuseLate(id: number): void {
    this.#writeReset(id, ErrorCode.REFUSED_STREAM, 0);
  }

  /**
   * Resets a stream at the request of the protocol above; afterwards only `onDropped` and `onStreamClosed` are called.
   */
  reset(stream: Http2Stream, code: number): void {
    if (stream.state === StreamState.CLOSED || stream.state === StreamState.IDLE) return;
    this.#writeReset(stream.id, code, stream.recvWindow);
    this.#budget.credit(PeerEvent.LOCAL_RESET);
    this.#drop(stream);
    this.#handler.onStreamClosed(stream);
    this.#context.changed();
    this.#context.finishIfDrained();
  }

  /** Ends a stream that the peer has reset, or that its GOAWAY excludes from processing. */
  endByPeer(stream: Http2Stream, code: number, reason: string): void {
    this.#end(stream, code, true, reason);
  }

  /** Handles the end of this side of a stream, after END_STREAM was sent. */
  localEnded(stream: Http2Stream): void {
    // A server that has answered does not need the rest of the request (RFC 9113 §8.1).
    if (
      this.#isServer && stream.state === StreamState.HALF_CLOSED_LOCAL
    ) {
      return this.reset(stream, ErrorCode.NO_ERROR);
    }
    this.closeIfDone(stream);
  }

  /** Handles END_STREAM that was sent with DATA. */
  dataEndSent(stream: Http2Stream): void {
    stream.state = nextState(stream.state, StreamInput.SEND_DATA_END);
    this.localEnded(stream);
  }

  /** Removes the stream if both sides have ended it. */
  closeIfDone(stream: Http2Stream): void {
    if (stream.state !== StreamState.CLOSED || this.#streams.open.get(stream.id) === undefined) {
      return;
    }
    this.#budget.credit(PeerEvent.ORDERLY_END);
    this.#drop(stream);
    this.#handler.onStreamClosed(stream);
    this.#context.finishIfDrained();
  }

  /** Ends every stream when the connection has ended. */
  endAll(code: number, reason: string): void {
    forEachItem(this.#streams.takeAll(), (stream) => {
      // Skips streams that the callbacks of an earlier one have closed.
      if (stream.state === StreamState.CLOSED) return;
      this.#end(stream, code, code === ErrorCode.NO_ERROR, reason);
    });
  }

  #end(stream: Http2Stream, code: number, remote: boolean, reason: string): void {
    this.#drop(stream);
    stream.onReset(code, remote, reason);
    this.#handler.onStreamClosed(stream);
  }

  #drop(stream: Http2Stream): void {
    stream.state = StreamState.CLOSED;
    this.#streams.delete(stream);
    this.#sender.discard(stream);
    this.#receiveWindow.forget(stream);
    stream.onDropped();
  }

  #writeReset(id: number, code: number, window: number): void {
    writeRstStream(this.#context.out, id, code);
    this.#resets.remember(id, window);
  }
}
