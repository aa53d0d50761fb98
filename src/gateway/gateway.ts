/**
 * HTTP and JSON in front of a remote service: `POST /package.Service/Method` with the protobuf JSON mapping.
 * Unary methods reply with one object, server streams with JSON lines.
 *
 * @module
 */

import type { DescService, JsonValue, Message } from "@bufbuild/protobuf";
import { checkRanges, measured, type Ranges, whole } from "../limits/ranges.ts";
import { DEFAULT_BUFFERED_BYTES } from "../limits/memory_pool.ts";
import { printableJson } from "../call/printable.ts";
import { Status } from "../call/status.ts";
import { MAX_JSON_ELEMENTS } from "../codec/message_json.ts";
import { protobufCodec } from "../codec/protobuf.ts";
import { protobufJsonCodec } from "../codec/proto_json.ts";
import { RpcError, TransportError } from "../errors.ts";
import type { Channel } from "../rpc/channel/channel.ts";
import type { CallOptions } from "../rpc/core/types.ts";
import { HttpReply } from "../rpc/http/handler.ts";
import type { DescriptorLimits } from "../schema/limits.ts";
import { depthFault } from "../schema/type_depth.ts";
import { ExampleWriter } from "./example.ts";
import { errorBody, errorResponse } from "./http_errors.ts";
import { type GatewayMethod, MethodTable } from "./method_table.ts";
import { BadRequest, BodyPool, decodeBody, readJson } from "./request_body.ts";

/** Options of a {@link Gateway}. */
export interface GatewayOptions {
  /** Services to expose without reading them by reflection. Default: none. */
  services?: readonly DescService[];
  /** Additional paths of methods, for example `/echo` for `/pkg.EchoService/Echo`. */
  routes?: Readonly<Record<string, string>>;
  /** Largest request body accepted, in bytes, 0 or more. Default 4 MiB. */
  maxBodyBytes?: number;
  /**
   * Limit on the objects, lists, members of objects and values that take as long (bytes, times, numbers of more than 15
   * digits) in a request body, 1 or more. A body beyond it is answered 413. Default 65,536.
   */
  maxJsonElements?: number;
  /**
   * Limit on the bytes of request bodies that are being read, in total over all requests, 0 or more. Requests that
   * exceed it fail with 503. Default 64 MiB.
   */
  maxBufferedBytes?: number;
  /**
   * Deadline of requests without a `Connect-Timeout-Ms` header, in ms, 0 or more; it covers the time until the
   * body is complete. Default 15,000.
   */
  timeoutMs?: number;
  /** Bounds on what the reflection of the service may send. Default: those of {@link DescriptorLimits}. */
  reflection?: DescriptorLimits;
}

const RANGES: Ranges<GatewayOptions> = {
  maxBodyBytes: whole(0, Infinity),
  maxJsonElements: whole(1, Infinity),
  maxBufferedBytes: whole(0, Infinity),
  timeoutMs: measured(0),
};

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
  /** Why the method can't be called, for example a type that reflection does not describe; undefined when it can. */
  readonly fault?: string;
}

const MAX_TIMEOUT_MS = 3_600_000;
// Fields in the examples of one list.
const MAX_EXAMPLE_FIELDS = 50_000;

/** Handles HTTP requests by calls on a channel. */
export class Gateway {
  readonly #channel: Channel;
  readonly #methods: MethodTable;
  readonly #routes: ReadonlyMap<string, string>;
  readonly #maxBodyBytes: number;
  readonly #maxJsonElements: number;
  readonly #bodies: BodyPool;
  readonly #timeoutMs: number;

