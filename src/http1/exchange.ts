/**
 * One request and its response.
 *
 * @module
 */

import type { ByteWriter } from "../bytes/writer.ts";
import type { BodySink } from "./chunked_body.ts";
import type { RequestHead } from "./request_head.ts";
import { appendChunk, appendHead, appendLastChunk, Framing } from "./response_writer.ts";

const utf8 = new TextEncoder();

/** Connection around its exchanges. */
export interface ExchangeOwner {
  /** Output of the connection. */
  readonly out: ByteWriter;
  /** Lines of every response. */
  readonly commonLines: string;
  /** Whether a further request may follow on the connection, as far as the connection knows. */
  readonly persists: boolean;
  /** Whether more should be written now. */
  readonly writable: boolean;
  /** Whether the body was received in full. */
  readonly bodyEnded: boolean;
  /** Called when the body is wanted, or wanted again. */
  onBodyWanted(): void;
  /** Called after output was appended. */
  onSent(): void;
  /** Called once, when the response is complete. */
  onResponseEnd(): void;
  /** Called when the response can't be completed: the byte stream is to be closed. */
  onBroken(reason: string): void;
}

/** Receives the events of an {@link Exchange}. */
export interface ExchangeSink {
  /** Part of the body; valid only during the call. */
  onBody(bytes: Uint8Array): void;
  /** The body is complete; `trailers` are names in lower case and values in turn. Called for an empty body too. */
  onBodyEnd(trailers: readonly string[]): void;
  /** The peer is gone, too slow or has broken the protocol, before the response was complete. Called at most once. */
  onAbort(reason: string): void;
  /** `writable` became true again. */
  onWritable(): void;
}

const NO_SINK: ExchangeSink = { onBody() {}, onBodyEnd() {}, onAbort() {}, onWritable() {} };
const NO_TRAILERS: readonly string[] = [];

const State = {
  /** Before the head of the response. */
  WAITING: 0,
  /** Head sent, body not complete. */
  SENDING: 1,
  /** Response complete, or the exchange was aborted. */
  ENDED: 2,
} as const;

/**
 * A request that arrived, for which one response is to be sent. The body is delivered once it is asked for by
 * {@link readBody}; until then, and while it is paused, the peer can send no more than one read of the socket.
 */
export class Exchange implements BodySink {
  /** Receives the events; set it in `onRequest`. */
  sink: ExchangeSink = NO_SINK;
  /** The request without its body. */
  readonly head: RequestHead;
  /** Whether the request was sent ahead of the response to the one before it (RFC 9112 §9.3.2). */
  readonly pipelined: boolean;
  readonly #owner: ExchangeOwner;
  #state: number = State.WAITING;
  #framing: number = Framing.NONE;
  #bytesLeft = 0;
  #closes = false;
  #discards = false;
  #reads = false;
  #continued = false;
  #blocked = false;

  /** Begins with a head that arrived. */
  constructor(owner: ExchangeOwner, head: RequestHead, pipelined: boolean) {
    this.#owner = owner;
    this.head = head;
    this.pipelined = pipelined;
  }

  // ---- request ---------------------------------------------------------------------------------------------

  /** Whether the body, or the rest of it, is wanted now. */
  get wantsBody(): boolean {
    return this.#reads;
  }

  /** Whether the response is complete, or can't be sent any more. */
  get ended(): boolean {
    return this.#state === State.ENDED;
  }

