/**
 * Reads JSON bodies up to a limit, and the messages in them.
 *
 * @module
 */

import type { Message } from "@bufbuild/protobuf";
import { Status } from "../call/status.ts";
import { JsonLimitError, type JsonMessageCodec } from "../codec/proto_json.ts";
import { RpcError } from "../errors.ts";
import { HttpBodyError } from "../rpc/http/handler.ts";
import type { BodyAccount } from "../rpc/http/request_body.ts";
import { gatherBody } from "../rpc/http/request.ts";

/** Rejected request: an HTTP status and an error. */
export class BadRequest extends Error {
  override readonly name = "BadRequest";

  /**
   * `error` becomes the body of the response; `closes`: no further request may follow on the connection; `allow`: methods
   * that the response to a wrong one names.
   */
  constructor(
    readonly httpStatus: number,
    readonly error: RpcError,
    readonly closes: boolean = false,
    readonly allow?: string,
  ) {
    super(error.message);
  }
}

/** Returns whether a content-type is `application/json`, with or without a charset of UTF-8. */
export function isJson(contentType: string | null): boolean {
  return contentType === "application/json" || essence(contentType) === "application/json";
}

/** Returns whether a content-type is one of JSON Lines, with or without a charset of UTF-8. */
export function isJsonLines(contentType: string | null): boolean {
  return /^application\/(?:x-ndjson|jsonl)$/.test(essence(contentType) ?? "");
}

/** Media type without a charset of UTF-8, in lower case; undefined for one with other parameters. */
function essence(contentType: string | null): string | undefined {
  return /^\s*([^\s;]+)\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i.exec(contentType ?? "")?.[1]
    .toLowerCase();
}

/** Bytes of the bodies that are being read, over all requests. */
export class BodyPool {
  #used = 0;

  /** `limitBytes`: limit on the bytes held at once. */
  constructor(readonly limitBytes: number) {}

  /** Bytes held now. */
  get used(): number {
    return this.#used;
  }

  /** Holds `count` more bytes. Throws BadRequest (503) beyond the limit. */
  take(count: number): void {
    if (this.#used + count > this.limitBytes) {
      throw poolFull(
        `Too many bytes of unfinished bodies, limit is ${this.limitBytes}: try again later`,
      );
    }
    this.#used += count;
  }

  /** Frees `count` bytes. */
  give(count: number): void {
    this.#used -= count;
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

/** Bytes of one body. */
class BodyShare implements BodyAccount {
  readonly #limits: BodyLimits;
  #held = 0;

  constructor(limits: BodyLimits) {
    this.#limits = limits;
  }

  take(bytes: number): void {
    const { maxBytes, pool } = this.#limits;
    if (this.#held + bytes > maxBytes) throw tooLarge(maxBytes);
    pool.take(bytes);
    this.#held += bytes;
  }

  give(bytes: number): void {
    this.#limits.pool.give(bytes);
    this.#held -= bytes;
  }
}

// Bodies with a content-length up to this are read in one step, which takes half the time, and are not charged to the
// pool: a connection's own read buffer is as large.
const SMALL_BYTES = 8_192;
// Longest delay of a timer.
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Throws BadRequest (415) unless the content-type of a request is JSON. */
export function requireJson(request: Request): void {
  const contentType = request.headers.get("content-type");
  if (!isJson(contentType)) throw wrongType(contentType, "application/json");
}

/** Returns what a content-type that is not one of `allowed` is answered with. */
export function wrongType(contentType: string | null, allowed: string): BadRequest {
  const what = contentType === null ? "none is given" : `it is ${JSON.stringify(contentType)}`;
  const text = `The content-type must be ${allowed}; ${what}`;
  return new BadRequest(415, new RpcError(Status.INVALID_ARGUMENT, text));
}

/**
 * Reads the body. Throws BadRequest: 413 when larger than its limit, 503 when the pool is full, 504 when it is incomplete
 * at its time limit.
 */
export async function readBody(request: Request, limits: BodyLimits): Promise<Uint8Array> {
  const announced = Number(request.headers.get("content-length") ?? "0");
  if (announced > limits.maxBytes) throw tooLarge(limits.maxBytes);
  const small = announced > 0 && announced <= SMALL_BYTES;
  const whole = small ? request.bytes() : gatherBody(request, new BodyShare(limits));
  if (whole !== undefined) return await readWhole(whole, limits);
  if (request.body === null) return new Uint8Array(0);
  const reader = request.body.getReader();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    // Makes a pending read resolve as if the body had ended.
    reader.cancel().catch(() => {});
  }, Math.min(limits.timeoutMs, MAX_TIMER_MS));
  try {
    const bytes = await readAll(reader, limits);
    if (late) throw tooLate(limits.timeoutMs);
    return bytes;
  } catch (error) {
    if (late) throw tooLate(limits.timeoutMs);
    reader.cancel().catch(() => {});
    throw bodyError(error);
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
    throw bodyError(error);
  } finally {
    clearTimeout(timer);
  }
}

/** Returns what a failure to read a body is answered with: 503 when the server's own pool is full, 499 when it was cut short. */
export function bodyError(error: unknown): BadRequest {
  if (error instanceof BadRequest) return error;
  if (error instanceof HttpBodyError && error.status === 503) return poolFull(error.message);
  return new BadRequest(499, new RpcError(Status.CANCELLED, "The body ended before its length"));
}

async function readAll(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  { maxBytes, pool }: BodyLimits,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (length + value.length > maxBytes) throw tooLarge(maxBytes);
      pool.take(value.length);
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
    pool.give(length);
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

/** Returns what a body, or a message of one, of more than `maxBytes` is answered with; `what` begins the text. */
export function tooLarge(maxBytes: number, what: string = "The body"): BadRequest {
  return new BadRequest(
    413,
    new RpcError(Status.RESOURCE_EXHAUSTED, `${what} is too large, limit is ${maxBytes} bytes`),
    true,
  );
}

/**
 * Decodes the message in a body; an empty body is a message without fields. Throws BadRequest: 400 with the position of
 * what is wrong, 413 for JSON beyond the codec's limits; `what` begins their texts.
 */
export function decodeBody(
  body: Uint8Array,
  codec: JsonMessageCodec,
  what: string = "The body",
): Message {
  try {
    return codec.decode(body.every((byte) => byte <= 0x20) ? "{}" : body);
  } catch (error) {
    const { message } = error as Error;
    if (error instanceof JsonLimitError) {
      throw new BadRequest(
        413,
        new RpcError(Status.RESOURCE_EXHAUSTED, `${what} is too complex: ${message}`),
      );
    }
    const problem = error instanceof SyntaxError
      ? `valid JSON: ${message}`
      : `a valid ${codec.descriptor.typeName} message: ${message}`;
    throw new BadRequest(
      400,
      new RpcError(Status.INVALID_ARGUMENT, `${what} is not ${problem}`),
    );
  }
}
