/**
 * Adapters from typed messages and iterables to {@link ClientStream} and back.
 *
 * @module
 */

import { Status } from "../../call/status.ts";
import { errorFromOutside, isInstance, RpcError, textOf } from "../../errors.ts";
import { ignoreRejection } from "../core/promises.ts";
import {
  type CallCore,
  cardinalityError,
  type ClientMethod,
  decodeReply,
  encodeRequest,
} from "./call_core.ts";
import { atCaller, nameThrown } from "./call_error.ts";
import { ClientStream } from "./streaming_call.ts";
import type { CallOptions } from "../core/types.ts";

/** Starts a call with a single request. */
export function startSingle(
  core: CallCore,
  method: ClientMethod,
  payload: Uint8Array,
  options: CallOptions | undefined,
): ClientStream {
  const stream = new ClientStream(core, method, options).begin();
  stream.sendOnly(payload);
  return stream;
}

/** Messages of a streaming call. */
export type Messages = AsyncIterable<unknown> | Iterable<unknown>;

/** Throws TypeError unless `messages` can be iterated over. */
export function checkMessages(
  method: ClientMethod,
  messages: unknown,
): asserts messages is Messages {
  if (isIterable(messages)) return;
  ignoreRejection(messages);
  const kind = messages === null ? "null" : `a ${typeof messages}`;
  throw new TypeError(
    `Cannot call ${method.path} with ${kind}: must be an AsyncIterable or Iterable of requests`,
  );
}

/** Whether a value can be iterated over, with `for await`. Never throws. */
export function isIterable(value: unknown): value is Messages {
  try {
    const { [Symbol.asyncIterator]: async, [Symbol.iterator]: sync } = Object(value);
    return typeof (async ?? sync) === "function";
  } catch {
    // The value is a Proxy with traps that throw.
    return false;
  }
}

/** Starts a call that sends `messages`. Throws TypeError if they cannot be iterated over. */
export function startStreaming(
  core: CallCore,
  method: ClientMethod,
  messages: Messages,
  options: CallOptions | undefined,
): ClientStream {
  checkMessages(method, messages);
  const stream = new ClientStream(core, method, options).begin();
  pump(stream, method, messages);
  return stream;
}

/** Receives the only reply of a call, decoded. Rejects with an RpcError. */
export async function singleReply(stream: ClientStream, method: ClientMethod): Promise<unknown> {
  const message = await stream.receive();
  try {
    if (message === null) throw cardinalityError(method.path, "no");
    const more = await stream.receive();
    if (more !== null) throw cardinalityError(method.path, "several");
    return decodeReply(method, message);
  } catch (error) {
    throw failedReply(stream, error);
  }
}

/** Ends a call whose reply is not valid, and returns the error with the call's method and address. */
function failedReply(stream: ClientStream, error: unknown): unknown {
  if (error === stream.error || !isInstance(error, RpcError)) return error;
  stream.cancel(error);
  return atCaller(stream.named(error), failedReply);
}

/** Iterates over the decoded replies of a call. Leaving the iteration cancels the call. */
export function replies<T>(stream: ClientStream, method: ClientMethod): AsyncIterableIterator<T> {
  return new Replies(stream, method) as AsyncIterableIterator<T>;
}

class Replies implements AsyncIterableIterator<unknown> {
  readonly #stream: ClientStream;
  readonly #method: ClientMethod;

  constructor(stream: ClientStream, method: ClientMethod) {
    this.#stream = stream;
    this.#method = method;
  }

  async next(): Promise<IteratorResult<unknown>> {
    const message = await this.#stream.receive();
    if (message === null) return { done: true, value: undefined };
    try {
      return { done: false, value: decodeReply(this.#method, message) };
    } catch (error) {
      throw failedReply(this.#stream, error);
    }
  }

  return(): Promise<IteratorResult<unknown>> {
    this.#stream.cancel(
      errorFromOutside(Status.CANCELLED, "The caller stopped iterating over the replies"),
    );
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** Sends all of `messages` with back-pressure; stops when the call ends. Never rejects. */
async function pump(stream: ClientStream, method: ClientMethod, messages: Messages): Promise<void> {
  try {
    const iterator = iteratorOf(messages);
    // Lets the source stop if the call ends while it waits for its next message.
    stream.onEnd = () => leave(iterator);
    while (!stream.ended) {
      const { done, value } = await iterator.next();
      if (done) return stream.closeSend();
      if (stream.ended) return ignoreRejection(value);
      await stream.send(encodeRequest(method, value));
    }
  } catch (error) {
    if (stream.ended) return;
    if (isInstance(error, RpcError)) {
      return stream.cancel(nameThrown(error, method.path, stream.address));
    }
    const text = `The stream of requests failed: ${textOf(error)}`;
    stream.cancel(errorFromOutside(Status.CANCELLED, text, { cause: error }));
  }
}

/** Iterator over messages, asynchronous or not. */
export type MessageIterator = AsyncIterator<unknown> | Iterator<unknown>;

/** Returns an iterator over messages. Throws what their iterable throws, and TypeError if it returns no iterator. */
export function iteratorOf(messages: Messages): MessageIterator {
  const { [Symbol.asyncIterator]: async, [Symbol.iterator]: sync } = messages as Partial<
    AsyncIterable<unknown> & Iterable<unknown>
  >;
  const make = (async ?? sync) as () => MessageIterator;
  const iterator = make.call(messages);
  ignoreRejection(iterator);
  if (typeof iterator?.next === "function") return iterator;
  throw new TypeError("the iterable returned no iterator");
}

/** Ends an iterator early. Never rejects: the call has ended with its own error. */
export async function leave(iterator: MessageIterator | undefined): Promise<void> {
  try {
    await iterator?.return?.();
  } catch {
    // An error of `return()` is ignored.
  }
}
