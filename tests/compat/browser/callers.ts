/**
 * The official clients behind one interface; runs in the page.
 *
 * @module
 */

import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { GrpcWebClientBase, type Metadata, MethodDescriptor, type RpcError } from "grpc-web";
import {
  type Client,
  connect,
  findDetails,
  RpcError as LeanError,
} from "../../../src/browser/mod.ts";
import { StatusSchema } from "../../../proto/gen/google/rpc/status_pb.ts";
import { ErrorInfoSchema } from "../../../proto/gen/google/rpc/error_details_pb.ts";
import {
  SimpleRequestSchema,
  SimpleResponseSchema,
  StreamingOutputCallRequestSchema,
  StreamingOutputCallResponseSchema,
} from "../../../proto/gen/grpc/testing/testing_pb.ts";
import { BrowserService, INITIAL, TRAILING } from "./methods.ts";

export type Unary = MessageInitShape<typeof SimpleRequestSchema>;
export type Output = MessageInitShape<typeof StreamingOutputCallRequestSchema>;

export interface Options {
  metadata?: Record<string, string>;
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface Reply {
  size: number;
  initial: string | undefined;
  trailing: string | undefined;
}

/** A failed call; `reasons` are those of its details of type ErrorInfo. */
export class Failure extends Error {
  constructor(readonly code: number, message: string, readonly reasons: readonly string[]) {
    super(message);
  }
}

/** One client with one choice of protocol and format. */
export interface Caller {
  /** Whether messages of a stream are delivered before the stream ends. */
  readonly incremental: boolean;
  /** Largest unary request, in bytes. */
  readonly maxRequestBytes: number;
  unary(request: Unary, options?: Options): Promise<Reply>;
  /** Yields the sizes of the replies. */
  stream(request: Output, options?: Options): AsyncIterable<number>;
  /** Ends a call that waits by a call without messages. */
  release(): Promise<void>;
  /** Calls a method that the server does not have. */
  unknown(): Promise<void>;
}

/** HTTP methods of the requests that connect-web made. */
export const httpMethods: string[] = [];

const recordingFetch: typeof fetch = (input, init) => {
  httpMethods.push(init?.method ?? "GET");
  return fetch(input, init);
};

export class ConnectCaller implements Caller {
  readonly incremental = true;
  readonly maxRequestBytes: number;
  readonly #client;

  constructor(transport: Transport, maxRequestBytes = Infinity) {
    this.maxRequestBytes = maxRequestBytes;
    this.#client = createClient(BrowserService, transport);
  }

  async unary(request: Unary, { metadata, timeoutMs, signal }: Options = {}): Promise<Reply> {
    const reply: Reply = { size: 0, initial: undefined, trailing: undefined };
    const { payload } = await this.#guard(() =>
      this.#client.unaryCall(request, {
        ...{ headers: metadata, timeoutMs, signal },
        onHeader: (headers) => reply.initial = headers.get(INITIAL) ?? undefined,
        onTrailer: (trailers) => reply.trailing = trailers.get(TRAILING) ?? undefined,
      })
    );
    reply.size = payload?.body.length ?? 0;
    return reply;
  }

  async *stream(request: Output, { metadata, timeoutMs, signal }: Options = {}) {
    const options = { headers: metadata, timeoutMs, signal };
    const replies = this.#client.streamingOutputCall(request, options)[Symbol.asyncIterator]();
    for (;;) {
      const { done, value } = await this.#guard(() => replies.next());
      if (done) return;
      yield value.payload?.body.length ?? 0;
    }
  }

  async release(): Promise<void> {
    await this.#client.emptyCall({});
  }

  async unknown(): Promise<void> {
    await this.#guard(() => this.#client.unimplementedCall({}));
  }

  async #guard<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof ConnectError)) throw error;
      const reasons = error.findDetails(ErrorInfoSchema).map((info) => info.reason);
      throw new Failure(error.code as Code, error.rawMessage, reasons);
    }
  }
}

// deno-lint-ignore no-explicit-any -- the generated classes of grpc-web, which it only names
const ANY_CLASS = Object as any;

