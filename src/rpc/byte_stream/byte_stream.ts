/**
 * Methods with payloads of any size, which read the request and write the reply in chunks. On the wire it is a
 * bidirectional stream: the message limit applies to each chunk, and flow control to both directions. Either side may
 * announce its length in the metadata.
 *
 * @module
 */

import { deferred } from "../core/deferred.ts";
import { isBytes } from "../../bytes/is_bytes.ts";
import { checkFunctions } from "../../limits/ranges.ts";
import { Metadata } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import { RpcError } from "../../errors.ts";
import type { Channel } from "../channel/channel.ts";
import type { MethodSpec } from "../dispatch/handlers.ts";
import { ByteReader } from "./byte_reader.ts";
import { serverLog } from "../core/log.ts";
import type { Router } from "../dispatch/router.ts";
import type { Session } from "../client/session.ts";
import type { CallOptions, HandlerContext } from "../core/types.ts";

/** Metadata key of the announced length in bytes, in request metadata and response headers. */
export const LENGTH_KEY = "vrpc-length";

/**
 * Default size of chunks, in bytes: with its prefix, one fits into an HTTP/2 frame of 16,384. Larger chunks are no
 * faster, and V8 lets tens of MiB of them accumulate before it collects them.
 */
export const DEFAULT_CHUNK_BYTES = 16_376;

/** Handles a call of a byte-stream method. Must reply once, through `stream`. */
export type ByteStreamHandler = (
  stream: ByteStreamOperator,
  context: HandlerContext,
) => Promise<void> | void;

/**
 * Adds a method whose request and reply are streams of bytes. Request bytes that the handler does not read are discarded.
 * A handler that does not reply, replies twice, or writes another length than it announced gets a TypeError, and its
 * call ends with INTERNAL.
 *
 * ```ts ignore
 * addByteStream(router, "/store", { description: "keeps a file" }, async (stream) => {
 *   await stream.readable.pipeTo(file.writable);
 *   await stream.writeNothing();
 * });
 * ```
 */
export function addByteStream(
  router: Router,
  name: string,
  spec: Omit<MethodSpec, "kind" | "requestCodec" | "responseCodec">,
  handler: ByteStreamHandler,
): void {
  checkFunctions("handler", [handler]);
  router.method(
    name,
    {
      ...spec,
      requestType: spec.requestType ?? "a stream of bytes",
      responseType: spec.responseType ?? "a stream of bytes",
      kind: "bidi_streaming",
    },
    async (requests, context) => {
      const stream = new ByteStreamOperator(requests, context);
      try {
        await handler(stream, context);
        stream.finish();
      } catch (error) {
        if (!(error instanceof ByteStreamMisuse)) throw error;
        serverLog.error("{error}", { error });
        throw error.cause;
      }
    },
  );
}

/** Request and reply of a byte-stream method, for its handler. */
export class ByteStreamOperator {
  readonly #context: HandlerContext;
  readonly #reader: ByteReader;
  #replied = false;
  #replying = false;
  #misuse: string | undefined = undefined;

  /** Created by {@link addByteStream}. */
  constructor(requests: AsyncIterable<Uint8Array>, context: HandlerContext) {
    this.#context = context;
    this.#reader = new ByteReader(requests, announcedLength(context.metadata));
  }

  /** Number of request bytes left to read; Infinity if the caller announced no length, until the end is reached. */
  get remaining(): number {
    return this.#reader.remaining;
  }

  /**
   * Reads `count` bytes, or fewer at the end of the request. Rejects with an RpcError when the call has ended or the
   * length differs from the announced one, with RangeError for an invalid count.
   */
  read(count: number): Promise<Uint8Array> {
    return this.#reader.read(count);
  }

  /** Request bytes that were not read yet, as a stream; use it instead of `read`. */
  get readable(): ReadableStream<Uint8Array> {
    return this.#reader.readable;
  }

  /** Replies with these bytes. */
  async write(buffer: Uint8Array): Promise<void> {
    this.#begin(buffer.length);
    for (let at = 0; at < buffer.length; at += DEFAULT_CHUNK_BYTES) {
      await this.#send(buffer.subarray(at, at + DEFAULT_CHUNK_BYTES));
    }
    this.#replied = true;
  }

  /** Replies with `count` bytes of a stream, in chunks of at most `chunkBytes` (1 or more, default 16,376). */
  async writeFrom(
    readable: ReadableStream<Uint8Array>,
    count: number,
    chunkBytes: number = DEFAULT_CHUNK_BYTES,
  ): Promise<void> {
    if (!(Number.isInteger(chunkBytes) && chunkBytes >= 1)) {
      throw new RangeError(
        `Cannot use chunkBytes ${chunkBytes}: it must be a whole number of 1 or more`,
      );
    }
    this.#begin(count);
    let sum = 0;
    for await (const piece of readable) {
      if (!isBytes(piece)) this.#fault(`the handler wrote a ${typeof piece}, not a Uint8Array`);
      sum += piece.length;
      if (sum > count) this.#fault(`the handler announced ${count} bytes and wrote ${sum} or more`);
      for (let at = 0; at < piece.length; at += chunkBytes) {
        await this.#send(piece.subarray(at, at + chunkBytes));
      }
    }
    if (sum < count) this.#fault(`the handler announced ${count} bytes and wrote ${sum}`);
    this.#replied = true;
  }

  /** Replies with OK and no bytes. */
  writeNothing(): Promise<void> {
    return this.write(new Uint8Array(0));
  }

