/**
 * Requests of HTTP that may be calls of gRPC-Web or Connect: which protocol they speak, and the responses to those that
 * are no calls.
 *
 * @module
 */

import { type Encoding, encodingList } from "../../call/encodings.ts";
import type { HostRules } from "../../call/host_rules.ts";
import { httpStatus } from "../../call/http_status.ts";
import { Status } from "../../call/status.ts";
import type { ServerCall } from "../../call/wire.ts";
import { encodeBase64Text } from "../base64_text.ts";
import { encodeConnectError } from "../connect_error.ts";
import { formatContentType, type WebContentType, webContentType } from "../content_types.ts";
import { isReservedByConnect, metadataOf } from "../metadata_fields.ts";
import type { CallStart } from "./call_start.ts";
import { Cors, type CorsPolicy } from "./cors.ts";
import { fieldValue, type HttpExchange } from "./exchange.ts";
import { ACCEPT_POST, respondText } from "./plain_responses.ts";
import { holdsCall, readQuery } from "./query_request.ts";
import {
  type BadRequest,
  checkConnectVersion,
  connectTimeout,
  grpcTimeout,
  isBadRequest,
  requestEncoding,
} from "./request_fields.ts";
import { StreamCall } from "./stream_call.ts";
import { type StreamDialect, streamDialect } from "./stream_dialect.ts";
import { UnaryCall } from "./unary_call.ts";
import { answerHandshake } from "./websocket_handshake.ts";

/** Options of a {@link WebServer}. */
export interface WebServerOptions {
  /** Web pages that may call. */
  readonly cors: CorsPolicy;
  /** Largest message accepted, in bytes, before decompression. */
  readonly maxReceiveMessageBytes: number;
  /** Compressions accepted. */
  readonly encodings: readonly Encoding[];
  /** Response to `GET /`, in plain text. */
  readonly infoText: string;
  /** Whether the server accepts calls: the answer to `GET /healthz`. */
  isServing(): boolean;
}

/** Receives the calls of a connection. The callee must set `call.sink` before it returns. */
export type AcceptCall = (call: ServerCall) => void;

/** Turns requests into calls. Has no state of its own: one serves all connections of a server. */
export class WebServer {
  readonly #options: WebServerOptions;
  readonly #cors: Cors;
  /** The compressions accepted, as responses list them. */
  readonly #ownEncodings: string;

  /** Creates a server. */
  constructor(options: WebServerOptions) {
    this.#options = options;
    this.#cors = new Cors(options.cors);
    this.#ownEncodings = encodingList(options.encodings);
  }

  /** Serves one request, whose header section is complete, if it names one of `hosts`; undefined for all. */
  open(exchange: HttpExchange, accept: AcceptCall, hosts?: HostRules): void {
    const { method, fields, authority } = exchange;
    if (hosts !== undefined && !isProbe(exchange) && !isAllowed(hosts, authority)) {
      return refuseHost(exchange);
    }
    const origin = fieldValue(fields, "origin");
    if (method === "OPTIONS") return this.#preflight(exchange, origin);
    const responseFields = this.#cors.fieldsFor(origin, method);
    if (responseFields === null) return refuseOrigin(exchange, origin!);
    if (exchange.openWebSocket !== undefined) return openWebSocket(exchange);
    if (method === "POST") return this.#post(exchange, responseFields, accept);
    if (method === "GET" && holdsCall(exchange.query)) {
      if (!this.#cors.allowsSite(origin, fieldValue(fields, "sec-fetch-site"))) {
        return refuseSite(exchange);
      }
      return this.#get(exchange, responseFields, accept);
    }
    if (method === "GET" || method === "HEAD") return this.#about(exchange, responseFields);
    respondText(exchange, 405, "Use POST\n", ["allow", "GET, POST", ...responseFields]);
  }