const UNARY = new MethodDescriptor<Unary, { size: number }>(
  "/grpc.testing.TestService/UnaryCall",
  ...["unary", ANY_CLASS, ANY_CLASS] as const,
  (request: Unary) => toBinary(SimpleRequestSchema, create(SimpleRequestSchema, request)),
  (bytes: Uint8Array) => ({
    size: fromBinary(SimpleResponseSchema, bytes).payload?.body.length ?? 0,
  }),
);
const OUTPUT = new MethodDescriptor<Output, { size: number }>(
  "/grpc.testing.TestService/StreamingOutputCall",
  ...["server_streaming", ANY_CLASS, ANY_CLASS] as const,
  (request: Output) =>
    toBinary(
      StreamingOutputCallRequestSchema,
      create(StreamingOutputCallRequestSchema, request),
    ),
  (bytes: Uint8Array) => ({
    size: fromBinary(StreamingOutputCallResponseSchema, bytes).payload?.body.length ?? 0,
  }),
);
const empty = (name: string) =>
  new MethodDescriptor<object, object>(
    `/grpc.testing.TestService/${name}`,
    ...["unary", ANY_CLASS, ANY_CLASS] as const,
    () => new Uint8Array(),
    () => ({}),
  );

export class GrpcWebCaller implements Caller {
  readonly incremental: boolean;
  readonly maxRequestBytes = Infinity;
  readonly #client: GrpcWebClientBase;
  readonly #url: string;

  constructor(url: string, format: "binary" | "text") {
    // Its binary format reads whole responses.
    this.incremental = format === "text";
    this.#url = url;
    this.#client = new GrpcWebClientBase({ format });
  }

  unary(request: Unary, options: Options = {}): Promise<Reply> {
    return this.#unary(UNARY, request, options);
  }

  async release(): Promise<void> {
    await this.#unary(empty("EmptyCall"), {}, {});
  }

  async unknown(): Promise<void> {
    await this.#unary(empty("UnimplementedCall"), {}, {});
  }

  #unary<I>(method: MethodDescriptor<I, object>, request: I, options: Options): Promise<Reply> {
    const url = this.#url + method.getName();
    const answered = Promise.withResolvers<Reply>();
    const reply: Reply = { size: 0, initial: undefined, trailing: undefined };
    const call = this.#client.rpcCall(url, request, fieldsOf(options), method, (error, message) => {
      if (error) return answered.reject(failureOf(error));
      reply.size = (message as { size?: number }).size ?? 0;
      // The other events of the response come in any order, in the same task.
      setTimeout(() => answered.resolve(reply));
    });
    call.on("metadata", (metadata) => reply.initial ??= metadata[INITIAL]);
    call.on("status", ({ metadata }) => reply.trailing ??= metadata?.[TRAILING]);
    options.signal?.addEventListener("abort", () => {
      call.cancel();
      answered.reject(new Failure(1, "The call was cancelled", []));
    });
    return answered.promise;
  }

  async *stream(request: Output, options: Options = {}) {
    const url = this.#url + OUTPUT.getName();
    const call = this.#client.serverStreaming(url, request, fieldsOf(options), OUTPUT);
    const events: (number | null | Failure)[] = [];
    let wake = () => {};
    const add = (event: number | null | Failure) => {
      events.push(event);
      wake();
    };
    call.on("data", ({ size }) => add(size));
    call.on("error", (error) => add(failureOf(error)));
    call.on("end", () => add(null));
    options.signal?.addEventListener("abort", () => {
      call.cancel();
      add(new Failure(1, "The call was cancelled", []));
    });
    for (;;) {
      if (events.length === 0) await new Promise<void>((resolve) => wake = resolve);
      const event = events.shift();
      if (event === null || event === undefined) return;
      if (event instanceof Failure) throw event;
      yield event;
    }
  }
}

function fieldsOf({ metadata, timeoutMs }: Options): Metadata {
  if (timeoutMs === undefined) return { ...metadata };
  return { ...metadata, deadline: String(Date.now() + timeoutMs) };
}

