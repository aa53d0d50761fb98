/**
 * HTTP and JSON in front of a remote service: `POST /package.Service/Method` with the protobuf JSON mapping, and the
 * methods and paths of `google.api.http` annotations. Unary methods reply with one object, server streams with JSON lines
 * or Server-Sent Events.
 *
 * @module
 */

import type { JsonValue } from "@bufbuild/protobuf";
import { Status } from "../call/status.ts";
import { bytesCodec } from "../codec/bytes.ts";
import { protobufJsonCodec } from "../codec/proto_json.ts";
import { RpcError, TransportError } from "../errors.ts";
import type { Channel } from "../rpc/channel/channel.ts";
import type { CallOptions } from "../rpc/core/types.ts";
import { HttpReply } from "../rpc/http/handler.ts";
import { depthFault } from "../schema/type_depth.ts";
import { ExampleWriter } from "./example.ts";
import { forwardedMetadata } from "./forwarded_metadata.ts";
import { encodeRequest, type GatewayMethod } from "./gateway_method.ts";
import { type ErrorForm, errorFormFor, errorResponse } from "./http_errors.ts";
import { MethodTable } from "./method_table.ts";
import { type OpenApiDocument, openApiDocument } from "./openapi/document.ts";
import { type GatewayOptions, type GatewaySettings, gatewaySettings } from "./options.ts";
import { httpBodyHeaders } from "./raw_response.ts";
import { prefersEvents, streamResponse } from "./reply_stream.ts";
import { BadRequest, BodyPool, decodeBody, readBody, requireJson } from "./request_body.ts";
import { boundRequests, directRequests } from "./streaming/request_source.ts";
import type { StreamedRequests } from "./streaming/streamed_requests.ts";
import type { HttpRuleSummary } from "./transcoding/bound_methods.ts";
import { decodeQuery, type QueryPair, TooManyParameters } from "./transcoding/percent_decoding.ts";
import { replyHttpBody, replyJson, type ReplyShape } from "./transcoding/reply_body.ts";
import { requestMessage } from "./transcoding/request_message.ts";
import type { TemplateMatch } from "./transcoding/template_table.ts";

/** Description of a method, with an example request. */
export interface MethodSummary {
  /** `/package.Service/Method`. */
  readonly path: string;
  /** `unary`, `server_streaming`, `client_streaming` or `bidi_streaming`; `unknown` for a service without methods. */
  readonly kind: string;
  /** Message type of requests. */
  readonly request: string;
  /** Message type of responses. */
  readonly response: string;
  /** Request with every field at its default. */
  readonly example: JsonValue;
  /** Methods and paths by the annotation `google.api.http`; undefined for none. */
  readonly http?: readonly HttpRuleSummary[];
  /** Comment of the method, as far as descriptors have comments; undefined for none. */
  readonly comment?: string;
  /** Why the method can't be called, for example a type that reflection does not describe; undefined when it can. */
  readonly fault?: string;
}

const MAX_TIMEOUT_MS = 3_600_000;
/** Limit on the path of a request, in characters; `serveHttp` limits the request line to as much. */
const MAX_PATH_CHARS = 8_192;
// Fields in the examples of one list.
const MAX_EXAMPLE_FIELDS = 50_000;

/** Method that a request calls, with the match of its path if an annotation led to it. */
interface Target {
  readonly method: GatewayMethod;
  readonly match?: TemplateMatch;
}

/** Handles HTTP requests by calls on a channel. */
export class Gateway {
  readonly #channel: Channel;
  readonly #settings: GatewaySettings;
  readonly #methods: MethodTable;
  readonly #bodies: BodyPool;
  readonly #ignored: ReadonlySet<string>;

  /**
   * Calls on `channel`, which the caller keeps and closes. Throws RangeError for options out of range, TypeError for names
   * of header fields that can't be forwarded.
   */
  constructor(channel: Channel, options: GatewayOptions = {}) {
    this.#channel = channel;
    this.#settings = gatewaySettings(options);
    this.#bodies = new BodyPool(this.#settings.maxBufferedBytes);
    this.#ignored = new Set(this.#settings.ignoredQueryParameters);
    this.#methods = new MethodTable(channel, this.#settings);
  }

