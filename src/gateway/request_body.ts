/**
 * Reads JSON bodies up to a limit, and the messages in them.
 *
 * @module
 */

import type { Message } from "@bufbuild/protobuf";
import { Status } from "../call/status.ts";
import { JsonLimitError, type JsonMessageCodec } from "../codec/proto_json.ts";
import { RpcError } from "../errors.ts";
import { AddressShares } from "../limits/address_shares.ts";
import { MemoryPool, MemoryShare } from "../limits/memory_pool.ts";
import { HttpBodyError } from "../rpc/http/handler.ts";
import type { BodyAccount } from "../rpc/http/request_body.ts";
import { clientAddress, gatherBody } from "../rpc/http/request.ts";

/** Rejected request: an HTTP status and an error. */
export class BadRequest extends Error {
  override readonly name = "BadRequest";

  /** `error` becomes the body of the response; `closes`: no further request may follow on the connection. */
  constructor(
    readonly httpStatus: number,
    readonly error: RpcError,
    readonly closes: boolean = false,
  ) {
    super(error.message);
  }
}

/** Returns whether a content-type is `application/json`, with or without a charset of UTF-8. */
export function isJson(contentType: string | null): boolean {
  return contentType === "application/json" ||
    /^\s*application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i.test(contentType ?? "");
}

/** Bytes of the bodies that are being read, over all requests. */
export class BodyPool {
  readonly #memory: MemoryPool;
  readonly #shares: AddressShares;

  /** `limitBytes`: limit on the bytes held at once. */
  constructor(readonly limitBytes: number) {
    this.#memory = new MemoryPool(limitBytes);
    this.#shares = new AddressShares(this.#memory);
  }

  /** Bytes held now. */
  get used(): number {
    return this.#memory.used;
  }

  /** Returns the share of a client, or of one request whose client is unknown. A known one needs a later `release`. */
  acquire(client: string | undefined): MemoryShare {
    return client === undefined ? new MemoryShare(this.#memory) : this.#shares.acquire(client);
  }

  /** Ends one use of the share of a client. */
  release(client: string | undefined): void {
    if (client !== undefined) this.#shares.release(client);
  }
}

/** Bounds of reading one body. */
export interface BodyLimits {
  /** Largest body, in bytes. */
  readonly maxBytes: number;
  /** Pool that arriving bytes are charged to until the body is complete. */
  readonly pool: BodyPool;
  /** Time until the body must be complete, in ms. */
  readonly timeoutMs: number;
}

/** Bytes of one body, in the share of its client. */
class BodyShare implements BodyAccount {
  readonly #limits: BodyLimits;
  readonly #share: MemoryShare;
  readonly #isShared: boolean;
  #held = 0;

  /** `client` is undefined when it is unknown: only the limit of the whole pool then applies. */
  constructor(limits: BodyLimits, client: string | undefined) {
    this.#limits = limits;
    this.#share = limits.pool.acquire(client);
    this.#isShared = client !== undefined;
  }