function failureOf({ code, message, metadata }: RpcError): Failure {
  const details = metadata["grpc-status-details-bin"];
  if (details === undefined) return new Failure(code, message, []);
  const status = fromBinary(StatusSchema, Uint8Array.from(atob(details), (c) => c.charCodeAt(0)));
  const reasons = status.details.filter(({ typeUrl }) => typeUrl.endsWith("/google.rpc.ErrorInfo"))
    .map(({ value }) => fromBinary(ErrorInfoSchema, value).reason);
  return new Failure(code, message, reasons);
}

/** The project's own client: lean inside a WebSocket. */
export class LeanCaller implements Caller {
  readonly incremental = true;
  readonly maxRequestBytes = Infinity;
  readonly client: Client<typeof BrowserService>;

  constructor(url: string) {
    this.client = connect(url).client(BrowserService);
  }

  async unary(request: Unary, { metadata, ...options }: Options = {}): Promise<Reply> {
    const reply: Reply = { size: 0, initial: undefined, trailing: undefined };
    const { payload } = await this.#guard(() =>
      this.client.unaryCall(request, {
        ...options,
        metadata: bytesIn(metadata),
        onHeaders: (headers) => reply.initial = headers.get(INITIAL),
        onTrailers: (trailers) => {
          const bytes = trailers.get(TRAILING);
          if (bytes !== undefined) reply.trailing = btoa(String.fromCharCode(...bytes));
        },
      })
    );
    reply.size = payload?.body.length ?? 0;
    return reply;
  }

  stream(request: Output, { metadata, ...options }: Options = {}): AsyncIterable<number> {
    return this.sizes(
      this.client.streamingOutputCall(request, { ...options, metadata: bytesIn(metadata) }),
    );
  }

  /** Yields the sizes of replies. */
  async *sizes(replies: AsyncIterable<{ payload?: { body: Uint8Array } }>) {
    const iterator = replies[Symbol.asyncIterator]();
    for (;;) {
      const { done, value } = await this.#guard(() => iterator.next());
      if (done) return;
      yield value.payload?.body.length ?? 0;
    }
  }

  async release(): Promise<void> {
    await this.client.emptyCall({});
  }

  async unknown(): Promise<void> {
    await this.#guard(() => this.client.unimplementedCall({}));
  }

  async #guard<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof LeanError)) throw error;
      const reasons = findDetails(error, ErrorInfoSchema).map((info) => info.reason);
      throw new Failure(error.code, error.message, reasons);
    }
  }
}

/** Metadata whose binary values are bytes instead of base64. */
function bytesIn(metadata: Record<string, string> = {}): Record<string, string | Uint8Array> {
  return Object.fromEntries(
    Object.entries(metadata).map(([key, value]) =>
      key.endsWith("-bin")
        ? [key, Uint8Array.from(atob(value), (char) => char.charCodeAt(0))]
        : [key, value]
    ),
  );
}

/** Makes the clients of a server by name. */
export const CALLERS: Record<string, (url: string) => Caller> = {
  "connect-web, Connect with JSON": (baseUrl) =>
    new ConnectCaller(createConnectTransport({ baseUrl, useBinaryFormat: false })),
  "connect-web, Connect with protobuf": (baseUrl) =>
    new ConnectCaller(createConnectTransport({ baseUrl, useBinaryFormat: true })),
  "connect-web, Connect by GET": (baseUrl) =>
    new ConnectCaller(
      createConnectTransport({ baseUrl, useHttpGet: true, fetch: recordingFetch }),
      // The request line may have 8 KiB by default.
      5_000,
    ),
  "connect-web, gRPC-Web": (baseUrl) => new ConnectCaller(createGrpcWebTransport({ baseUrl })),
  "connect-web, gRPC-Web with JSON": (baseUrl) =>
    new ConnectCaller(createGrpcWebTransport({ baseUrl, useBinaryFormat: false })),
  "grpc-web, text": (url) => new GrpcWebCaller(url, "text"),
  "grpc-web, binary": (url) => new GrpcWebCaller(url, "binary"),
  "lean in a WebSocket": (url) => new LeanCaller(url),
};