  /** Fields with which pages read a response that is not given by {@link open}; empty for origins that are not allowed. */
  pageFields(origin: string | undefined, method: string): readonly string[] {
    return this.#cors.fieldsFor(origin, method) ?? [];
  }

  #preflight(exchange: HttpExchange, origin: string | undefined): void {
    const asked = fieldValue(exchange.fields, "access-control-request-method");
    if (origin === undefined || asked === undefined) {
      return respondText(exchange, 405, "Use POST\n", ["allow", "GET, POST"]);
    }
    const fields = this.#cors.preflightFields(exchange, origin);
    if (fields === null) return refuseOrigin(exchange, origin);
    exchange.respond(204, fields, new Uint8Array());
    exchange.handlerDone();
  }

  #about(exchange: HttpExchange, responseFields: readonly string[]): void {
    if (exchange.path === "/healthz") return this.#health(exchange, responseFields);
    const known = exchange.path === "/";
    const text = known ? this.#options.infoText : `No page at this path: calls use POST\n`;
    respondText(exchange, known ? 200 : 404, text, responseFields);
  }

  /** Answers a probe of Kubernetes or a load balancer. */
  #health(exchange: HttpExchange, responseFields: readonly string[]): void {
    const serving = this.#options.isServing();
    const fields = ["cache-control", "no-store", ...responseFields];
    respondText(exchange, serving ? 200 : 503, serving ? "SERVING\n" : "NOT_SERVING\n", fields);
  }

  #post(exchange: HttpExchange, responseFields: readonly string[], accept: AcceptCall): void {
    const value = fieldValue(exchange.fields, "content-type") ?? "";
    const contentType = webContentType(value);
    if (contentType === undefined) {
      if (exchange.http1 && /^application\/grpc(?:[+;]|$)/i.test(value)) {
        return respondText(exchange, 505, "gRPC needs HTTP/2\n", responseFields);
      }
      const fields = ["accept-post", ACCEPT_POST, ...responseFields];
      return respondText(exchange, 415, `Content types of calls: ${ACCEPT_POST}\n`, fields);
    }
    if (contentType.protocol === "connect-unary") {
      return this.#unary(exchange, contentType.format, null, responseFields, accept);
    }
    const dialect = streamDialect(contentType);
    const start = this.#start(exchange, contentType.format, dialect, responseFields);
    if (isBadRequest(start)) {
      return refuseStream(exchange, start, dialect, contentType, responseFields);
    }
    const call = new StreamCall(start, dialect, contentType);
    accept(call);
    call.start();
  }

  #get(exchange: HttpExchange, responseFields: readonly string[], accept: AcceptCall): void {
    const query = readQuery(exchange.query);
    if (isBadRequest(query)) return refuseUnary(exchange, query, responseFields);
    const version = checkConnectVersion(query.version);
    if (version !== undefined) return refuseUnary(exchange, version, responseFields);
    const fields = ["vary", "accept-encoding", ...responseFields];
    this.#unary(exchange, query.format, query, fields, accept);
  }

  #unary(
    exchange: HttpExchange,
    format: string,
    query: { readonly message: Uint8Array; readonly compression: string | undefined } | null,
    responseFields: readonly string[],
    accept: AcceptCall,
  ): void {
    const encoding = query === null
      ? fieldValue(exchange.fields, "content-encoding")
      : query.compression;
    const start = this.#start(exchange, format, UNARY, responseFields, encoding);
    if (isBadRequest(start)) return refuseUnary(exchange, start, responseFields);
    const call = new UnaryCall(start, query === null ? null : query.message);
    accept(call);
    call.start();
  }

  #start(
    exchange: HttpExchange,
    format: string,
    names:
      & Pick<StreamDialect, "protocol" | "timeoutField" | "acceptEncodingField" | "isReserved">
      & {
        readonly encodingField: string;
      },
    responseFields: readonly string[],
    sentEncoding = fieldValue(exchange.fields, names.encodingField),
  ): CallStart | BadRequest {
    const { fields } = exchange;
    const connect = names.protocol === "connect";
    const version = connect
      ? checkConnectVersion(fieldValue(fields, "connect-protocol-version"))
      : undefined;
    if (version !== undefined) return version;
    const timeout = fieldValue(fields, names.timeoutField);
    const timeoutMs = connect ? connectTimeout(timeout) : grpcTimeout(timeout);
    if (isBadRequest(timeoutMs)) return timeoutMs;
    const encoding = requestEncoding(sentEncoding, this.#options.encodings);
    if (isBadRequest(encoding)) return encoding;
    const metadata = metadataOf(fields, names.isReserved);
    if (metadata === null) {
      const code = connect ? Status.INVALID_ARGUMENT : Status.INTERNAL;
      return { code, message: "A -bin metadata value is not valid base64" };
    }
    return {
      exchange,
      format,
      timeoutMs,
      encoding,
      acceptedEncodings: fieldValue(fields, names.acceptEncodingField) ?? "",
      metadata,
      responseFields,
      maxReceiveMessageBytes: this.#options.maxReceiveMessageBytes,
      ownEncodings: this.#ownEncodings,
    };
  }
}

