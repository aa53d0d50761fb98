/**
 * Runs a method from encoded request to encoded reply: decoding, interceptors, handler, encoding.
 *
 * @module
 */

import { isBytes, plainBytes } from "../../bytes/is_bytes.ts";
import type { Metadata } from "../../call/metadata.ts";
import { clientStreams, type MethodKind, serverStreams } from "../../call/method.ts";
import { Status } from "../../call/status.ts";
import type { Codec, LendingCodec } from "../../codec/codec.ts";
import { deadlineExceeded, isInstance, RpcError, textOf } from "../../errors.ts";
import type { DispatchReply } from "./dispatcher.ts";
import type { HandlersByKind } from "./handlers.ts";
import { RequestStream, undecodableRequest } from "./request_stream.ts";
import { ignoreRejection } from "../core/promises.ts";
import type {
  HandlerContext,
  InterceptedCall,
  InterceptedReply,
  Interceptor,
  MethodInfo,
  Next,
  ReplyWriter,
} from "../core/types.ts";

// deno-lint-ignore no-explicit-any -- the message types of all methods meet here
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
    return Promise.resolve(result).then((reply) => encodeReply(method.responseCodec, reply, lend));
  }
  return encodeReply(method.responseCodec, result, lend);
}

/**
 * Replies of a handler, encoded one by one on iteration. The server iterates `source` directly, saving a generator step
 * per reply.
 */
export class EncodedReplies implements AsyncIterable<Uint8Array> {
  /** Replies that the handler returned. */
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

/** Failure to encode a reply: INTERNAL, because the server is at fault. The cause is logged, not sent. */
export class EncodingError extends RpcError {
  /** Makes the error; `cause` is what the codec threw. */
  constructor(cause: unknown) {
    super(Status.INTERNAL, "Cannot encode the reply", { cause });
  }
}

/** Encodes a reply, into a pooled buffer if `lend`. Throws EncodingError if that fails. */
export function encodeReply(codec: Codec<unknown>, reply: unknown, lend = false): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = lend && "encodeLent" in codec
      ? (codec as LendingCodec<unknown>).encodeLent(reply)
      : codec.encode(reply);
  } catch (cause) {
    ignoreRejection(reply);
    throw new EncodingError(cause);
  }
  return checkedReply(bytes, codec);
}

/**
 * Returns an encoded reply, a subclass's instance as a plain Uint8Array. Throws EncodingError for anything but a
 * Uint8Array, including a Proxy of one.
 */
export function checkedReply(bytes: unknown, codec?: Codec<unknown>): Uint8Array {
  if (isBytes(bytes)) return plainBytes(bytes);
  ignoreRejection(bytes);
  const source = codec === undefined ? "The dispatcher" : `Codec ${textOf(codec.name)}`;
  throw new EncodingError(
    new TypeError(`${source} returned a ${typeof bytes} as the encoded reply, not a Uint8Array`),
  );
}

function decodeRequest(codec: Codec<unknown>, bytes: Uint8Array): unknown {
  try {
    return codec.decode(bytes);
  } catch (cause) {
    throw isInstance(cause, RpcError) ? cause : undecodableRequest(cause);
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
    Promise.resolve(result).then(
      (value) => isIterable(value) ? forward(value, queue) : queue.end(),
    ).catch((error) => queue.fail(error));
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
    // The deadline may have passed while an interceptor ran.
    if (context.timeRemainingMs() <= 0) throw deadlineExceeded();
    const result = inner(call.message, context);
    return new ServerReply(context, streams, streams ? repliesOf(result, context) : await result);
  };
  const chain = interceptors.reduceRight<Next>((next, interceptor) => {
    const outer: unknown = interceptor(next);
    if (typeof outer === "function") return outer as Next;
    ignoreRejection(outer);
    throw new TypeError(`An interceptor must return a function, not a ${typeof outer}`);
  }, run);
  const outer = async (request: unknown, context: HandlerContext) => {
    const reply = await chain(new ServerInterceptedCall(request, context, clientStreams(kind)));
    checkReply(reply, context.method.path);
    adopt(reply.headers, context, "responseHeaders");
    if (!reply.stream) adopt(reply.trailers, context, "responseTrailers");
    return reply.message;
  };
  if (!streams) return outer;
  return async function* (request: unknown, context: HandlerContext) {
    yield* await outer(request, context) as AsyncIterable<unknown>;
  };
}

/** Throws TypeError unless an interceptor returned a reply. */
function checkReply(reply: unknown, path: string): void {
  if (typeof reply === "object" && reply !== null) return;
  throw new TypeError(
    `An interceptor of ${path} did not return a reply: it must return what next() resolves to, or a copy`,
  );
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

/** Whether a value has a `then`, like a promise. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === "function";
}

function isIterable(value: unknown): value is AnyIterable {
  return typeof value === "object" && value !== null &&
    (Symbol.asyncIterator in value || Symbol.iterator in value);
}