  /** Delivers the body from now on. The first call asks a client that expects it with 100 Continue (RFC 9110 §10.1.1). */
  readBody(): void {
    if (this.#reads || this.ended) return;
    this.#reads = true;
    if (this.head.expectsContinue && !this.#continued && this.#state === State.WAITING) {
      this.#continued = true;
      this.#owner.out.text("HTTP/1.1 100 Continue\r\n\r\n");
      this.#owner.onSent();
    }
    this.#owner.onBodyWanted();
  }

  /** Delivers nothing more until {@link readBody}. */
  pauseBody(): void {
    if (!this.#discards) this.#reads = false;
  }

  /** For the connection: passes on a part of the body. */
  onBytes(bytes: Uint8Array): boolean {
    if (!this.ended) this.sink.onBody(bytes);
    return this.#reads;
  }

  /** For the connection: passes on the end of the body. */
  onEnd(trailers: readonly string[]): void {
    if (!this.ended) this.sink.onBodyEnd(trailers);
  }

  /** For the connection: receives and drops the rest of the body. */
  discardBody(): void {
    this.#discards = true;
    this.#reads = true;
  }

  /** For the connection: whether the client still waits for 100 Continue, and may not send the body at all. */
  get awaitsContinue(): boolean {
    return this.head.expectsContinue && !this.#continued;
  }

  // ---- response --------------------------------------------------------------------------------------------

  /** Whether the head of the response was sent. */
  get headSent(): boolean {
    return this.#state !== State.WAITING;
  }

  /** Whether more of the body should be sent now; if not, `sink.onWritable` follows. */
  get writable(): boolean {
    if (this.#owner.writable) return true;
    this.#blocked = true;
    return false;
  }

  /** Closes the connection after the response. Before the head is sent, the response says so. */
  closeAfter(): void {
    this.#closes = true;
  }

  /** Whether the connection is to be closed after the response. */
  get closes(): boolean {
    return this.#closes;
  }

  /**
   * Sends a whole response: `fields` are names and values in turn, without those of the framing, which are dropped.
   * Throws RangeError for a status that is not 200 to 999, TypeError for a field that is invalid; nothing is sent then.
   */
  respond(status: number, fields: readonly string[], body: Uint8Array | string): void {
    if (this.#state !== State.WAITING) return;
    const bytes = typeof body === "string" ? utf8.encode(body) : body;
    this.#sendHead(status, fields, bytes.length);
    if (this.#framing === Framing.LENGTH) this.#owner.out.bytes(bytes);
    this.#bytesLeft = 0;
    this.end();
  }

  /**
   * Sends the head of a response whose body follows; `bodyBytes` is its length, undefined when it is not known. Throws as
   * {@link respond} does.
   */
  sendHead(status: number, fields: readonly string[], bodyBytes?: number): void {
    if (this.#state !== State.WAITING) return;
    this.#sendHead(status, fields, bodyBytes ?? -1);
    this.#owner.onSent();
  }

  /** Sends a part of the body, after the head. Throws RangeError for bytes beyond the length that was given. */
  sendBody(bytes: Uint8Array): void {
    if (this.#state !== State.SENDING || bytes.length === 0 || this.#framing === Framing.NONE) {
      return;
    }
    const { out } = this.#owner;
    if (this.#framing === Framing.CHUNKED) {
      appendChunk(out, bytes);
    } else {
      if (this.#framing === Framing.LENGTH) {
        if (bytes.length > this.#bytesLeft) {
          throw new RangeError(
            `Cannot send ${bytes.length} bytes: ${this.#bytesLeft} are left of the Content-Length`,
          );
        }
        this.#bytesLeft -= bytes.length;
      }
      out.bytes(bytes);
    }
    this.#owner.onSent();
  }

  /**
   * Ends the response; `trailers` are sent when the body is chunked. A body shorter than its length closes the connection.
   */
  end(trailers: readonly string[] = NO_TRAILERS): void {
    if (this.#state !== State.SENDING) return;
    if (this.#framing === Framing.LENGTH && this.#bytesLeft > 0) {
      return this.abort("The response is shorter than its Content-Length");
    }
    if (this.#framing === Framing.CHUNKED) appendLastChunk(this.#owner.out, trailers);
    this.#state = State.ENDED;
    this.#owner.onSent();
    this.#owner.onResponseEnd();
  }

  /** Gives up the response: the byte stream is closed, so that the client does not take it for complete. */
  abort(reason: string): void {
    if (this.ended) return;
    this.#state = State.ENDED;
    this.#owner.onBroken(reason);
  }

  /** For the connection: the exchange ends without a complete response. */
  onLost(reason: string): void {
    if (this.ended) return;
    this.#state = State.ENDED;
    this.sink.onAbort(reason);
  }

  /** For the connection: output was sent. */
  onDrained(): void {
    if (!this.#blocked || !this.#owner.writable) return;
    this.#blocked = false;
    this.sink.onWritable();
  }

  #sendHead(status: number, fields: readonly string[], bodyBytes: number): void {
    const { minorVersion, keepsAlive, method } = this.head;
    const owner = this.#owner;
    const framing = framingOf(status, method, bodyBytes, minorVersion);
    const closes = this.#closes || !keepsAlive || !owner.persists || framing === Framing.CLOSE;
    appendHead(owner.out, {
      status,
      fields,
      commonLines: owner.commonLines,
      framing,
      bodyBytes,
      connection: closes ? "close" : minorVersion === 0 ? "keep-alive" : "",
    });
    this.#closes = closes;
    this.#framing = framing;
    this.#bytesLeft = Math.max(0, bodyBytes);
    this.#state = State.SENDING;
  }
}

/** Framing of a response's body (RFC 9112 §6.3). */
function framingOf(status: number, method: string, bodyBytes: number, minorVersion: 0 | 1): number {
  if (method === "HEAD" || status === 204 || status === 304) return Framing.NONE;
  if (bodyBytes >= 0) return Framing.LENGTH;
  return minorVersion === 1 ? Framing.CHUNKED : Framing.CLOSE;
}
