/**
 * Adapters from typed messages and iterables to {@link ClientStream} and back.
 *
 * @module
 */

import { Status } from "../../call/status.ts";
import { RpcError } from "../../errors.ts";
import { type CallCore, cardinalityError, type ClientMethod } from "./call_core.ts";
import { decodeReply } from "./unary_call.ts";
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

/** Starts a call that sends `messages`. */
export function startStreaming(
  core: CallCore,
  method: ClientMethod,
  messages: AsyncIterable<unknown> | Iterable<unknown>,
  options: CallOptions | undefined,
): ClientStream {
  const stream = new ClientStream(core, method, options).begin();
  pump(stream, method, messages);
  return stream;
}

/** Receives the only reply of a call, decoded. Rejects with an RpcError. */
export async function singleReply(stream: ClientStream, method: ClientMethod): Promise<unknown> {
  const message = await stream.receive();
  if (message === null) throw cardinalityError(method.path, "no");
  const more = await stream.receive();
  if (more !== null) {
    const error = cardinalityError(method.path, "several");
    stream.cancel(error);
    throw error;
  }
  return decodeReply(method, message);
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
      this.#stream.cancel(error as RpcError);
      throw error;
    }
  }

  return(): Promise<IteratorResult<unknown>> {
    this.#stream.cancel(
      new RpcError(Status.CANCELLED, "The caller stopped iterating over the replies"),
    );
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** Sends all of `messages` with back-pressure; stops when the call ends. */
async function pump(
  stream: ClientStream,
  method: ClientMethod,
  messages: AsyncIterable<unknown> | Iterable<unknown>,
): Promise<void> {
  const iterator = Symbol.asyncIterator in messages
    ? messages[Symbol.asyncIterator]()
    : messages[Symbol.iterator]();
  // Lets the source stop if the call ends while it waits for its next message.
  stream.onEnd = () => leave(iterator);
  try {
    while (!stream.ended) {
      const { done, value } = await iterator.next();
      if (done) return stream.closeSend();
      if (stream.ended) return;
      await stream.send(method.requestCodec.encode(value));
    }
  } catch (error) {
    if (stream.ended) return;
    stream.cancel(
      error instanceof RpcError ? error : new RpcError(
        Status.CANCELLED,
        `The stream of requests failed: ${error instanceof Error ? error.message : String(error)}`,
        { cause: error },
      ),
    );
  }
}

async function leave(iterator: AsyncIterator<unknown> | Iterator<unknown>): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    // The call has ended with its own error.
  }
}
