/**
 * Typed clients of protobuf-es service descriptors.
 *
 * @module
 */

import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodBiDiStreaming,
  type DescMethodClientStreaming,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type DescService,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { Status } from "../call/status.ts";
import { errorFromOutside, RpcError } from "../errors.ts";
import type { PageCall } from "./call.ts";
import { decodeMessage, MessageMemoryError } from "./messages.ts";
import type { CallOptions } from "./options.ts";

/** Client of a protobuf service: one function per method, by local name. */
export type Client<D extends DescService> = {
  readonly [P in keyof D["method"]]: ClientFunction<D["method"][P]>;
};

/** Messages that a call sends. */
export type Requests<T> = AsyncIterable<T> | Iterable<T>;

/** Function that calls a method. Failures are RpcErrors. */
export type ClientFunction<M extends DescMethod> = M extends DescMethodUnary<infer I, infer O>
  ? (request: MessageInitShape<I>, options?: CallOptions) => Promise<MessageShape<O>>
  : M extends DescMethodClientStreaming<infer I, infer O>
    ? (requests: Requests<MessageInitShape<I>>, options?: CallOptions) => Promise<MessageShape<O>>
  : M extends DescMethodServerStreaming<infer I, infer O>
    ? (request: MessageInitShape<I>, options?: CallOptions) => AsyncIterable<MessageShape<O>>
  : M extends DescMethodBiDiStreaming<infer I, infer O> ? (
      requests: Requests<MessageInitShape<I>>,
      options?: CallOptions,
    ) => AsyncIterable<MessageShape<O>>
  : never;

/** Opens a call of `method`. */
export type OpenCall = (method: DescMethod, options: CallOptions) => PageCall;

/** Makes a client. */
export function makeClient<D extends DescService>(service: D, open: OpenCall): Client<D> {
  const client = service.methods.map((method) => [method.localName, bind(method, open)]);
  return Object.fromEntries(client) as Client<D>;
}

function bind(method: DescMethod, open: OpenCall) {
  const requestStreams = method.methodKind === "client_streaming" ||
    method.methodKind === "bidi_streaming";
  const start = (message: unknown, options: CallOptions = {}): PageCall => {
    if (requestStreams) {
      const iterator = iteratorOf(method, message);
      const call = open(method, options);
      pump(call, method, iterator);
      return call;
    }
    const bytes = encode(method.input, message);
    const call = open(method, options);
    call.sendOnly(bytes);
    return call;
  };
  if (method.methodKind === "unary" || method.methodKind === "client_streaming") {
    return async (message: unknown, options?: CallOptions) => {
      const call = start(message, options);
      return decode(method, call, await call.receiveOnly());
    };
  }
  return (message: unknown, options?: CallOptions) => new Replies(method, start(message, options));
}

function encode(type: DescMessage, message: unknown): Uint8Array {
  return toBinary(type, create(type, message as MessageInitShape<DescMessage>));
}

function decode(method: DescMethod, call: PageCall, bytes: Uint8Array): unknown {
  try {
    return decodeMessage(method.output, bytes);
  } catch (cause) {
    const text = `Cannot decode the reply: ${cause instanceof Error ? cause.message : cause}`;
    const isLarge = cause instanceof MessageMemoryError;
    const code = isLarge ? Status.RESOURCE_EXHAUSTED : Status.INTERNAL;
    const error = errorFromOutside(code, text, { cause });
    call.cancel(error);
    throw error;
  }
}

/** Replies of a call. Leaving the iteration cancels the call. */
class Replies implements AsyncIterableIterator<unknown> {
  readonly #method: DescMethod;
  readonly #call: PageCall;

  constructor(method: DescMethod, call: PageCall) {
    this.#method = method;
    this.#call = call;
  }

  async next(): Promise<IteratorResult<unknown>> {
    const message = await this.#call.receive();
    if (message === null) return { done: true, value: undefined };
    return { done: false, value: decode(this.#method, this.#call, message) };
  }

  return(): Promise<IteratorResult<unknown>> {
    const text = "The caller stopped iterating over the replies";
    this.#call.cancel(errorFromOutside(Status.CANCELLED, text));
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

type MessageIterator = AsyncIterator<unknown> | Iterator<unknown>;

function iteratorOf(method: DescMethod, messages: unknown): MessageIterator {
  const { [Symbol.asyncIterator]: async, [Symbol.iterator]: sync } = Object(messages) as Partial<
    AsyncIterable<unknown> & Iterable<unknown>
  >;
  const make = (async ?? sync) as (() => MessageIterator) | undefined;
  if (typeof make === "function") return make.call(messages);
  throw new TypeError(
    `Cannot call ${method.parent.typeName}/${method.name}: requests must be an AsyncIterable or Iterable`,
  );
}

/** Sends all requests with back-pressure; stops when the call ends. Never rejects. */
async function pump(call: PageCall, method: DescMethod, iterator: MessageIterator): Promise<void> {
  // Lets the source stop if the call ends while it waits for its next message.
  call.onEnd = async () => {
    try {
      await iterator.return?.();
    } catch {
      // The call has ended with its own error.
    }
  };
  if (call.ended) call.onEnd();
  try {
    while (!call.ended) {
      const { done, value } = await iterator.next();
      if (done) return call.closeSend();
      if (!call.ended) await call.send(encode(method.input, value));
    }
  } catch (error) {
    if (error instanceof RpcError) return call.cancel(error);
    const text = `The stream of requests failed: ${error instanceof Error ? error.message : error}`;
    call.cancel(errorFromOutside(Status.CANCELLED, text, { cause: error }));
  }
}
