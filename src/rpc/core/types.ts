/**
 * Types of handlers, callers and interceptors.
 *
 * @module
 */

import type { Metadata, MetadataInit } from "../../call/metadata.ts";
import type { MethodKind } from "../../call/method.ts";
import type { PeerInfo } from "../../call/wire.ts";
import type { Codec } from "../../codec/codec.ts";

/**
 * Method, as known to both sides.
 *
 * @category Interceptors
 */
export interface MethodInfo {
  /** Path: `/package.Service/Method`, or any other such as `/health`. */
  readonly path: string;
  /** Kind of the method: unary or one of the streams. */
  readonly kind: MethodKind;
  /** Codec of requests. */
  // deno-lint-ignore no-explicit-any -- the message types of all methods meet here
  readonly requestCodec: Codec<any, any>;
  /** Codec of replies. */
  // deno-lint-ignore no-explicit-any -- the message types of all methods meet here
  readonly responseCodec: Codec<any, any>;
  /** One-line description. */
  readonly description?: string;
  /** Description of requests, for example the message's type name. */
  readonly requestType?: string;
  /** Description of replies, for example the message's type name. */
  readonly responseType?: string;
  /** Whether calls may be repeated without harm (protobuf's idempotency_level). */
  readonly idempotent?: boolean;
  /** Whether calls have no side effects (protobuf's NO_SIDE_EFFECTS), so that Connect may send them by GET. */
  readonly safe?: boolean;
  /** The same method with JSON messages, for callers that ask for them; absent if it has none. */
  readonly json?: MethodInfo;
}

/**
 * Context of a call, for its handler.
 *
 * ```ts
 * import { serve } from "@vrpc/vrpc";
 *
 * await using server = await serve("127.0.0.1:50051", (router) => {
 *   router.method("/load", {}, async (_request, context) => {
 *     context.responseHeaders.set("cache", "miss");
 *     const response = await fetch("https://example.com/", { signal: context.signal });
 *     return await response.bytes();
 *   });
 * });
 * ```
 *
 * @category Server
 */
export interface HandlerContext {
  /** Called method. */
  readonly method: MethodInfo;
  /** Request metadata. */
  readonly metadata: Metadata;
  /** Response headers, sent with the first message or by `sendHeaders`. */
  readonly responseHeaders: Metadata;
  /** Response trailers, sent with the status. */
  readonly responseTrailers: Metadata;
  /** Sends response headers now instead of with the first message. */
  sendHeaders(): void;
  /**
   * Fires on cancel, deadline and lost connection. Its reason is an RpcError, shared by calls that end together with
   * their connection. Created on first use.
   */
  readonly signal: AbortSignal;
  /** Returns the time until the deadline in ms: 0 or more, Infinity without one. */
  timeRemainingMs(): number;
  /**
   * Ends the call with DEADLINE_EXCEEDED after `timeoutMs` (0 or more), unless its deadline is earlier. Throws a
   * RangeError for a negative timeout or NaN.
   */
  tightenDeadline(timeoutMs: number): void;
  /** Peer of the connection. */
  readonly peer: PeerInfo;
  /**
   * Host that the caller addressed: `:authority` of HTTP/2, `Host` of HTTP/1.1. Calls of a batch have that of its stream.
   * Empty for none.
   */
  readonly authority: string;
  /** Wire of the call. */
  readonly wire: "grpc" | "grpc-web" | "connect" | "lean" | "batch";
  /** Whether to compress response messages, if the caller accepts it. Default: the server's option. */
  compress: boolean;
  /** Whether the last request that the handler read was compressed. */
  readonly requestCompressed: boolean;
  /** Values that interceptors pass to handlers. */
  readonly values: Map<unknown, unknown>;
  /**
   * Writer of replies, instead of returning an iterable. Throws a TypeError for kinds with a single reply.
   */
  readonly stream: ReplyWriter;
}

/**
 * Accepts replies one by one. The server iterates over the written replies; a writer that wraps another one forwards
 * the iteration.
 *
 * ```ts
 * import { serve, textCodec } from "@vrpc/vrpc";
 *
 * await using server = await serve("127.0.0.1:50051", (router) => {
 *   const spec = { kind: "server_streaming", responseCodec: textCodec } as const;
 *   router.method("/count", spec, async (_request, { stream }) => {
 *     for (let i = 0; i < 10; i++) await stream.write(`${i}`);
 *   });
 * });
 * ```
 *
 * @category Server
 */
export interface ReplyWriter extends AsyncIterable<unknown> {
  /**
   * Sends one reply; resolves when the next one should be written (back-pressure). `last` ends the call with OK.
   * Rejects with an RpcError once the call has ended.
   */
  write(message: unknown, options?: { last?: boolean }): Promise<void>;
  /** Ends the call with OK after the written replies. No effect after the last reply. */
  end(): void;
  /** Ends the call with an error after the written replies. No effect after the last reply. */
  fail(reason: unknown): void;
}

