/**
 * A request and its response on one HTTP/2 stream (RFC 9113 §8.1).
 *
 * @module
 */

import { LOST_MESSAGE } from "../../bytes/lost_message.ts";
import { Status } from "../../call/status.ts";
import type { HeaderList } from "../../hpack/header_list.ts";
import { statusFromReset } from "../../grpc/status_map.ts";
import { ErrorCode } from "../../http2/constants.ts";
import type { FieldSummary } from "../../http2/field_check.ts";
import { Http2Stream, type StreamOwner } from "../../http2/stream.ts";
import { StreamState } from "../../http2/stream_state.ts";
import type { HttpExchange, HttpSink } from "./exchange.ts";

const NO_TRAILERS: readonly string[] = [];

/** Stream of one call. */
export class WebHttp2Stream extends Http2Stream implements HttpExchange {
  readonly #call: HttpSink;
  #over = false;

  /** Creates an idle stream of `connection`. */
  constructor(connection: StreamOwner, call: HttpSink) {
    super(connection);
    this.#call = call;
  }

  // ---- sending ---------------------------------------------------------------------------------------------

  send(prefix: Uint8Array | null, bytes: Uint8Array, end: boolean): void {
    if (this.#over || !this.canSend || this.endQueued) return;
    this.connection.sendData(this, prefix, bytes, end);
  }

  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.connection.reset(this, ErrorCode.CANCEL);
  }

  get writable(): boolean {
    return this.connection.writable(this);
  }

  setReadPaused(paused: boolean): void {
    if (this.state !== StreamState.CLOSED) this.connection.setReadPaused(this, paused);
  }

  // ---- receiving -------------------------------------------------------------------------------------------

  onHeaders(list: HeaderList, summary: FieldSummary, endStream: boolean): void {
    if (this.#over) return;
    this.#call.onResponse(summary.status, fieldsOf(list, summary.firstRegular));
    if (endStream) this.#finish(NO_TRAILERS);
  }

  onTrailers(list: HeaderList, summary: FieldSummary): void {
    this.#finish(fieldsOf(list, summary.firstRegular));
  }

  onData(buffer: Uint8Array, start: number, end: number): void {
    if (!this.#over) this.#call.onBody(buffer, start, end);
  }

  onEnd(): void {
    this.#finish(NO_TRAILERS);
  }

  onReset(errorCode: number, remote: boolean, reason: string): void {
    if (this.#over) return;
    this.#over = true;
    if (this.connection.finished) {
      const text = `Connection lost: ${reason}`;
      return this.#call.onFailure(Status.UNAVAILABLE, text, "processed");
    }
    const refused = errorCode === ErrorCode.REFUSED_STREAM && remote;
    this.#call.onFailure(
      remote ? statusFromReset(errorCode) : Status.INTERNAL,
      reason,
      refused ? "refused" : "processed",
    );
  }

  onWritable(): void {
    if (!this.#over) this.#call.onWritable();
  }

  onDataLost(): void {
    if (this.#over) return;
    this.cancel();
    this.#call.onFailure(Status.INTERNAL, LOST_MESSAGE, "processed");
  }

  onDropped(): void {}
  writeTrailers(): void {}

  #finish(trailers: readonly string[]): void {
    if (this.#over) return;
    this.#over = true;
    this.#call.onEnd(trailers);
    // After a complete response, the stream is reset because the rest of the request is not needed.
    if (this.state === StreamState.HALF_CLOSED_REMOTE) {
      this.connection.reset(this, ErrorCode.NO_ERROR);
    }
  }
}

function fieldsOf(list: HeaderList, from: number): string[] {
  const fields: string[] = [];
  for (let i = from; i < list.count; i++) fields.push(list.names[i], list.values[i]);
  return fields;
}
