/**
 * Complete header blocks (RFC 9113 §8.1): decodes and checks them, opens streams for requests, and passes responses and
 * trailers on.
 *
 * @module
 */

import type { HpackDecoder } from "../hpack/decoder.ts";
import { HeaderList } from "../hpack/header_list.ts";
import { MAX_UNFINISHED_FACTOR, type PeerBudget, PeerEvent } from "../limits/peer_budget.ts";
import { BlockCache } from "./block_cache.ts";
import type { ClosedStreams } from "./closed_streams.ts";
import { ErrorCode } from "./constants.ts";
import type { ConnectionContext } from "./context.ts";
import { checkRequest, checkResponse, checkTrailers, FieldSummary } from "./field_check.ts";
import type { BlockOwner } from "./header_blocks.ts";
import type { SendScheduler } from "./send_scheduler.ts";
import type { Shutdown } from "./shutdown.ts";
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

/** Collaborators of {@link HeaderReceiver}. */
export interface HeaderReceiverParts {
  /** Decodes the peer's header blocks. */
  readonly decoder: HpackDecoder;
  /** Open streams. */
  readonly streams: StreamTable;
  /** Ends streams. */
  readonly closer: StreamCloser;
  /** Handles frames for streams that are not open. */
  readonly closedStreams: ClosedStreams;
  /** Tells whether new streams are still accepted. */
  readonly shutdown: Shutdown;
  /** Tells whether the send buffer has room for more replies. */
  readonly sender: SendScheduler;
}

/** Receives complete header blocks; one header list is reused for all of them. */
export class HeaderReceiver implements BlockOwner {
  readonly #context: ConnectionContext;
  readonly #budget: PeerBudget;
  readonly #isServer: boolean;
  readonly #maxConcurrentStreams: number;
  readonly #maxSendBufferBytes: number;
  readonly #decoder: HpackDecoder;
  readonly #streams: StreamTable;
  readonly #closer: StreamCloser;
  readonly #closedStreams: ClosedStreams;
  readonly #shutdown: Shutdown;
  readonly #sender: SendScheduler;
  readonly #limits: { maxListBytes: number; maxFields: number };
  readonly #list = new HeaderList();
  readonly #summary = new FieldSummary();
  readonly #cache = new BlockCache();
  #selfDependent = false;

  /** Creates the receiver of one connection. */
  constructor(context: ConnectionContext, parts: HeaderReceiverParts) {
    const { maxHeaderListBytes, maxHeaderFields } = context.options;
    this.#context = context;
    this.#budget = context.budget;
    this.#isServer = context.role === "server";
    this.#maxConcurrentStreams = context.options.maxConcurrentStreams;
    this.#maxSendBufferBytes = context.options.maxSendBufferBytes;
    this.#decoder = parts.decoder;
    this.#streams = parts.streams;
    this.#closer = parts.closer;
    this.#closedStreams = parts.closedStreams;
    this.#shutdown = parts.shutdown;
    this.#sender = parts.sender;
    this.#limits = { maxListBytes: maxHeaderListBytes, maxFields: maxHeaderFields };
  }

