/**
 * One Request and its Response as the calls of gRPC-Web and Connect use them.
 *
 * @module
 */

import { deferred } from "../core/deferred.ts";
import type { Clock } from "../../call/clock.ts";
import { textOf } from "../../errors.ts";
import type { MemoryShare } from "../../limits/memory_pool.ts";
import { fieldValue, type HttpExchange, type HttpExchangeSink } from "../../web/server/exchange.ts";
import type { DeadlineHandle, DeadlineQueue } from "../core/deadline_queue.ts";
import { RequestBody } from "./request_body.ts";
import { ResponseBody } from "./response_body.ts";

// Bodies up to this size are given to the runtime whole. Longer ones follow as the client reads.
const WHOLE_BYTES = 32_768;
// Messages up to this size are queued without asking for memory: the number of calls bounds them.
const SMALL_BYTES = 4_096;
/** Client Closed Request, nginx's status for a client that does not wait for the response. */
const CLOSED_REQUEST = 499;
const REQUEST_TIMEOUT = 408;
// Time by which the notice of a reset may follow the end of a stream of requests.
const RESET_NOTICE_MS = 2;
const INTERNAL = 500;
const UNAVAILABLE = 503;

/** Settings that the exchanges of a handler share, and its timers. */
export interface ExchangeOwner {
  readonly clock: Clock;
  readonly deadlines: DeadlineQueue;
  /** Time for the body of a unary call, and for each part of a stream of requests, in ms. */
  readonly requestTimeoutMs: number;
  /** Time for the client to take some of the response that waits, in ms. */
  readonly stallTimeoutMs: number;
  /** Called once, when the response is complete or was cut short. */
  onEnd(exchange: FetchExchange): void;
  /** Called once, when the exchange has no handler any more. */
  onHandlerDone(): void;
}

/** Parts of a request's URL. */
export interface UrlParts {
  readonly authority: string;
  readonly path: string;
  readonly query: string;
}

/** Cuts the URL of a Request, which is absolute and valid. */
export function urlParts(url: string): UrlParts {
  const start = url.indexOf("://") + 3;
  const slash = url.indexOf("/", start);
  const end = url.indexOf("#", slash);
  const target = url.slice(slash, end < 0 ? url.length : end);
  const mark = target.indexOf("?");
  return {
    authority: url.slice(start, slash),
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? "" : target.slice(mark + 1),
  };
}

/** One request and its response. */
export class FetchExchange implements HttpExchange {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly authority: string;
  readonly fields: readonly string[];
  readonly bodyBytes: number;
  readonly http1 = false;
  /** Resolves as soon as the head of the response is known. */
  readonly response: Promise<Response>;
  readonly #owner: ExchangeOwner;
  readonly #signal: AbortSignal;
  readonly #requestBody: RequestBody;
  #respond: (response: Response) => void;
  #responseBody: ResponseBody | undefined = undefined;
  #sink: HttpExchangeSink | null = null;
  /** Fields of a response that is given in place of the handler. */
  #responseFields: readonly string[] = [];
  #headSent = false;
  #ended = false;
  /** Whether the request's body is a stream of messages, each of which has the whole time. */
  #streams = false;
  #receivedAtMs = 0;
  #takenAtMs = 0;
  #bodyTimer: DeadlineHandle | undefined = undefined;
  #stallTimer: DeadlineHandle | undefined = undefined;

