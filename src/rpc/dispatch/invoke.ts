/**
 * The way from an encoded request to an encoded reply: decoding, interceptors, handler, encoding.
 *
 * @module
 */

import type { Metadata } from "../../call/metadata.ts";
import { clientStreams, type MethodKind, serverStreams } from "../../call/method.ts";
import { Status } from "../../call/status.ts";
import type { Codec, LendingCodec } from "../../codec/codec.ts";
import { deadlineExceeded, RpcError } from "../../errors.ts";
import type { DispatchReply } from "./dispatcher.ts";
import type { HandlersByKind } from "./handlers.ts";
import { RequestStream, undecodableRequest } from "./request_stream.ts";
import type {
  HandlerContext,
  InterceptedCall,
  InterceptedReply,
  Interceptor,
  MethodInfo,
  ReplyWriter,
} from "../core/types.ts";

// deno-lint-ignore no-explicit-any
type AnyHandler = HandlersByKind<any, any>[MethodKind];
type AnyIterable = AsyncIterable<unknown> | Iterable<unknown>;

/** Method that {@link invoke} can run. */
export interface Invocable extends MethodInfo {
  /** Handler with its interceptors around it. */
  readonly handler: AnyHandler;
}

/**
 * Runs a method. Throws or rejects with what the handler throws; returns without a Promise if the handler does. `lend`
 * allows the reply to be in a pooled buffer, which the sender releases.
 */
export function invoke(
  method: Invocable,
  request: Uint8Array | AsyncIterable<Uint8Array>,
  context: HandlerContext,
  lend = false,
): DispatchReply | Promise<DispatchReply> {
  const message = request instanceof Uint8Array
    ? decodeRequest(method.requestCodec, request)
    : decodeRequests(method.requestCodec, request);
  const handler = method.handler as (request: unknown, context: HandlerContext) => unknown;
  const result = handler(message, context);
  if (serverStreams(method.kind)) {
    return new EncodedReplies(repliesOf(result, context), method.responseCodec);
  }
  if (isThenable(result)) {
    return result.then((reply) => encodeReply(method.responseCodec, reply, lend)) as Promise<
      Uint8Array
    >;
  }
  return encodeReply(method.responseCodec, result, lend);
}

/** Replies that are encoded as they are read. The server reads `source` itself, which saves a generator step each. */
export class EncodedReplies implements AsyncIterable<Uint8Array> {
  /** Replies as the handler gave them. */
  readonly source: AnyIterable;
  /** Encodes the replies. */
  readonly codec: Codec<unknown>;

  /** Wraps the replies of a handler. */
  constructor(source: AnyIterable, codec: Codec<unknown>) {
    this.source = source;
    this.codec = codec;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    for await (const reply of this.source) yield encodeReply(this.codec, reply);
  }
}

/** Encodes a reply, into a pooled buffer if `lend`. Throws INTERNAL if that fails: the server is at fault. */
export function encodeReply(codec: Codec<unknown>, reply: unknown, lend = false): Uint8Array {
  try {
    if (lend && "encodeLent" in codec) return (codec as LendingCodec<unknown>).encodeLent(reply);
    return codec.encode(reply);
  } catch (cause) {
    throw new RpcError(Status.INTERNAL, "Cannot encode the reply", { cause });
  }
}

function decodeRequest(codec: Codec<unknown>, bytes: Uint8Array): unknown {
  try {
    return codec.decode(bytes);
  } catch (cause) {
    throw cause instanceof RpcError ? cause : undecodableRequest(cause);
  }
}

function decodeRequests(
  codec: Codec<unknown>,
  requests: AsyncIterable<Uint8Array>,
): AsyncIterable<unknown> {
  if (requests instanceof RequestStream) return requests.decodeWith((b) => codec.decode(b));
  return (async function* () {
    for await (const bytes of requests) yield decodeRequest(codec, bytes);
  })();
}

/** Returns the replies of a streaming handler: those returned, else those written to `context.stream`. */
function repliesOf(result: unknown, context: HandlerContext): AnyIterable {
  if (isIterable(result)) return result;
  const queue = context.stream;
  if (isThenable(result)) {
    result.then(
      (value) => isIterable(value) ? forward(value, queue) : queue.end(),
      (error) => queue.fail(error),
    );
  } else if (result !== undefined) {
    throw new TypeError(
      `The handler of ${context.method.path} must return an iterable of replies, not a ${typeof result}`,
    );
  }
  return queue;
}

async function forward(replies: AnyIterable, queue: ReplyWriter): Promise<void> {
  try {
    for await (const reply of replies) await queue.write(reply);
    queue.end();
  } catch (error) {
    queue.fail(error);
  }
}

/** Puts interceptors around a handler, the first outermost. Returns the handler itself if there are none. */
export function intercept(
  handler: AnyHandler,
  kind: MethodKind,
  interceptors: readonly Interceptor[],
): AnyHandler {
  if (interceptors.length === 0) return handler;
  const inner = handler as (request: unknown, context: HandlerContext) => unknown;
  const streams = serverStreams(kind);
  const run = async (call: InterceptedCall): Promise<InterceptedReply> => {
    const context = call.context as HandlerContext;
    // An interceptor may have taken all the time that was left.
    if (context.timeRemainingMs() <= 0) throw deadlineExceeded();
    const result = inner(call.message, context);
    return new ServerReply(context, streams, streams ? repliesOf(result, context) : await result);
  };
  const chain = interceptors.reduceRight((next, interceptor) => interceptor(next), run);
  const outer = async (request: unknown, context: HandlerContext) => {
    const reply = await chain(new ServerInterceptedCall(request, context, clientStreams(kind)));
    adopt(reply.headers, context, "responseHeaders");
    if (!reply.stream) adopt(reply.trailers, context, "responseTrailers");
    return reply.message;
  };
  if (!streams) return outer;
  return async function* (request: unknown, context: HandlerContext) {
    yield* await outer(request, context) as AsyncIterable<unknown>;
  };
}

/** Copies the metadata of a reply that an interceptor created into the context. */
function adopt(
  metadata: Metadata,
  context: HandlerContext,
  name: "responseHeaders" | "responseTrailers",
): void {
  if (metadata === context[name]) return;
  for (const [key, value] of metadata) context[name].append(key, value);
}

class ServerInterceptedCall implements InterceptedCall {
  readonly side = "server";
  readonly context: HandlerContext;
  readonly stream: boolean;
  message: unknown;

  constructor(message: unknown, context: HandlerContext, stream: boolean) {
    this.message = message;
    this.context = context;
    this.stream = stream;
  }

  get method(): MethodInfo {
    return this.context.method;
  }

  get metadata(): Metadata {
    return this.context.metadata;
  }

  get signal(): AbortSignal {
    return this.context.signal;
  }
}

class ServerReply implements InterceptedReply {
  readonly stream: boolean;
  message: unknown;
  #context: HandlerContext;

  constructor(context: HandlerContext, stream: boolean, message: unknown) {
    this.#context = context;
    this.stream = stream;
    this.message = message;
  }

  get headers(): Metadata {
    return this.#context.responseHeaders;
  }

  get trailers(): Metadata {
    return this.#context.responseTrailers;
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === "function";
}

function isIterable(value: unknown): value is AnyIterable {
  return typeof value === "object" && value !== null &&
    (Symbol.asyncIterator in value || Symbol.iterator in value);
}
