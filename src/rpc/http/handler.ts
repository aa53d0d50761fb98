/**
 * What handlers of HTTP requests take and return.
 *
 * @module
 */

/** Response with a body that is complete; it costs less than a `Response`, whose body may be a stream. */
export class HttpReply {
  /** `fields` alternates names and values. */
  constructor(
    readonly status: number,
    readonly fields: readonly string[],
    readonly body: string | Uint8Array,
  ) {}

  /** Converts the reply to a `Response` of the Fetch API. */
  toResponse(): Response {
    const headers = new Headers();
    for (let i = 0; i < this.fields.length; i += 2) {
      headers.append(this.fields[i], this.fields[i + 1]);
    }
    const body = typeof this.body === "string" ? this.body : new Uint8Array(this.body);
    return new Response(this.body.length === 0 ? null : body, { status: this.status, headers });
  }
}

/** Answers one request. `request.signal` aborts when the client is gone before it has the response. */
export type HttpHandler = (
  request: Request,
) => Response | HttpReply | Promise<Response | HttpReply>;

/** Failure to read a request's body. A handler that rejects with it leaves its `status` to the server. */
export class HttpBodyError extends Error {
  /** `HttpBodyError`: identifies the class without `instanceof`. */
  override readonly name = "HttpBodyError";

  /** `status`: 503 when too many bodies are being read, 400 when the body was cut short. */
  constructor(readonly status: 400 | 503, message: string) {
    super(message);
  }
}
