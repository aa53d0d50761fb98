/**
 * One request of a client and its response.
 *
 * @module
 */

import type { ByteWriter } from "../bytes/writer.ts";
import type { BodySink } from "./chunked_body.ts";
import { CHUNKED } from "./framing.ts";
import { appendJoinedChunk, appendRequestHead, type OutgoingHead } from "./request_writer.ts";
import type { ResponseHead } from "./response_head.ts";
import { appendLastChunk } from "./response_writer.ts";

/** How far a request got that has no complete response. */
export type RequestProgress =
  /** No octet of it was handed to the socket. */
  | "unwritten"
  /** It was written, in part at least, and no octet of a response has arrived. */
  | "unanswered"
  /** A part of the response has arrived. */
  | "answered";

/** Receives the response of a {@link ClientExchange}. */
export interface ResponseSink {
  /** Called with the final response; interim ones are skipped. */
  onHead(head: ResponseHead): void;
  /** Receives a part of the body, valid only during the call. */
  onBody(bytes: Uint8Array): void;
  /** Called once, at the end of a complete response; `trailers` alternates names in lower case and values. */
  onEnd(trailers: readonly string[]): void;
  /** Called once, in place of `onEnd`, when the connection ended before. */
  onAbort(reason: string, progress: RequestProgress): void;
  /** Called when `writable` has become true again. */
  onWritable(): void;
}

/** Connection interface used by its exchanges. */
export interface ClientExchangeOwner {
  /** Output of the connection. */
  readonly out: ByteWriter;
  /** Whether unsent output is below its high-water mark. */
  readonly writable: boolean;
  /** Called after output was appended. */
  onSent(): void;
  /** Called when the request is complete. */
  onRequestEnd(): void;
  /** Called when the exchange gives up: no response is expected any more. */
  onCancel(): void;
  /** Called when reading of the body was paused or resumed. */
  onPaused(): void;
}

const NO_TRAILERS: readonly string[] = [];

/** A request that is being sent, and its response. */
export class ClientExchange implements BodySink {
  /** The request without its body. */
  readonly head: OutgoingHead;
  /** Receives the response. */
  readonly sink: ResponseSink;
  /** Whether the whole request was appended to the output. */
  requestEnded = false;
  /** Whether the response is complete, or will never be. */
  over = false;
  /** Whether the peer is to send no more of the response for now. */
  paused = false;
  /** The final response; null until it arrives. */
  response: ResponseHead | null = null;
  readonly #owner: ClientExchangeOwner;
  #bytesLeft: number;
  #blocked = false;

  /** Sends the head of a request. Throws TypeError, with nothing sent, for a head that is not valid. */
  constructor(owner: ClientExchangeOwner, head: OutgoingHead, sink: ResponseSink) {
    this.#owner = owner;
    this.head = head;
    this.sink = sink;
    this.#bytesLeft = head.bodyBytes;
    appendRequestHead(owner.out, head);
  }

  /** Whether more of the body should be sent now; if not, `sink.onWritable` follows. */
  get writable(): boolean {
    if (this.#owner.writable) return true;
    this.#blocked = true;
    return false;
  }

  /**
   * Sends a part of the body, `prefix` and `bytes`, in one chunk if it is chunked; both are copied. Throws RangeError for
   * bytes beyond the length in the head.
   */
  send(prefix: Uint8Array | null, bytes: Uint8Array): void {
    if (this.over || this.requestEnded) return;
    const { out } = this.#owner;
    if (this.head.bodyBytes === CHUNKED) {
      appendJoinedChunk(out, prefix, bytes);
    } else {
      const count = (prefix?.length ?? 0) + bytes.length;
      if (count > this.#bytesLeft) {
        throw new RangeError(
          `Cannot send ${count} bytes: ${this.#bytesLeft} are left of the Content-Length`,
        );
      }
      this.#bytesLeft -= count;
      if (prefix !== null) out.bytes(prefix);
      out.bytes(bytes);
    }
    this.#owner.onSent();
  }

  /** Ends the request. Throws RangeError if bytes of its Content-Length are missing. */
  end(): void {
    if (this.over || this.requestEnded) return;
    if (this.head.bodyBytes === CHUNKED) {
      appendLastChunk(this.#owner.out, NO_TRAILERS);
    } else if (this.#bytesLeft > 0) {
      throw new RangeError(
        `Cannot end a request: ${this.#bytesLeft} bytes of its Content-Length are missing`,
      );
    }
    this.requestEnded = true;
    this.#owner.onSent();
    this.#owner.onRequestEnd();
  }

  /** Gives up the exchange; the sink is not called any more. */
  cancel(): void {
    if (this.over) return;
    this.over = true;
    this.#owner.onCancel();
  }

  /** Stops reading of the response after the part that was already read, or resumes it. */
  setPaused(paused: boolean): void {
    if (this.over || this.paused === paused) return;
    this.paused = paused;
    this.#owner.onPaused();
  }

  // ---- for the connection ----------------------------------------------------------------------------------

  /** Passes a part of the body on. */
  onBytes(bytes: Uint8Array): boolean {
    if (!this.over) this.sink.onBody(bytes);
    return true;
  }

  /** Trailers of the body, once it is complete. */
  trailers: readonly string[] = NO_TRAILERS;

  /** Keeps the trailers until the connection has done its part. */
  onEnd(trailers: readonly string[]): void {
    this.trailers = trailers;
  }

  /** Reports that the socket accepted output. */
  onDrained(): void {
    if (!this.#blocked || this.over || !this.#owner.writable) return;
    this.#blocked = false;
    this.sink.onWritable();
  }
}
