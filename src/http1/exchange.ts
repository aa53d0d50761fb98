/**
 * One request and its response.
 *
 * @module
 */

import type { ByteWriter } from "../bytes/writer.ts";
import type { BodySink } from "./chunked_body.ts";
import { CHUNKED } from "./framing.ts";
import type { RequestHead } from "./request_head.ts";
import {
  appendChunk,
  appendHead,
  appendLastChunk,
  appendSwitch,
  Framing,
} from "./response_writer.ts";

const utf8 = new TextEncoder();

/** Connection interface used by its exchanges. */
export interface ExchangeOwner {
  /** Output of the connection. */
  readonly out: ByteWriter;
  /** Header lines that every response carries. */
  readonly commonLines: string;
  /** Whether unsent output is below its high-water mark. */
  readonly writable: boolean;
  /** Whether the body was received in full. */
  readonly bodyEnded: boolean;
  /**
   * Whether the connection can stay open for another request after a response that `ends` now, so that the rest of the
   * request's body is dropped; false if more than 1 MiB of it are missing.
   */
  persists(ends: boolean): boolean;
  /** Called when the handler starts or resumes reading the body. */
  onBodyWanted(): void;
  /** Called when the body is read as `messages`, so that the peer may pause. */
  onBodyOfMessages(): void;
  /** Called after output was appended. */
  onSent(): void;
  /** Called once, when the response is complete. */
  onResponseEnd(): void;
  /** Called when the response cannot be completed, so that the byte stream must be closed. */
  onBroken(reason: string): void;
  /** Called once, after the response that switches to another protocol. */
  onSwitch(): void;
}

/** Receives the events of an {@link Exchange}. */
export interface ExchangeSink {
  /** Receives a part of the body, valid only during the call. */
  onBody(bytes: Uint8Array): void;
  /** Called at the end of the body, also of an empty one; `trailers` alternates names in lower case and values. */
  onBodyEnd(trailers: readonly string[]): void;
  /**
   * Called at most once, when the peer disconnects, is too slow or violates the protocol before the response is
   * complete.
   */
  onAbort(reason: string): void;
  /** Called when `writable` has become true again. */
  onWritable(): void;
}

/**
 * How a handler uses a body: only `whole`, so that reads of one that arrives in tiny parts may be delayed by 1 s; in
 * `parts`, as they arrive; or as `messages` that the peer sends over time, which exempts the body from its total time
 * and its least rate: something of it must arrive within each `requestTimeoutMs`.
 */
export type BodyUse = "whole" | "parts" | "messages";

const NO_SINK: ExchangeSink = { onBody() {}, onBodyEnd() {}, onAbort() {}, onWritable() {} };
const NO_FIELDS: readonly string[] = [];