  /** Ends the call with a status by throwing it as an RpcError. */
  fail(code: Status, message: string): never {
    if (this.#replying) this.#fault("the handler replied twice");
    throw new RpcError(code, message);
  }

  /** Checks that the handler has replied. Called by {@link addByteStream} once the handler has ended. */
  finish(): void {
    // After a misuse of the stream the call fails even if the handler caught the TypeError.
    if (this.#misuse) this.#fault(this.#misuse);
    if (!this.#replying) this.#fault("the handler did not reply");
    if (!this.#replied) this.#fault("the handler ended before its reply was complete");
  }

  #begin(count: number): void {
    if (!(Number.isSafeInteger(count) && count >= 0)) {
      throw new RangeError(
        `Cannot reply with ${count} bytes: it must be a whole number of 0 or more`,
      );
    }
    if (this.#replying) this.#fault("the handler replied twice");
    this.#replying = true;
    this.#context.responseHeaders.set(LENGTH_KEY, String(count));
    this.#context.sendHeaders();
  }

  #send(chunk: Uint8Array): Promise<void> {
    return this.#context.stream.write(chunk);
  }

  #fault(what: string): never {
    this.#misuse ??= what;
    const text = `Cannot reply to ${this.#context.method.path}: ${what}`;
    throw new ByteStreamMisuse(text, { cause: internal(what) });
  }
}

/** Thrown to a handler that misuses its stream; the call ends with the `cause` of this error. */
class ByteStreamMisuse extends TypeError {}

function internal(what: string): RpcError {
  return new RpcError(Status.INTERNAL, `The reply is not valid: ${what}`);
}

function announcedLength(metadata: Metadata): number | undefined {
  const text = metadata.get(LENGTH_KEY);
  if (text === undefined) return undefined;
  const count = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (Number.isSafeInteger(count)) return count;
  throw new RpcError(Status.INVALID_ARGUMENT, `Cannot read ${LENGTH_KEY} "${text.slice(0, 40)}"`);
}

/** Reply of a byte-stream method. */
export interface ByteStreamReply {
  /** Announced length in bytes; undefined if the server announced none. */
  readonly length: number | undefined;
  /** Bytes of the reply. Cancelling it cancels the call; errors with the RpcError of the call. */
  readonly readable: ReadableStream<Uint8Array>;
}

/**
 * Calls a byte-stream method: sends `request` in chunks of `chunkBytes` (default 16,376) while the reply is read.
 * Resolves at the response headers; rejects with the RpcError of the call. `count` announces the length in bytes of a
 * `request` that is a stream.
 */
export async function callByteStream(
  channel: Channel,
  path: string,
  request: Uint8Array | ReadableStream<Uint8Array>,
  options: CallOptions & { count?: number; chunkBytes?: number } = {},
): Promise<ByteStreamReply> {
  const { chunkBytes = DEFAULT_CHUNK_BYTES, ...callOptions } = options;
  const count = request instanceof Uint8Array ? request.length : options.count;
  const metadata = new Metadata(options.metadata);
  if (count !== undefined) metadata.set(LENGTH_KEY, String(count));
  const headers = deferred<Metadata>();
  const session = channel.session(path, {
    ...callOptions,
    metadata,
    onHeaders: (received) => {
      headers.resolve(received);
      return options.onHeaders?.(received);
    },
  });
  let sendFailure: unknown;
  const sending = (async () => {
    const pieces = request instanceof Uint8Array ? [request] : request;
    for await (const piece of pieces) {
      if (!isBytes(piece)) throw new TypeError(`Cannot send a ${typeof piece} as bytes`);
      for (let at = 0; at < piece.length; at += chunkBytes) {
        await session.send(piece.subarray(at, at + chunkBytes));
      }
    }
    session.closeSend();
  })().catch((error) => {
    sendFailure = error;
    // The call is cancelled when the request's source fails: a half-close would make the request look complete.
    if (!(error instanceof RpcError)) session.cancel();
  });
  const failed = (error: unknown) =>
    sendFailure !== undefined && !(sendFailure instanceof RpcError) ? sendFailure : error;
  const first = session.receive();
  try {
    // Without headers the call has failed or has no reply bytes; the first read shows which.
    const received = await Promise.race([headers.promise, first.then(() => undefined)]);
    const reader = new ByteReader(
      new Chunks(session, first, failed, sending),
      received && announcedLength(received),
    );
    return { length: received && announcedLength(received), readable: reader.readable };
  } catch (error) {
    // A reply with an announced length that is not valid leaves the call open.
    session.cancel();
    await sending;
    throw failed(error);
  }
}

/** Chunks of the reply. Not a generator: `return()` before the first `next()` would not cancel the call. */
class Chunks implements AsyncIterableIterator<Uint8Array, void, void> {
  #first: Promise<Uint8Array | null> | undefined;
  #ended = false;

  constructor(
    readonly session: Pick<Session, "receive" | "cancel">,
    first: Promise<Uint8Array | null>,
    readonly failed: (error: unknown) => unknown,
    readonly sending: Promise<void>,
  ) {
    this.#first = first;
  }

  async next(): Promise<IteratorResult<Uint8Array, void>> {
    try {
      const chunk = this.#ended ? null : await (this.#first ?? this.session.receive());
      this.#first = undefined;
      if (chunk !== null) return { done: false, value: chunk };
      this.#ended = true;
      return { done: true, value: undefined };
    } catch (error) {
      this.#ended = true;
      await this.sending;
      throw this.failed(error);
    }
  }

  return(): Promise<IteratorResult<Uint8Array, void>> {
    if (!this.#ended) this.session.cancel();
    this.#ended = true;
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