  /** Handles one request for a method; `path` is that of its URL, without the query. Never rejects. */
  async handle(request: Request, path: string): Promise<Response> {
    const answer = await this.answer(request, path);
    return answer instanceof HttpReply ? answer.toResponse() : answer;
  }

  /** Does the same as {@link handle} for `serveHttp`, which needs no `Response` for a body that is complete. */
  async answer(request: Request, path: string): Promise<Response | HttpReply> {
    const id = request.headers.get("x-request-id");
    const form = errorFormFor(request.headers);
    const answer = await this.#answer(request, path, form)
      .catch((error) => answerError(error, form));
    if (id === null) return answer;
    if (answer instanceof HttpReply) {
      return new HttpReply(answer.status, [...answer.fields, "x-request-id", id], answer.body);
    }
    answer.headers.set("x-request-id", id);
    return answer;
  }

  /** Returns whether `path` is a route or the path of a known method, without a call to the service. */
  knows(path: string): boolean {
    return this.#settings.routes.has(path) || this.#methods.get(path) !== undefined;
  }

  /**
   * Returns what requests with this HTTP method and path have in common, for metrics: a route, the path of a known method,
   * or a path template. Returns undefined for unknown paths, without a call to the service.
   */
  labelOf(httpMethod: string, path: string): string | undefined {
    if (this.knows(path)) return path;
    try {
      return this.#match(httpMethod, path)?.binding.rule.path;
    } catch {
      // The path can't be decoded.
      return undefined;
    }
  }