  /** Throws BadRequest: 413 beyond the limit of the body, 503 beyond that of the pool or the client's share. */
  take(bytes: number): void {
    const { maxBytes, pool } = this.#limits;
    if (this.#held + bytes > maxBytes) throw tooLarge(maxBytes);
    const fits = this.#isShared ? this.#share.allows(bytes) : pool.used + bytes <= pool.limitBytes;
    if (!fits) {
      throw poolFull(
        `Too many bytes of unfinished bodies, limit is ${pool.limitBytes}: try again later`,
      );
    }
    this.#share.take(bytes);
    this.#held += bytes;
  }

  give(bytes: number): void {
    this.#share.give(bytes);
    this.#held -= bytes;
  }

  /** Frees all bytes. */
  giveAll(): void {
    this.give(this.#held);
  }
}

// Bodies with a content-length up to this are read in one step, which takes half the time, and are not charged to the
// pool: a connection's own read buffer is as large.
const SMALL_BYTES = 8_192;
// Longest delay of a timer.
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Reads the body of JSON. Throws BadRequest: 415 for another content-type, 413 when larger than its limit, 503 when the
 * pool is full, 504 when it is incomplete at its time limit.
 */
export async function readJson(request: Request, limits: BodyLimits): Promise<Uint8Array> {
  const contentType = request.headers.get("content-type");
  if (!isJson(contentType)) {
    const what = contentType === null ? "none is given" : `it is ${JSON.stringify(contentType)}`;
    throw new BadRequest(
      415,
      new RpcError(Status.INVALID_ARGUMENT, `The content-type must be application/json; ${what}`),
    );
  }
  const announced = Number(request.headers.get("content-length") ?? "0");
  if (announced > limits.maxBytes) throw tooLarge(limits.maxBytes);
  if (announced > 0 && announced <= SMALL_BYTES) return await readWhole(request.bytes(), limits);
  const client = clientAddress(request);
  const share = new BodyShare(limits, client);
  try {
    const whole = gatherBody(request, share);
    return whole === undefined
      ? await readStream(request, limits, share)
      : await readWhole(whole, limits);
  } finally {
    limits.pool.release(client);
  }
}

async function readStream(
  request: Request,
  limits: BodyLimits,
  share: BodyShare,
): Promise<Uint8Array> {
  if (request.body === null) return new Uint8Array(0);
  const reader = request.body.getReader();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    // Makes a pending read resolve as if the body had ended.
    reader.cancel().catch(() => {});
  }, Math.min(limits.timeoutMs, MAX_TIMER_MS));
  try {
    const bytes = await readAll(reader, share);
    if (late) throw tooLate(limits.timeoutMs);
    return bytes;
  } catch (error) {
    if (late) throw tooLate(limits.timeoutMs);
    reader.cancel().catch(() => {});
    if (error instanceof BadRequest) throw error;
    return cutShort();
  } finally {
    clearTimeout(timer);
  }
}

async function readWhole(
  whole: Promise<Uint8Array>,
  { maxBytes, timeoutMs }: BodyLimits,
): Promise<Uint8Array> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tooLate(timeoutMs)), Math.min(timeoutMs, MAX_TIMER_MS));
  });
  try {
    const bytes = await Promise.race([whole, deadline]);
    if (bytes.length > maxBytes) throw tooLarge(maxBytes);
    return bytes;
  } catch (error) {
    if (error instanceof BadRequest) throw error;
    if (error instanceof HttpBodyError && error.status === 503) throw poolFull(error.message);
    return cutShort();
  } finally {
    clearTimeout(timer);
  }
}

function cutShort(): never {
  throw new BadRequest(499, new RpcError(Status.CANCELLED, "The body ended before its length"));
}

async function readAll(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  share: BodyShare,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      share.take(value.length);
      length += value.length;
      parts.push(value);
    }
    if (parts.length === 1) return parts[0];
    const all = new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  } finally {
    share.giveAll();
  }
}

function poolFull(message: string): BadRequest {
  return new BadRequest(503, new RpcError(Status.RESOURCE_EXHAUSTED, message), true);
}

function tooLate(timeoutMs: number): BadRequest {
  return new BadRequest(
    504,
    new RpcError(
      Status.DEADLINE_EXCEEDED,
      `The body is not complete after ${timeoutMs.toFixed(0)} ms`,
    ),
    true,
  );
}

function tooLarge(maxBytes: number): BadRequest {
  return new BadRequest(
    413,
    new RpcError(Status.RESOURCE_EXHAUSTED, `The body is too large, limit is ${maxBytes} bytes`),
    true,
  );
}

/**
 * Decodes the message in a body; an empty body is a message without fields. Throws BadRequest: 400 with the position of
 * what is wrong, 413 for JSON beyond the codec's limits.
 */
export function decodeBody(body: Uint8Array, codec: JsonMessageCodec): Message {
  try {
    return codec.decode(body.every((byte) => byte <= 0x20) ? "{}" : body);
  } catch (error) {
    const { message } = error as Error;
    if (error instanceof JsonLimitError) {
      throw new BadRequest(
        413,
        new RpcError(Status.RESOURCE_EXHAUSTED, `The body is too complex: ${message}`),
      );
    }
    const problem = error instanceof SyntaxError
      ? `valid JSON: ${message}`
      : `a valid ${codec.descriptor.typeName} message: ${message}`;
    throw new BadRequest(
      400,
      new RpcError(Status.INVALID_ARGUMENT, `The body is not ${problem}`),
    );
  }
}