  /** Calls on `channel`, which the caller keeps and closes. Throws RangeError for options out of range. */
  constructor(channel: Channel, options: GatewayOptions = {}) {
    this.#channel = channel;
    checkRanges(options, RANGES);
    this.#maxBodyBytes = options.maxBodyBytes ?? 4_194_304;
    this.#maxJsonElements = options.maxJsonElements ?? MAX_JSON_ELEMENTS;
    this.#bodies = new BodyPool(options.maxBufferedBytes ?? DEFAULT_BUFFERED_BYTES);
    this.#timeoutMs = options.timeoutMs ?? 15_000;
    this.#routes = new Map(
      Object.entries<string | undefined>(options.routes ?? {})
        .filter((entry): entry is [string, string] => entry[1] !== undefined),
    );
    const { services = [], reflection = {} } = options;
    this.#methods = new MethodTable(channel, services, this.#timeoutMs, reflection);
  }

  /** Handles one request for a method. Never rejects. */
  async handle(request: Request, path: string): Promise<Response> {
    const answer = await this.answer(request, path);
    return answer instanceof HttpReply ? answer.toResponse() : answer;
  }

  /** Does the same as {@link handle} for `serveHttp`, which needs no `Response` for a body that is complete. */
  async answer(request: Request, path: string): Promise<Response | HttpReply> {
    const id = request.headers.get("x-request-id");
    const answer = await this.#answer(request, path, id).catch(answerError);
    if (id === null) return answer;
    if (answer instanceof HttpReply) {
      return new HttpReply(answer.status, [...answer.fields, "x-request-id", id], answer.body);
    }
    answer.headers.set("x-request-id", id);
    return answer;
  }

  /** Returns whether `path` is a route or a known method, without a call to the service. */
  knows(path: string): boolean {
    return this.#routes.has(path) || this.#methods.has(path);
  }

  async #answer(
    request: Request,
    path: string,
    id: string | null,
  ): Promise<Response | HttpReply> {
    if (request.method !== "POST") {
      throw new BadRequest(
        405,
        new RpcError(Status.UNIMPLEMENTED, `Cannot call a method with ${request.method}: use POST`),
      );
    }
    const allowedMs = this.#timeout(request);
    const startMs = performance.now();
    const remainingMs = () => Math.max(0, allowedMs - (performance.now() - startMs));
    const method = await this.#find(this.#routes.get(path) ?? path, remainingMs());
    const body = await readJson(request, {
      maxBytes: this.#maxBodyBytes,
      pool: this.#bodies,
      timeoutMs: remainingMs(),
    });
    const payload = encodeRequest(method, body, this.#maxJsonElements);
    // Cancels the call on a disconnect. (Without --unstable-no-legacy-abort it fires after each reply too.)
    const options: CallOptions = { timeoutMs: remainingMs(), signal: request.signal };
    if (id !== null && /^[\x20-\x7e]*$/.test(id)) options.metadata = { "x-request-id": id };
    if (method.desc.methodKind === "server_streaming") {
      return this.#stream(method, payload, options);
    }
    const reply = await this.#channel.call(method.path, payload, options);
    return new HttpReply(200, JSON_FIELDS, decodeReply(method, reply));
  }

  #timeout(request: Request): number {
    const text = request.headers.get("connect-timeout-ms");
    if (text === null) return this.#timeoutMs;
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

  async #find(path: string, timeoutMs: number): Promise<GatewayMethod> {
    const method = await this.#methods.find(path, timeoutMs);
    const fault = this.#methods.faultOf(path) ?? (method && depthFault(method.desc));
    if (fault !== undefined) {
      throw new BadRequest(
        501,
        new RpcError(Status.UNIMPLEMENTED, `Cannot call ${path}: ${fault}`),
      );
    }
    if (method === undefined) {
      const hint = this.#methods.didYouMean(path);
      throw new BadRequest(
        404,
        new RpcError(Status.UNIMPLEMENTED, `Unknown method ${path}${hint}`),
      );
    }
    const { methodKind } = method.desc;
    if (methodKind === "unary" || methodKind === "server_streaming") return method;
    throw new BadRequest(
      501,
      new RpcError(
        Status.UNIMPLEMENTED,
        `Cannot call ${path}: the gateway does not support streams of requests`,
      ),
    );
  }

  // After the first line a failure is reported in the last line.
  async #stream(
    method: GatewayMethod,
    payload: Uint8Array,
    options: CallOptions,
  ): Promise<Response> {
    const replies = this.#channel.stream(method.path, payload, options)[Symbol.asyncIterator]();
    const first = await replies.next();
    let next: IteratorResult<Uint8Array> | undefined = first;
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        try {
          const { done, value } = next ?? await replies.next();
          next = undefined;
          if (done) return controller.close();
          controller.enqueue(decodeReply(method, value));
          controller.enqueue(LINE_END);
        } catch (error) {
          const failure = RpcError.from(error);
          const { code, message, details } = errorBody(
            failure.code,
            failure.message,
            failure.details,
          );
          const line = printableJson({ error: { code, message, details } }) + "\n";
          controller.enqueue(new TextEncoder().encode(line));
          controller.close();
        }
      },
      async cancel() {
        await replies.return?.();
      },
    });
    return new Response(body, { headers: { "content-type": "application/x-ndjson" } });
  }

  /** Reads the methods of the service again. Rejects with RpcError when it is unavailable. */
  async list(): Promise<MethodSummary[]> {
    await this.#methods.load();
    const examples = new ExampleWriter(MAX_EXAMPLE_FIELDS);
    const described = this.#methods.all().map(({ path, desc }) => {
      const fault = this.#methods.faultOf(path);
      return {
        path,
        kind: desc.methodKind,
        request: desc.input.typeName,
        response: desc.output.typeName,
        example: fault === undefined ? examples.of(desc.input) : {},
        ...(fault !== undefined && { fault }),
      };
    });
    const others = this.#methods.undescribed().map(([service, fault]) => (
      { path: `/${service}`, kind: "unknown", request: "", response: "", example: {}, fault }
    ));
    return [...described, ...others];
  }
}