const UNARY = {
  protocol: "connect",
  timeoutField: "connect-timeout-ms",
  encodingField: "content-encoding",
  acceptEncodingField: "accept-encoding",
  isReserved: isReservedByConnect,
} as const;

/** Opens the WebSocket that a request asks for. Its page was checked: browsers send no preflight for it. */
function openWebSocket(exchange: HttpExchange): void {
  const answer = answerHandshake(exchange.fields);
  if ("status" in answer) {
    return respondText(exchange, answer.status, answer.text, answer.fields);
  }
  exchange.openWebSocket!(answer);
}

/** Whether a load balancer may have sent the request, under any name: the answer is of no use to a page. */
function isProbe({ method, path, query }: HttpExchange): boolean {
  return (method === "GET" || method === "HEAD") && path === "/healthz" && query === "";
}

/** Whether a request may name this host. Browsers always name one. */
function isAllowed(hosts: HostRules, authority: string): boolean {
  return authority === "" || hosts.allows(authority);
}

function refuseHost(exchange: HttpExchange): void {
  const shown = JSON.stringify(exchange.authority.slice(0, 200));
  const message =
    `The host ${shown} is not this server's: allow it with the option web.allowedHosts`;
  refuseUnary(exchange, { code: Status.PERMISSION_DENIED, message }, [], 421);
}

function refuseSite(exchange: HttpExchange): void {
  const message = "Pages of other sites may not call by GET without an Origin";
  refuseUnary(exchange, { code: Status.PERMISSION_DENIED, message }, ["vary", "sec-fetch-site"]);
}

function refuseOrigin(exchange: HttpExchange, origin: string): void {
  const shown = JSON.stringify(origin.slice(0, 200));
  const message =
    `Pages of origin ${shown} may not call: allow it with the option web.cors.origins`;
  refuseUnary(exchange, { code: Status.PERMISSION_DENIED, message }, ["vary", "origin"]);
}

/** Answers an invalid request as a unary call of Connect. */
function refuseUnary(
  exchange: HttpExchange,
  { code, message }: BadRequest,
  responseFields: readonly string[],
  status = httpStatus(code),
): void {
  const fields = ["content-type", "application/json", ...responseFields];
  exchange.respond(status, fields, encodeConnectError(code, message));
  exchange.handlerDone();
}

/** Answers an invalid request of a protocol with envelopes. */
function refuseStream(
  exchange: HttpExchange,
  { code, message }: BadRequest,
  dialect: StreamDialect,
  contentType: WebContentType,
  responseFields: readonly string[],
): void {
  const end = dialect.endEnvelope(code, message);
  const fields = ["content-type", formatContentType(contentType), ...responseFields];
  exchange.respond(200, fields, contentType.text ? encodeBase64Text(end) : end);
  exchange.handlerDone();
}