  async #answer(
    request: Request,
    path: string,
    form: ErrorForm,
  ): Promise<Response | HttpReply> {
    const allowedMs = this.#timeout(request);
    const startMs = performance.now();
    const remainingMs = () => Math.max(0, allowedMs - (performance.now() - startMs));
    const target = await this.#find(request.method, path, remainingMs());
    const { path: name, desc: { methodKind: kind } } = target.method;
    if (kind === "client_streaming" || kind === "bidi_streaming") {
      return await this.#answerStreamed(request, target, form, kind, remainingMs());
    }
    const payload = target.match === undefined
      ? await this.#directPayload(request, target.method, remainingMs())
      : await this.#boundPayload(request, target.match, remainingMs());
    const options = this.#callOptions(request, remainingMs());
    if (kind === "server_streaming") {
      const replies = this.#channel.stream(name, payload, options);
      return await streamedAnswer(request, target, replies, form);
    }
    return singleAnswer(target, await this.#channel.call(name, payload, options));
  }

  /** Calls a method that takes a stream of requests, which are sent as the body comes. */
  async #answerStreamed(
    request: Request,
    target: Target,
    form: ErrorForm,
    kind: "client_streaming" | "bidi_streaming",
    timeoutMs: number,
  ): Promise<Response | HttpReply> {
    const requests = this.#requests(request, target);
    const { path } = target.method;
    const codecs = { requestCodec: bytesCodec, responseCodec: bytesCodec };
    const method = this.#channel.method<Uint8Array, Uint8Array>({ path, kind, ...codecs });
    const options = this.#callOptions(request, timeoutMs);
    try {
      if (kind === "client_streaming") {
        return singleAnswer(target, await method.clientStreaming(requests, options));
      }
      const replies = method.bidiStreaming(requests, options);
      return await streamedAnswer(request, target, replies, form, requests);
    } catch (error) {
      throw requests.fault ?? error;
    }
  }

  #requests(request: Request, { method, match }: Target): StreamedRequests {
    const { maxBodyBytes, maxJsonElements } = this.#settings;
    const limits = { maxBodyBytes, maxJsonElements, pool: this.#bodies };
    return match === undefined
      ? directRequests(request, method, limits)
      : boundRequests(request, match, this.#query(request.url), limits);
  }

  #callOptions(request: Request, timeoutMs: number): CallOptions {
    // Cancels the call on a disconnect. (Without --unstable-no-legacy-abort it fires after each reply too.)
    const options: CallOptions = { timeoutMs, signal: request.signal };
    const metadata = forwardedMetadata(request.headers, this.#settings.forwardHeaders);
    if (metadata !== undefined) options.metadata = metadata;
    return options;
  }

  #timeout(request: Request): number {
    const text = request.headers.get("connect-timeout-ms");
    if (text === null) return this.#settings.timeoutMs;
    if (/^\d{1,10}$/.test(text)) return Math.min(Number(text), MAX_TIMEOUT_MS);
    throw new BadRequest(
      400,
      new RpcError(
        Status.INVALID_ARGUMENT,
        `Cannot read Connect-Timeout-Ms ${
          JSON.stringify(text)
        }: it must be a whole number of milliseconds`,
      ),
    );
  }

  async #find(httpMethod: string, path: string, timeoutMs: number): Promise<Target> {
    const direct = this.#settings.routes.get(path) ?? path;
    let target = this.#known(httpMethod, direct, path);
    if (target === undefined) {
      // A known path with a wrong HTTP method needs no call to the service.
      if (this.#methods.get(direct) === undefined) await this.#methods.refresh(timeoutMs);
      target = this.#known(httpMethod, direct, path);
    }
    const called = target?.method.path ?? direct;
    const fault = this.#methods.faultOf(called) ?? (target && depthFault(target.method.desc));
    if (fault !== undefined && (target !== undefined || httpMethod === "POST")) {
      throw new BadRequest(
        501,
        new RpcError(Status.UNIMPLEMENTED, `Cannot call ${called}: ${fault}`),
      );
    }
    if (target === undefined) throw this.#unknown(httpMethod, direct, path);
    return target;
  }

  #known(httpMethod: string, direct: string, path: string): Target | undefined {
    const method = httpMethod === "POST" ? this.#methods.get(direct) : undefined;
    if (method !== undefined) return { method };
    const match = this.#match(httpMethod, path);
    return match && { method: match.binding.method, match };
  }

  #match(httpMethod: string, path: string): TemplateMatch | undefined {
    if (path.length > MAX_PATH_CHARS) return undefined;
    try {
      return this.#methods.table.match(httpMethod, path);
    } catch {
      const text = "The path is not valid percent-encoded UTF-8";
      throw new BadRequest(400, new RpcError(Status.INVALID_ARGUMENT, text));
    }
  }

  #unknown(httpMethod: string, direct: string, path: string): BadRequest {
    const allowed = path.length > MAX_PATH_CHARS ? [] : this.#methods.table.methodsFor(path);
    if (this.#methods.get(direct) !== undefined) allowed.push("POST");
    if (allowed.length > 0) {
      const allow = [...new Set(allowed)].join(", ");
      const text = `Cannot call a method with ${httpMethod}: use ${allow}`;
      return new BadRequest(405, new RpcError(Status.UNIMPLEMENTED, text), false, allow);
    }
    const hint = this.#methods.didYouMean(direct);
    return new BadRequest(
      404,
      new RpcError(Status.UNIMPLEMENTED, `Unknown method ${direct}${hint}`),
    );
  }

  async #directPayload(
    request: Request,
    method: GatewayMethod,
    timeoutMs: number,
  ): Promise<Uint8Array> {
    requireJson(request);
    const body = await this.#body(request, timeoutMs);
    const { desc: { input }, registry } = method;
    const options = { registry, maxElements: this.#settings.maxJsonElements };
    return encodeRequest(method, decodeBody(body, protobufJsonCodec(input, options)));
  }

  async #boundPayload(
    request: Request,
    { binding, values }: TemplateMatch,
    timeoutMs: number,
  ): Promise<Uint8Array> {
    const query = this.#query(request.url);
    let data: Uint8Array = NO_BYTES;
    if (binding.body !== undefined) {
      data = await this.#body(request, timeoutMs);
      if (binding.rawBody === undefined && data.length > 0) requireJson(request);
    }
    const contentType = request.headers.get("content-type") ?? "";
    const { maxJsonElements: maxElements } = this.#settings;
    const parts = { values, query, body: { contentType, data }, maxElements };
    return encodeRequest(binding.method, requestMessage(binding, parts));
  }

  #body(request: Request, timeoutMs: number): Promise<Uint8Array> {
    const { maxBodyBytes: maxBytes } = this.#settings;
    return readBody(request, { maxBytes, pool: this.#bodies, timeoutMs });
  }

  #query(url: string): QueryPair[] {
    const from = url.indexOf("?");
    if (from < 0) return [];
    const hash = url.indexOf("#", from);
    const query = url.slice(from + 1, hash < 0 ? undefined : hash);
    try {
      return decodeQuery(query, this.#settings.maxQueryParameters)
        .filter(([name]) => !this.#ignored.has(name));
    } catch (error) {
      const text = error instanceof TooManyParameters
        ? error.message
        : "The query is not valid percent-encoded UTF-8";
      throw new BadRequest(400, new RpcError(Status.INVALID_ARGUMENT, text));
    }
  }

  /** Reads the methods of the service again. Rejects with RpcError when it is unavailable. */
  async list(): Promise<MethodSummary[]> {
    await this.#methods.load();
    const examples = new ExampleWriter(MAX_EXAMPLE_FIELDS);
    const described = this.#methods.all().map(({ path, desc }) => {
      const fault = this.#methods.faultOf(path);
      const http = this.#methods.httpRulesOf(path);
      const comment = this.#methods.comment(`${desc.parent.typeName}.${desc.name}`);
      return {
        path,
        kind: desc.methodKind,
        request: desc.input.typeName,
        response: desc.output.typeName,
        example: fault === undefined ? examples.of(desc.input) : {},
        ...(http.length > 0 && { http }),
        ...(comment !== undefined && { comment }),
        ...(fault !== undefined && { fault }),
      };
    });
    const others = this.#methods.undescribed().map(([service, fault]) => (
      { path: `/${service}`, kind: "unknown", request: "", response: "", example: {}, fault }
    ));
    return [...described, ...others];
  }

  /**
   * Describes the methods that can be called, in OpenAPI 3.1: by their names and by their annotations. Reads the methods of
   * the service again if that is a second ago. Rejects with RpcError when the service is unavailable.
   */
  async openApi(): Promise<OpenApiDocument> {
    await this.#methods.refresh(this.#settings.timeoutMs);
    const methods = this.#methods.callable();
    const callable = new Set(methods);
    return openApiDocument({
      title: TITLE,
      methods,
      bindings: this.#methods.table.bindings.filter(({ method }) => callable.has(method)),
      comments: { get: (name) => this.#methods.comment(name) },
    });
  }
}

