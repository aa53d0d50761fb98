/**
 * What handlers, callers and interceptors hold.
 *
 * @module
 */

import type { Metadata, MetadataInit } from "../../call/metadata.ts";
import type { MethodKind } from "../../call/method.ts";
import type { PeerInfo } from "../../call/wire.ts";
import type { Codec } from "../../codec/codec.ts";

/**
 * A method as both sides know it.
 *
 * @category Interceptors
 */
export interface MethodInfo {
  /** The route: `/package.Service/Method`, or a name of the user's own such as `/health`. */
  readonly path: string;
  /** How many messages go each way. */
  readonly kind: MethodKind;
  /** How requests become bytes and back. */
  // deno-lint-ignore no-explicit-any
  readonly requestCodec: Codec<any, any>;
  /** How replies become bytes and back. */
  // deno-lint-ignore no-explicit-any
  readonly responseCodec: Codec<any, any>;
  /** One line for people. */
  readonly description?: string;
  /** What comes in, for people, for example a message's type name. */
  readonly requestType?: string;
  /** What goes out, for people. */
  readonly responseType?: string;
  /** Whether a repeated call does no harm (protobuf's idempotency_level). */
  readonly idempotent?: boolean;
}

/**
 * What a handler gets beside its request.
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
  /** The method called. */
  readonly method: MethodInfo;
  /** Request metadata. */
  readonly metadata: Metadata;
  /** Response headers: sent with the first message, or by `sendHeaders`. */
  readonly responseHeaders: Metadata;
  /** Response trailers: sent with the status. */
  readonly responseTrailers: Metadata;
  /** Sends response headers now instead of with the first message. */
  sendHeaders(): void;
  /**
   * Fires on cancel, deadline and lost connection; its reason is an RpcError, which calls of a connection that end
   * together share. Made when first asked for.
   */
  readonly signal: AbortSignal;
  /** Milliseconds until the deadline; Infinity without one; never negative. */
  timeRemainingMs(): number;
  /**
   * Ends the call with DEADLINE_EXCEEDED in `timeoutMs` (0 or more), unless its deadline is sooner. Throws RangeError
   * for a negative timeout and NaN.
   */
  tightenDeadline(timeoutMs: number): void;
  /** The other end. */
  readonly peer: PeerInfo;
  /** Which wire the call came by. */
  readonly wire: "grpc" | "lean" | "batch";
  /** Set to true to compress response messages, when the caller takes that. Default: the server's option. */
  compress: boolean;
  /** Whether the request that the handler took last came compressed. */
  readonly requestCompressed: boolean;
  /** For interceptors to leave things for handlers. */
  readonly values: Map<unknown, unknown>;
  /**
   * Where a handler with many replies may write them one by one instead of returning an iterable. Throws
   * TypeError for kinds with a single reply.
   */
  readonly stream: ReplyWriter;
}

/**
 * Takes replies one by one. The server iterates over what was written; a writer that wraps another one passes the
 * iteration on.
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
   * Sends one reply; resolves when the next one should come, so that a slow reader holds a fast writer.
   * `last` ends the call with OK. Rejects with an RpcError when the call is over.
   */
  write(message: unknown, options?: { last?: boolean }): Promise<void>;
  /** Ends the call with OK after what was written. No effect after the last reply. */
  end(): void;
  /** Ends the call with an error after what was written. No effect after the last reply. */
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
  /** How long the call may take in ms; the smaller of this and what is inherited or configured wins. */
  timeoutMs?: number;
  /** Gives the call up when it fires. */
  signal?: AbortSignal;
  /** Request metadata. */
  metadata?: MetadataInit;
  /**
   * Compress request messages with gzip; a function decides for each encoded message, for example by its
   * size. Messages that would not get smaller go as they are. Default: the channel's option (off).
   */
  compress?: boolean | ((message: Uint8Array) => boolean);
  /** Wait for a connection instead of failing while there is none. Default false. */
  waitForReady?: boolean;
  /** Called with the response headers (not for trailers-only replies). */
  onHeaders?: (headers: Metadata) => void;
  /** Called with the trailers, also when the call failed. */
  onTrailers?: (trailers: Metadata) => void;
  /**
   * Called as each response message arrives, before it is decompressed; for figures. `bytes` is its size on the wire,
   * without the prefix of 5 bytes.
   */
  onMessage?: (message: { readonly bytes: number; readonly compressed: boolean }) => void;
  /** Adds metadata to each call, such as a token; after the channel's own. */
  credentials?: CallCredentials;
  /** Whose deadline to inherit. Default: the handler that runs this code; null for none. */
  parent?: HandlerContext | null;
}

/**
 * Gives the metadata that authenticates a call.
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
 * A call on its way through interceptors, on either side.
 *
 * @category Interceptors
 */
export interface InterceptedCall {
  /** On which side the interceptor runs. */
  readonly side: "client" | "server";
  /** The method called. */
  readonly method: MethodInfo;
  /** Request metadata; a client's interceptor may change it. */
  readonly metadata: Metadata;
  /** Fires when the call is given up. */
  readonly signal: AbortSignal;
  /** The handler's context, on a server. */
  readonly context?: HandlerContext;
  /** Whether `message` is an AsyncIterable of requests, else one request. */
  readonly stream: boolean;
  /** The request, or an AsyncIterable of requests. May be replaced on the way. */
  message: unknown;
}

/**
 * A reply on its way back through interceptors.
 *
 * @category Interceptors
 */
export interface InterceptedReply {
  /** Whether `message` is an AsyncIterable of replies, else one reply. */
  readonly stream: boolean;
  /** The reply, or an AsyncIterable of replies. May be replaced on the way. */
  message: unknown;
  /** Response headers. */
  readonly headers: Metadata;
  /** Response trailers; for a streamed reply complete only when its messages have ended. */
  readonly trailers: Metadata;
}

/**
 * Passes a call on; rejects with an RpcError when it fails.
 *
 * @category Interceptors
 */
export type Next = (call: InterceptedCall) => Promise<InterceptedReply>;

/**
 * One shape for both sides, unary and streaming: wraps `next`. The first of a list is the outermost.
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