  onBlock(
    id: number,
    endStream: boolean,
    selfDependent: boolean,
    buffer: Uint8Array,
    start: number,
    end: number,
  ): void {
    const list = this.#list;
    const decoder = this.#decoder;
    this.#selfDependent = selfDependent;
    const opens = this.#isServer && id > this.#streams.lastPeerId;
    if (opens) {
      const known = this.#cache.find(buffer, start, end, decoder.version);
      if (known !== null) return this.#onRequest(id, endStream, known);
    }
    const { version } = decoder;
    // Decodes header blocks of closed streams too, so that both sides' HPACK tables stay equal (RFC 9113 §4.3).
    decoder.decode(buffer, start, end, list, this.#limits);
    const stream = this.#streams.open.get(id);
    if (stream !== undefined) return this.#onStreamBlock(stream, endStream);
    if (!opens) return this.#closedStreams.onFrame(id, "HEADERS", 0);
    const wrong = list.overLimit
      ? "the header list exceeds its limits"
      : checkRequest(list, this.#summary);
    if (wrong !== null) return this.#onBadRequest(id, wrong);
    const summary = this.#cache.offer(buffer, start, end, version, decoder.version, this.#summary);
    this.#onRequest(id, endStream, summary);
  }

  // ---- requests ----------------------------------------------------------------------------------------

  // Takes the identifier of a new stream; an even one ends the connection, because clients use odd ones (RFC 9113
  // §5.1.1).
  #takeId(id: number): boolean {
    if ((id & 1) === 0) {
      this.#context.violation(`The client opened stream ${id}, which is even`);
      return false;
    }
    this.#streams.lastPeerId = id;
    return true;
  }

  #onBadRequest(id: number, wrong: string): void {
    if (!this.#takeId(id)) return;
    this.#context.handler.onNote("debug", `Refused a request: ${wrong}`);
    const code = this.#list.overLimit ? ErrorCode.ENHANCE_YOUR_CALM : ErrorCode.PROTOCOL_ERROR;
    this.#closer.refuse(id, code);
  }

  #onRequest(id: number, endStream: boolean, summary: FieldSummary): void {
    if (!this.#takeId(id)) return;
    const context = this.#context;
    this.#budget.credit(PeerEvent.REQUEST);
    if (this.#shutdown.ignores(id)) return this.#closer.refuseLate(id);
    if (
      this.#streams.open.size >= this.#maxConcurrentStreams ||
      this.#streams.slots >= this.#maxConcurrentStreams * MAX_UNFINISHED_FACTOR ||
      this.#sender.queuedBytes >= this.#maxSendBufferBytes
    ) return this.#closer.refuse(id, ErrorCode.REFUSED_STREAM);
    if (this.#selfDependent || (endStream && summary.contentLength > 0)) {
      return this.#closer.refuse(id, ErrorCode.PROTOCOL_ERROR);
    }
    const stream = context.handler.createStream();
    stream.id = id;
    stream.state = nextState(
      StreamState.IDLE,
      endStream ? StreamInput.RECV_HEADERS_END : StreamInput.RECV_HEADERS,
    );
    stream.headersReceived = true;
    stream.lengthLeft = summary.contentLength;
    this.#streams.openRemote(stream);
    stream.onHeaders(this.#list, summary, endStream);
    this.#closer.closeIfDone(stream);
  }

  // ---- responses and trailers --------------------------------------------------------------------------

  #onStreamBlock(stream: Http2Stream, endStream: boolean): void {
    const next = nextState(
      stream.state,
      endStream ? StreamInput.RECV_HEADERS_END : StreamInput.RECV_HEADERS,
    );
    if (isStateError(next)) {
      return this.#closer.streamError(
        stream,
        stateErrorCode(next),
        "Received HEADERS after END_STREAM",
      );
    }
    if (this.#list.overLimit) {
      return this.#closer.streamError(
        stream,
        ErrorCode.ENHANCE_YOUR_CALM,
        `Received a header list of ${this.#list.size} bytes: the limit is ${this.#limits.maxListBytes}`,
      );
    }
    if (!this.#isServer && !stream.headersReceived) {
      return this.#onResponse(stream, endStream, next);
    }
    this.#onTrailers(stream, endStream, next);
  }

  #onTrailers(stream: Http2Stream, endStream: boolean, next: number): void {
    const wrong = !endStream
      ? "A second header section does not end its stream"
      : this.#selfDependent
      ? "A stream depends on itself"
      : checkTrailers(this.#list, this.#summary);
    if (wrong !== null) return this.#malformed(stream, wrong);
    if (stream.lengthLeft > 0) return this.#closer.contentLengthError(stream);
    stream.state = next;
    stream.onTrailers(this.#list, this.#summary);
    this.#closer.closeIfDone(stream);
  }

  #onResponse(stream: Http2Stream, endStream: boolean, next: number): void {
    const summary = this.#summary;
    const wrong = checkResponse(this.#list, summary);
    if (wrong !== null) return this.#malformed(stream, wrong);
    if (summary.status < 200) {
      // Interim responses are ignored, but may not end the stream (RFC 9113 §8.1).
      if (endStream) return this.#malformed(stream, "An interim response ends its stream");
      return this.#context.charge(PeerEvent.INTERIM_RESPONSE);
    }
    stream.headersReceived = true;
    stream.lengthLeft = summary.contentLength;
    if (endStream && stream.lengthLeft > 0) return this.#closer.contentLengthError(stream);
    stream.state = next;
    stream.onHeaders(this.#list, summary, endStream);
    this.#closer.closeIfDone(stream);
  }

  #malformed(stream: Http2Stream, reason: string): void {
    this.#closer.streamError(stream, ErrorCode.PROTOCOL_ERROR, reason);
  }
}