/** Title of the document that a gateway describes itself with. */
const TITLE = "Methods of the service";

function shapeOf({ method: { desc, registry }, match }: Target): ReplyShape {
  const { responseField: field, rawResponse: raw } = match?.binding ?? {};
  return { output: desc.output, registry, field, raw };
}

function singleAnswer(target: Target, reply: Uint8Array): HttpReply {
  const shape = shapeOf(target);
  if (shape.raw === undefined) return new HttpReply(200, JSON_FIELDS, replyJson(shape, reply));
  const { contentType, data } = replyHttpBody(shape, reply);
  return new HttpReply(200, Object.entries(httpBodyHeaders(contentType)).flat(), data);
}

/** Answers with a stream of replies; `requests` are those of a bidirectional call. */
function streamedAnswer(
  request: Request,
  target: Target,
  replies: AsyncIterable<Uint8Array>,
  form: ErrorForm,
  requests?: StreamedRequests,
): Promise<Response> {
  const events = prefersEvents(request.headers.get("accept"));
  const faultOf = () => requests?.fault?.error;
  return streamResponse(replies[Symbol.asyncIterator](), shapeOf(target), events, form, faultOf);
}

const NO_BYTES = new Uint8Array();
const JSON_FIELDS = ["content-type", "application/json"];

function answerError(error: unknown, form: ErrorForm): Response {
  if (error instanceof BadRequest) {
    const response = errorResponse(error.error, error.httpStatus, form, error.allow);
    // Otherwise the unread rest of the body would keep the connection open.
    if (error.closes) response.headers.set("connection", "close");
    return response;
  }
  if (error instanceof RpcError) return errorResponse(error, undefined, form);
  if (error instanceof TransportError) return errorResponse(RpcError.from(error), undefined, form);
  // A fault of the gateway, or a reply without a JSON form; the text may contain secrets.
  return errorResponse(new RpcError(Status.INTERNAL, "The gateway failed"), undefined, form);
}