const State = {
  /** Before the head of the response. */
  WAITING: 0,
  /** Head sent, response body not complete. */
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
  /** Further fields of the response that the connection gives in place of the handler, such as 408. */
  refusalFields: readonly string[] = NO_FIELDS;
  /** The request without its body. */
  readonly head: RequestHead;
  /** Whether the request was sent ahead of the response to the one before it (RFC 9112 §9.3.2). */
  readonly pipelined: boolean;
  /** Whether its body had arrived in full when the header section was complete. */
  readonly arrived: boolean;
  readonly #owner: ExchangeOwner;
  #state: number = State.WAITING;
  #framing: number = Framing.NONE;
  #bytesLeft = 0;
  #closes = false;
  #discards = false;
  #reads = false;
  #use: BodyUse | undefined = undefined;
  #continued = false;
  #blocked = false;

  /** Creates the exchange of a request whose header section is complete, and behind which `moreBytes` have arrived. */
  constructor(owner: ExchangeOwner, head: RequestHead, pipelined: boolean, moreBytes: number) {
    this.#owner = owner;
    this.head = head;
    this.pipelined = pipelined;
    this.arrived = head.bodyBytes !== CHUNKED && head.bodyBytes <= moreBytes;
  }

  // ---- request ---------------------------------------------------------------------------------------------

  /** Whether the handler reads the body and has not paused it. */
  get wantsBody(): boolean {
    return this.#reads;
  }

  /** Whether the handler waits only for the end of the body. */
  get gathersBody(): boolean {
    return this.#reads && this.#use === "whole";
  }

  /** Whether the response is complete or was aborted. */
  get ended(): boolean {
    return this.#state === State.ENDED;
  }

  /**
   * Starts or resumes delivery of the body. The first call sends 100 Continue to a client that expects it (RFC 9110
   * §10.1.1). `use`: default that of the first call, `parts` for the first one.
   */
  readBody(use: BodyUse = this.#use ?? "parts"): void {
    if (this.#reads || this.ended) return;
    this.#reads = true;
    if (use === "messages" && this.#use !== use) this.#owner.onBodyOfMessages();
    this.#use = use;
    if (this.head.expectsContinue && !this.#continued && this.#state === State.WAITING) {
      this.#continued = true;
      this.#owner.out.text("HTTP/1.1 100 Continue\r\n\r\n");
      this.#owner.onSent();
    }
    this.#owner.onBodyWanted();
  }

  /** Pauses delivery of the body until {@link readBody} is called. */
  pauseBody(): void {
    if (!this.#discards) this.#reads = false;
  }

  /** Passes a part of the body to the sink. Called by the connection. */
  onBytes(bytes: Uint8Array): boolean {
    if (!this.ended) this.sink.onBody(bytes);
    return this.#reads;
  }

  /** Reports the end of the body to the sink. Called by the connection. */
  onEnd(trailers: readonly string[]): void {
    if (!this.ended) this.sink.onBodyEnd(trailers);
  }

  /** Makes the rest of the body be received and dropped. Called by the connection. */
  discardBody(): void {
    this.#discards = true;
    this.#reads = true;
    this.#use = "whole";
  }

  /** Whether the client still waits for 100 Continue, and may never send the body. Called by the connection. */
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

  /** Makes the connection close after this response; sends `connection: close` if the head was not sent yet. */
  closeAfter(): void {
    this.#closes = true;
  }

  /** Whether the connection is to be closed after the response. */
  get closes(): boolean {
    return this.#closes;
  }

  /**
   * Sends a whole response. `fields` alternates names and values; framing fields such as Content-Length are dropped.
   * Throws RangeError for a status that is not 200 to 999 and TypeError for an invalid field, without sending anything.
   */
  respond(status: number, fields: readonly string[], body: Uint8Array | string): void {
    if (this.#state !== State.WAITING) return;
    const bytes = typeof body === "string" ? utf8.encode(body) : body;
    this.#sendHead(status, fields, bytes.length, true);
    if (this.#framing === Framing.LENGTH) this.#owner.out.bytes(bytes);
    this.#bytesLeft = 0;
    this.end();
  }

  /**
   * Sends the head of a response whose body follows; `bodyBytes` is its length, undefined when it is not known. Throws
   * as {@link respond} does.
   */
  sendHead(status: number, fields: readonly string[], bodyBytes?: number): void {
    if (this.#state !== State.WAITING) return;
    this.#sendHead(status, fields, bodyBytes ?? -1, false);
    this.#owner.onSent();
  }

  /** Sends a part of the body, after the head. Throws RangeError for bytes beyond the `bodyBytes` of the head. */
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
   * Ends the response; `trailers` are sent if the body is chunked. A body shorter than its declared length closes the
   * connection.
   */
  end(trailers: readonly string[] = NO_FIELDS): void {
    if (this.#state !== State.SENDING) return;
    if (this.#framing === Framing.LENGTH && this.#bytesLeft > 0) {
      return this.abort("The response is shorter than its Content-Length");
    }
    if (this.#framing === Framing.CHUNKED) appendLastChunk(this.#owner.out, trailers);
    this.#state = State.ENDED;
    this.#owner.onSent();
    this.#owner.onResponseEnd();
  }

  /** Whether {@link switchProtocol} may be called: HTTP/1.1, no body, no response yet, and input behind the request only. */
  get canSwitch(): boolean {
    const { bodyBytes, minorVersion } = this.head;
    return !this.headSent && !this.pipelined && minorVersion === 1 && bodyBytes === 0;
  }

  /**
   * Answers 101 and ends the connection's use of HTTP/1.1 (RFC 9110 §7.8); what follows the request is in
   * `switchedInput` of the connection. Call it from `onRequest`. `fields` alternates names and values.
   */
  switchProtocol(protocol: string, fields: readonly string[]): void {
    appendSwitch(this.#owner.out, protocol, fields, this.#owner.commonLines);
    this.#state = State.ENDED;
    this.#owner.onSwitch();
  }

  /** Aborts the response and closes the byte stream, so that the client does not take the response for complete. */
  abort(reason: string): void {
    if (this.ended) return;
    this.#state = State.ENDED;
    this.#owner.onBroken(reason);
  }

  /** Ends the exchange without a complete response. Called by the connection. */
  onLost(reason: string): void {
    if (this.ended) return;
    this.#state = State.ENDED;
    this.sink.onAbort(reason);
  }

  /** Reports that the socket accepted output. Called by the connection. */
  onDrained(): void {
    if (!this.#blocked || !this.#owner.writable) return;
    this.#blocked = false;
    this.sink.onWritable();
  }

  #sendHead(status: number, fields: readonly string[], bodyBytes: number, whole: boolean): void {
    const { minorVersion, keepsAlive, method } = this.head;
    const owner = this.#owner;
    const framing = framingOf(status, method, bodyBytes, minorVersion);
    const closes = this.#closes || !keepsAlive || !owner.persists(whole) ||
      framing === Framing.CLOSE;
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