  /** Takes over a request. `parts`: its URL, with the path as the handler sees it. */
  constructor(
    request: Request,
    parts: UrlParts,
    readonly memory: MemoryShare,
    owner: ExchangeOwner,
  ) {
    this.method = request.method;
    this.path = parts.path;
    this.query = parts.query;
    this.authority = parts.authority;
    const fields: string[] = [];
    // Not by its iterator: Deno's takes quadratic time.
    request.headers.forEach((value, name) => fields.push(name, value));
    this.fields = fields;
    this.bodyBytes = request.body === null ? 0 : announcedBytes(fields);
    this.#owner = owner;
    this.#requestBody = new RequestBody(request.body, {
      onPart: (bytes) => this.#onPart(bytes),
      onEnd: () => this.#onBodyEnd(),
      onFailure: (error) => this.#lose(`The request's body failed: ${textOf(error)}`),
    });
    const { promise, resolve } = deferred<Response>();
    this.response = promise;
    this.#respond = resolve;
    this.#signal = request.signal;
    this.#signal.addEventListener("abort", this.#onSignal);
    if (this.#signal.aborted) this.#onSignal();
  }

  /** Whether the response is complete or was cut short. */
  get ended(): boolean {
    return this.#ended;
  }

  #onSignal = () => this.#lose("The client has cancelled the request");

  // ---- request -------------------------------------------------------------------------------------------

  readBody(sink: HttpExchangeSink, streams: boolean, responseFields: readonly string[]): void {
    if (this.#ended) return sink.onAbort("The client has cancelled the request");
    this.#sink = sink;
    this.#responseFields = responseFields;
    this.#streams = streams;
    this.#receivedAtMs = this.#owner.clock.now();
    if (this.#owner.requestTimeoutMs !== Infinity) this.#armBodyTimer();
    this.#requestBody.start();
  }

  setReadPaused(paused: boolean): void {
    if (!paused) this.#receivedAtMs = this.#owner.clock.now();
    this.#requestBody.setPaused(paused);
  }

  #onPart(bytes: Uint8Array): void {
    if (this.#streams) this.#receivedAtMs = this.#owner.clock.now();
    this.#sink?.onBody(bytes, 0, bytes.length);
  }

  #onBodyEnd(): void {
    this.#bodyTimer = this.#disarmed(this.#bodyTimer);
    if (!this.#streams || !this.#headSent) return this.#deliverEnd();
    // Deno 2 reports a stream of HTTP/2 that the client has reset as the end of its request, and cancels the response a
    // moment later: a handler must not take a cancelled stream of requests for a complete one.
    this.#owner.clock.setTimer(() => this.#deliverEnd(), RESET_NOTICE_MS);
  }

  #deliverEnd(): void {
    if (!this.#ended) this.#sink?.onBodyEnd();
  }

  #armBodyTimer(): void {
    const { deadlines, clock, requestTimeoutMs } = this.#owner;
    this.#bodyTimer = deadlines.add(this.#receivedAtMs + requestTimeoutMs, () => {
      // While the handler holds back, the client is not late.
      if (!this.#requestBody.reads) this.#receivedAtMs = clock.now();
      if (clock.now() < this.#receivedAtMs + requestTimeoutMs) return this.#armBodyTimer();
      this.#lose(
        `The request's body did not arrive within ${requestTimeoutMs} ms`,
        REQUEST_TIMEOUT,
      );
    });
  }

  // ---- response ------------------------------------------------------------------------------------------

  respond(status: number, fields: readonly string[], body: Uint8Array): boolean {
    if (this.#headSent || this.#ended) return true;
    if (body.length > WHOLE_BYTES && this.method !== "HEAD") {
      if (!this.memory.allows(body.length)) return false;
      this.sendHead(status, fields);
      return this.write(null, body, true);
    }
    const none = body.length === 0 || this.method === "HEAD" || status === 204;
    // A body is copied by the constructor of Response.
    this.#sendHead(status, fields, none ? null : body as Uint8Array<ArrayBuffer>);
    this.#end();
    return true;
  }

  sendHead(status: number, fields: readonly string[]): void {
    if (this.#headSent || this.#ended) return;
    this.#responseBody = new ResponseBody(this.memory, {
      onWritable: () => this.#sink?.onWritable(),
      onCancel: () => this.#lose("The client has cancelled the response"),
      onTaken: () => this.#takenAtMs = this.#owner.clock.now(),
    });
    this.#sendHead(status, fields, this.#responseBody.stream);
  }

  #sendHead(status: number, fields: readonly string[], body: BodyInit | null): void {
    this.#headSent = true;
    const headers = new Headers();
    for (let i = 0; i < fields.length; i += 2) headers.append(fields[i], fields[i + 1]);
    this.#respond(new Response(body, { status, headers }));
  }

  write(prefix: Uint8Array | null, bytes: Uint8Array, last: boolean): boolean {
    const body = this.#responseBody;
    if (this.#ended || body === undefined) return true;
    if (bytes.length > SMALL_BYTES && !this.memory.allows(bytes.length)) return false;
    if (prefix !== null) body.add(prefix.slice());
    body.add(bytes);
    if (last) {
      body.end();
      this.#end();
    }
    if (body.waits) this.#watchStall(body);
    return true;
  }

  get writable(): boolean {
    return this.#responseBody?.writable ?? true;
  }

  /** Fails the response when the client takes nothing of what waits for `stallTimeoutMs`. */
  #watchStall(body: ResponseBody): void {
    const { deadlines, clock, stallTimeoutMs } = this.#owner;
    if (this.#stallTimer !== undefined || stallTimeoutMs === Infinity) return;
    this.#takenAtMs = clock.now();
    const check = () => {
      this.#stallTimer = undefined;
      if (!body.waits) return;
      const atMs = this.#takenAtMs + stallTimeoutMs;
      if (clock.now() < atMs) this.#stallTimer = deadlines.add(atMs, check);
      else this.#fail(body, `The client has taken nothing for ${stallTimeoutMs} ms`);
    };
    this.#stallTimer = deadlines.add(this.#takenAtMs + stallTimeoutMs, check);
  }

  /** Breaks the body off, also when all of it was written. */
  #fail(body: ResponseBody, reason: string): void {
    body.fail(new Error(reason));
    this.#lose(reason);
  }

  abort(reason: string): void {
    this.#responseBody?.fail(new Error(reason));
    this.#lose(reason, INTERNAL);
  }

  /** Ends the exchange because the server closes. */
  close(): void {
    this.#responseBody?.fail(new Error("The server was closed"));
    this.#lose("The server was closed", UNAVAILABLE);
  }

  /** Without effect: the connection is the runtime's. */
  chargeFault(): void {}

  handlerDone(): void {
    this.#owner.onHandlerDone();
  }

  // ---- end -----------------------------------------------------------------------------------------------

  /** Ends the exchange before its response is complete. `status`: of a response that has not begun. */
  #lose(reason: string, status = CLOSED_REQUEST): void {
    if (this.#ended) return;
    this.#end();
    if (this.#headSent) this.#responseBody?.cut();
    else this.#sendHead(status, this.#responseFields, null);
    this.#sink?.onAbort(reason);
  }

  #end(): void {
    this.#ended = true;
    this.#signal.removeEventListener("abort", this.#onSignal);
    this.#bodyTimer = this.#disarmed(this.#bodyTimer);
    this.#requestBody.stop();
    this.#owner.onEnd(this);
  }

  #disarmed(timer: DeadlineHandle | undefined): undefined {
    if (timer !== undefined) this.#owner.deadlines.cancel(timer);
  }
}

/** Length of the body by its Content-Length; -1 if it has none. */
function announcedBytes(fields: readonly string[]): number {
  const text = fieldValue(fields, "content-length");
  return text !== undefined && /^[0-9]{1,15}$/.test(text) ? Number(text) : -1;
}
