/**
 * Payloads too large to hold: a method that reads its request and writes its reply piece by piece. On the
 * wire it is a bidirectional stream of chunks, so the message limit holds for each chunk and not for the
 * whole, and flow control for both ways. Either side may announce its length in the metadata.
 *
 * @module
 */

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

/** The metadata key that announces how many bytes follow, in requests and in response headers. */
export const LENGTH_KEY = "vrpc-length";

/**
 * How large chunks are unless said otherwise, in bytes: with its header, one fits into an HTTP/2 frame.
 * Larger ones are no faster, and V8 lets tens of MiB of them pile up before it collects them.
 */
export const DEFAULT_CHUNK_BYTES = 16_376;

/** Handles a call of a byte-stream method; answers once, through `stream`. */
export type ByteStreamHandler = (
  stream: ByteStreamOperator,
  context: HandlerContext,
) => Promise<void> | void;

/**
 * Adds a method whose requests and replies are streams of bytes. What the handler doesn't read is discarded.
 * A handler that does not answer, answers twice, or writes more or less than it announced gets a TypeError
 * and its caller INTERNAL.
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
  router.method(
    name,
    {
      requestType: "a stream of bytes",
      responseType: "a stream of bytes",
      ...spec,
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

/** What the handler of a byte-stream method reads from and answers through. */
export class ByteStreamOperator {
  readonly #context: HandlerContext;
  readonly #reader: ByteReader;
  #answered = false;
  #answering = false;
  #misuse: string | undefined = undefined;

  /** For {@link addByteStream}. */
  constructor(requests: AsyncIterable<Uint8Array>, context: HandlerContext) {
    this.#context = context;
    this.#reader = new ByteReader(requests, announced(context.metadata));
  }

  /** How many bytes are still to be read; Infinity when the caller has not announced them, until their end. */
  get remaining(): number {
    return this.#reader.remaining;
  }

  /**
   * Reads `count` bytes, or fewer at the end of the request. Rejects with an RpcError when the call is over,
   * or the caller sends other than it announced.
   */
  read(count: number): Promise<Uint8Array> {
    return this.#reader.read(count);
  }

  /** What was not read yet, as a stream; use it instead of `read`. */
  get readable(): ReadableStream<Uint8Array> {
    return this.#reader.readable;
  }

  /** Answers with these bytes. */
  async write(buffer: Uint8Array): Promise<void> {
    this.#begin(buffer.length);
    for (let at = 0; at < buffer.length; at += DEFAULT_CHUNK_BYTES) {
      await this.#send(buffer.subarray(at, at + DEFAULT_CHUNK_BYTES));
    }
    this.#answered = true;
  }

  /** Answers with `count` bytes of a stream, in chunks of up to `chunkBytes` (default 16,376). */
  async writeFrom(
    readable: ReadableStream<Uint8Array>,
    count: number,
    chunkBytes: number = DEFAULT_CHUNK_BYTES,
  ): Promise<void> {
    if (!(Number.isInteger(chunkBytes) && chunkBytes >= 1)) {
      throw new RangeError(`Cannot use chunkBytes ${chunkBytes}: it must be 1 or more`);
    }
    this.#begin(count);
    let sum = 0;
    for await (const piece of readable) {
      sum += piece.length;
      if (sum > count) this.#fault(`the handler announced ${count} bytes and wrote ${sum} or more`);
      for (let at = 0; at < piece.length; at += chunkBytes) {
        await this.#send(piece.subarray(at, at + chunkBytes));
      }
    }
    if (sum < count) this.#fault(`the handler announced ${count} bytes and wrote ${sum}`);
    this.#answered = true;
  }

  /** Answers with OK and no bytes. */
  writeNothing(): Promise<void> {
    return this.write(new Uint8Array(0));
  }

  /** Answers with a status: throws it, which is how handlers end. */
  fail(code: Status, message: string): never {
    if (this.#answering) this.#fault("the handler answered twice");
    throw new RpcError(code, message);
  }

  /** The handler has ended. For {@link addByteStream}. */
  finish(): void {
    // A handler that has caught its own fault still fails the call.
    if (this.#misuse) this.#fault(this.#misuse);
    if (!this.#answering) this.#fault("the handler did not answer");
    if (!this.#answered) this.#fault("the handler ended before its answer did");
  }

  #begin(count: number): void {
    if (!(Number.isSafeInteger(count) && count >= 0)) {
      throw new RangeError(`Cannot announce ${count} bytes`);
    }
    if (this.#answering) this.#fault("the handler answered twice");
    this.#answering = true;
    this.#context.responseHeaders.set(LENGTH_KEY, String(count));
    this.#context.sendHeaders();
  }

  #send(chunk: Uint8Array): Promise<void> {
    return this.#context.stream.write(chunk);
  }

  #fault(what: string): never {
    this.#misuse ??= what;
    const text = `Cannot answer ${this.#context.method.path}: ${what}`;
    throw new ByteStreamMisuse(text, { cause: internal(what) });
  }
}

/** The developer's view of a misused operator; what the caller gets is its `cause`. */
class ByteStreamMisuse extends TypeError {}

function internal(what: string): RpcError {
  return new RpcError(Status.INTERNAL, `The answer is broken: ${what}`);
}

function announced(metadata: Metadata): number | undefined {
  const text = metadata.get(LENGTH_KEY);
  if (text === undefined) return undefined;
  const count = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (Number.isSafeInteger(count)) return count;
  throw new RpcError(Status.INVALID_ARGUMENT, `Cannot read ${LENGTH_KEY} "${text.slice(0, 40)}"`);
}

/** What a byte-stream method answered. */
export interface ByteStreamReply {
  /** How many bytes there are; undefined when the server has not announced them. */
  readonly length: number | undefined;
  /** The bytes. Cancelling it cancels the call. Fails with an RpcError when the call does. */
  readonly readable: ReadableStream<Uint8Array>;
}

/**
 * Calls a byte-stream method: sends `request` in chunks while the reply is read. Resolves with the reply's
 * headers; rejects with the call's RpcError. `count` is announced when `request` is a stream whose length
 * is known.
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
  const headers = Promise.withResolvers<Metadata>();
  const session = channel.session(path, {
    ...callOptions,
    metadata,
    onHeaders: (received) => {
      options.onHeaders?.(received);
      headers.resolve(received);
    },
  });
  let sendFailure: unknown;
  const sending = (async () => {
    const pieces = request instanceof Uint8Array ? [request] : request;
    for await (const piece of pieces) {
      for (let at = 0; at < piece.length; at += chunkBytes) {
        await session.send(piece.subarray(at, at + chunkBytes));
      }
    }
    session.closeSend();
  })().catch((error) => {
    sendFailure = error;
    // When the source fails, the call must not end as if it were complete.
    if (!(error instanceof RpcError)) session.cancel();
  });
  const failed = (error: unknown) =>
    sendFailure !== undefined && !(sendFailure instanceof RpcError) ? sendFailure : error;
  const first = session.receive();
  try {
    // Without headers the call has failed or is empty: then the first read says so.
    const received = await Promise.race([headers.promise, first.then(() => undefined)]);
    const reader = new ByteReader(
      new Chunks(session, first, failed, sending),
      received && announced(received),
    );
    return { length: received && announced(received), readable: reader.readable };
  } catch (error) {
    // Where it is the announced length that can't be read, the call would go on.
    session.cancel();
    await sending;
    throw failed(error);
  }
}

/** The reply's chunks. No generator, which would not hear of an end before the first read. */
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