/**
 * Options of one call.
 *
 * ```ts
 * import { connect } from "@vrpc/vrpc";
 *
 * await using channel = connect("127.0.0.1:50051");
 * await channel.call("/health", new Uint8Array(), {
 *   timeoutMs: 500,
 *   metadata: { "x-request-id": crypto.randomUUID() },
 *   onTrailers: (trailers) => console.log(trailers.get("server-time")),
 * });
 * ```
 *
 * @category Client
 */
export interface CallOptions {
  /**
   * Time limit of the call, in ms; the smallest of this, the inherited and the configured limit applies. 0 is no time at
   * all: the call ends with DEADLINE_EXCEEDED before it is sent. Leave it out, or use Infinity, for no limit.
   */
  timeoutMs?: number;
  /** Cancels the call when it fires. */
  signal?: AbortSignal;
  /** Request metadata. */
  metadata?: MetadataInit;
  /**
   * Whether to compress request messages; a function decides for each encoded message, for example by its size.
   * Messages that would not get smaller are sent uncompressed, except with `"always"`. Default: the channel's option
   * (off).
   */
  compress?: boolean | "always" | ((message: Uint8Array) => boolean);
  /** Whether to wait for a connection instead of failing while there is none. Default false. */
  waitForReady?: boolean;
  /**
   * Called with the response headers, except for Trailers-Only replies. What this and the other callbacks throw is
   * logged, and the call goes on.
   */
  onHeaders?: (headers: Metadata) => void;
  /** Called with the trailers, also if the call failed. */
  onTrailers?: (trailers: Metadata) => void;
  /**
   * Called for each response message before it is decompressed, for statistics. `bytes` is its size on the wire,
   * without the 5-byte prefix.
   */
  onMessage?: (message: { readonly bytes: number; readonly compressed: boolean }) => void;
  /** Adds metadata to the call, such as a token, after the channel's credentials. */
  credentials?: CallCredentials;
  /** Handler whose deadline is inherited; null for none. Default: the handler that runs this code. */
  parent?: HandlerContext | null;
}

/**
 * Returns the metadata that authenticates a call.
 *
 * ```ts
 * import { connect } from "@vrpc/vrpc";
 *
 * await using channel = connect("orders.example:443", {
 *   tls: true,
 *   credentials: () => ({ authorization: `Bearer ${Deno.env.get("TOKEN")}` }),
 * });
 * ```
 *
 * @category Client
 */
export type CallCredentials = (
  call: { readonly path: string; readonly authority: string; readonly secure: boolean },
) => MetadataInit | Promise<MetadataInit>;

/**
 * Call that passes through interceptors, on either side.
 *
 * @category Interceptors
 */
export interface InterceptedCall {
  /** Side on which the interceptor runs. */
  readonly side: "client" | "server";
  /** Called method. */
  readonly method: MethodInfo;
  /** Request metadata; interceptors of a client may change it. */
  readonly metadata: Metadata;
  /** Fires when the call is cancelled. */
  readonly signal: AbortSignal;
  /** Context of the handler, on a server. */
  readonly context?: HandlerContext;
  /** Whether `message` is an AsyncIterable of requests instead of one request. */
  readonly stream: boolean;
  /** The request, or an AsyncIterable of requests. Interceptors may replace it. */
  message: unknown;
}

/**
 * Reply that passes back through interceptors.
 *
 * @category Interceptors
 */
export interface InterceptedReply {
  /** Whether `message` is an AsyncIterable of replies instead of one reply. */
  readonly stream: boolean;
  /** The reply, or an AsyncIterable of replies. Interceptors may replace it. */
  message: unknown;
  /** Response headers. */
  readonly headers: Metadata;
  /** Response trailers; for a stream complete only after its last message. */
  readonly trailers: Metadata;
}

/**
 * Forwards a call; rejects with an RpcError if it fails.
 *
 * @category Interceptors
 */
export type Next = (call: InterceptedCall) => Promise<InterceptedReply>;

/**
 * Wraps calls, on both sides, unary and streaming. The first interceptor of a list is the outermost.
 *
 * ```ts
 * import { connect, type Interceptor } from "@vrpc/vrpc";
 *
 * const timing: Interceptor = (next) => async (call) => {
 *   const startMs = performance.now();
 *   try {
 *     return await next(call);
 *   } finally {
 *     console.log(call.method.path, performance.now() - startMs);
 *   }
 * };
 * await using channel = connect("127.0.0.1:50051", { interceptors: [timing] });
 * ```
 *
 * @category Interceptors
 */
export type Interceptor = (next: Next) => Next;