/** Re-encodes a body for the service. Throws BadRequest for one that is not a message of the method. */
function encodeRequest(
  { desc: { input }, registry }: GatewayMethod,
  body: Uint8Array,
  maxElements: number,
): Uint8Array {
  const message = decodeBody(body, protobufJsonCodec(input, { registry, maxElements }));
  try {
    return protobufCodec(input).encode(message);
  } catch (error) {
    // Lacks, for example, a required field.
    const text = `The body is not a valid ${input.typeName} message: ${(error as Error).message}`;
    throw new BadRequest(400, new RpcError(Status.INVALID_ARGUMENT, text));
  }
}

function decodeReply(
  { desc: { output }, registry }: GatewayMethod,
  reply: Uint8Array,
): Uint8Array<ArrayBuffer> {
  let message: Message;
  try {
    message = protobufCodec(output).decode(reply);
  } catch (cause) {
    const text = `The reply is not a valid ${output.typeName} message`;
    throw new RpcError(Status.INTERNAL, text, { cause });
  }
  try {
    return protobufJsonCodec(output, { registry }).encode(message);
  } catch (error) {
    // Fails, for example, for a google.protobuf.Any with an unknown type.
    const reason = (error as Error).message;
    throw new RpcError(Status.INTERNAL, `The reply has no JSON form: ${reason}`, { cause: error });
  }
}

const LINE_END = new Uint8Array([0x0a]);
const JSON_FIELDS = ["content-type", "application/json"];

function answerError(error: unknown): Response {
  if (error instanceof BadRequest) {
    const response = errorResponse(error.error, error.httpStatus);
    // Otherwise the unread rest of the body would keep the connection open.
    if (error.closes) response.headers.set("connection", "close");
    return response;
  }
  if (error instanceof RpcError) return errorResponse(error);
  if (error instanceof TransportError) return errorResponse(RpcError.from(error));
  // A fault of the gateway, or a reply without a JSON form; the text may contain secrets.
  return errorResponse(new RpcError(Status.INTERNAL, "The gateway failed"));
}
