/**
 * Requests of the HTTP/1.1 engine as `Request` of the Fetch API.
 *
 * A `Request` of the runtime with its headers, signal and body costs about as much as all other work for a small
 * request, so it is created only when a member other than the frequent ones defined here is used.
 *
 * @module
 */

import type { RequestHead } from "../../http1/request_head.ts";
import type { BodyAccount, RequestBody } from "./request_body.ts";
import { delegate, RequestHeaders } from "./request_headers.ts";

const utf8 = new TextDecoder();

/** `Request` around a request of the engine. */
export class IncomingRequest {
  readonly #head: RequestHead;
  readonly #body: RequestBody;
  /** URL: the authority and the path of the request, both as sent. */
  readonly url: string;
  #headers: RequestHeaders | null = null;
  #abort: AbortController | null = null;
  #lostReason: string | null = null;
  #stream: ReadableStream<Uint8Array<ArrayBuffer>> | null = null;
  #real: Request | null = null;

  /** `scheme` is `http` or `https`. */
  constructor(head: RequestHead, body: RequestBody, scheme: string) {
    this.#head = head;
    this.#body = body;
    this.url = urlOf(head, scheme);
  }

  /** Method. */
  get method(): string {
    return this.#head.method;
  }

  /** Header fields; Host is that of an absolute target (RFC 9112 §3.2.2). */
  get headers(): Headers {
    this.#headers ??= new RequestHeaders(fieldsOf(this.#head));
    return this.#headers as unknown as Headers;
  }

  /** Aborts when the client is gone before it has the response. */
  get signal(): AbortSignal {
    if (this.#abort === null) {
      this.#abort = new AbortController();
      if (this.#lostReason !== null) this.lost(this.#lostReason);
    }
    return this.#abort.signal;
  }

  /** Body as a stream; null when there is none. */
  get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    if (this.#real !== null) return this.#real.body;
    if (!this.#body.exists) return null;
    if (this.#stream === null && this.#body.used) {
      // `text`, `json` or another method has read the body: returns a stream that is closed and locked.
      this.#stream = new ReadableStream({ start: (controller) => controller.close() });
      this.#stream.getReader();
    }
    return this.#stream ??= this.#body.stream();
  }

  /** Whether the body was read. */
  get bodyUsed(): boolean {
    if (this.#real !== null) return this.#real.bodyUsed;
    return this.#stream === null ? this.#body.used : this.#stream.locked;
  }

  /** Body as text. Rejects with TypeError when it was read already. */
  async text(): Promise<string> {
    return utf8.decode(await this.bytes());
  }

  /** Body as JSON. Rejects with TypeError when it was read already, with SyntaxError when it is no JSON. */
  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  /** Body as bytes. Rejects with TypeError when it was read already. */
  bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return this.gather(null);
  }

  /** Body as bytes that are counted in `account` until they are complete. */
  gather(account: BodyAccount | null): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#real !== null || this.#stream !== null) return this.real.bytes();
    if (!this.#body.exists) return Promise.resolve(new Uint8Array());
    return this.#body.bytes(account);
  }

  /** Body as a buffer. Rejects with TypeError when it was read already. */
  async arrayBuffer(): Promise<ArrayBuffer> {
    const bytes = await this.bytes();
    return bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : bytes.slice().buffer;
  }

  /** Aborts the signal, because the client has disconnected. */
  lost(reason: string): void {
    this.#lostReason = reason;
    this.#abort?.abort(new DOMException(reason, "AbortError"));
  }

  /** Returns an equal `Request` of the runtime, which reads the body from then on. */
  get real(): Request {
    const { method, url, headers, signal } = this;
    return this.#real ??= new Request(url, {
      method,
      headers: (headers as unknown as RequestHeaders).real,
      signal,
      body: method === "GET" || method === "HEAD" ? undefined : this.body,
    });
  }
}

delegate<object, Request>(
  IncomingRequest.prototype,
  Request.prototype,
  (request) => (request as IncomingRequest).real,
  new Request("http://localhost/"),
);

/**
 * Gathers the body of a request of `serveHttp` in one step, which costs a tenth of reading its stream when the body
 * comes in small parts; undefined for other requests. For what it counts and rejects with, see
 * {@link RequestBody.bytes}.
 */
export function gatherBody(
  request: Request,
  account: BodyAccount,
): Promise<Uint8Array<ArrayBuffer>> | undefined {
  return request instanceof IncomingRequest ? request.gather(account) : undefined;
}

/** URL of a request; `*` becomes `/`. */
function urlOf({ target, authority }: RequestHead, scheme: string): string {
  if (target.charCodeAt(0) === 47) return `${scheme}://${authority}${target}`;
  const path = target === "*" ? "/" : target.slice(target.indexOf("://") + 3 + authority.length);
  return `${scheme}://${authority}${path.startsWith("/") ? path : `/${path}`}`;
}

function fieldsOf({ target, authority, fields }: RequestHead): readonly string[] {
  if (target.charCodeAt(0) === 47 || target === "*") return fields;
  return fields.map((text, i) => i % 2 === 1 && fields[i - 1] === "host" ? authority : text);
}
