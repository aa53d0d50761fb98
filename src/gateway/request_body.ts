/**
 * Reads JSON bodies up to a limit and locates syntax errors.
 *
 * @module
 */

import { Status } from "../call/status.ts";
import { JsonLimitError } from "../codec/json_numbers.ts";
import { type ExactJson, MAX_DEPTH, parseExactJson } from "../codec/proto_json.ts";
import { RpcError } from "../errors.ts";

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
      throw new BadRequest(
        503,
        new RpcError(
          Status.RESOURCE_EXHAUSTED,
          `Too many bytes of unfinished bodies, limit is ${this.limitBytes}: try again later`,
        ),
        true,
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

// Bodies with a content-length up to this are read in one step, which takes half the time, and are not charged to the
// pool: a connection's own read buffer is as large.
const SMALL_BYTES = 8_192;
// Longest delay of a timer.
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Reads the body as text. Throws BadRequest: 415 for another content-type, 413 when larger than its limit, 503 when the
 * pool is full, 504 when it is incomplete at its time limit.
 */
export async function readJsonText(request: Request, limits: BodyLimits): Promise<string> {
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
  if (announced > 0 && announced <= SMALL_BYTES) return await readSmall(request, limits.timeoutMs);
  if (request.body === null) return "";
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
    return new TextDecoder().decode(bytes);
  } catch (error) {
    if (late) throw tooLate(limits.timeoutMs);
    reader.cancel().catch(() => {});
    if (error instanceof BadRequest) throw error;
    return cutShort();
  } finally {
    clearTimeout(timer);
  }
}

async function readSmall(request: Request, timeoutMs: number): Promise<string> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tooLate(timeoutMs)), Math.min(timeoutMs, MAX_TIMER_MS));
  });
  try {
    return await Promise.race([request.text().catch(cutShort), deadline]);
  } finally {
    clearTimeout(timer);
  }
}

function cutShort(): never {
  throw new BadRequest(499, new RpcError(Status.CANCELLED, "The body ended before its length"));
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
 * Parses JSON; empty text is an empty object. Throws BadRequest: 400 with the position of the error, 413 for text that
 * nests deeper than messages can, or beyond `maxElements` (objects, lists, members, long numbers).
 */
export function parseJson(text: string, maxElements = Infinity): ExactJson {
  if (text.trim() === "") return { value: {}, mark: null };
  try {
    return parseExactJson(text, { maxDepth: MAX_DEPTH, maxElements });
  } catch (error) {
    if (error instanceof JsonLimitError) {
      throw new BadRequest(
        413,
        new RpcError(Status.RESOURCE_EXHAUSTED, `The body is too complex: ${error.message}`),
      );
    }
    throw new BadRequest(
      400,
      new RpcError(
        Status.INVALID_ARGUMENT,
        `The body is not valid JSON: ${whereItIsWrong((error as Error).message, text)}`,
      ),
    );
  }
}

// Longest text in which an error is located: every step of the search parses it again.
const MAX_SEARCHED_CHARS = 65_536;

// V8 reports the position, except for unexpected tokens and the end of input.
function whereItIsWrong(message: string, text: string): string {
  if (/position \d+/.test(message)) return message;
  if (!message.startsWith("Unexpected token")) return `${message} at position ${text.length}`;
  const [what] = message.split(",");
  if (text.length > MAX_SEARCHED_CHARS) return what;
  // Binary search: an error in a prefix is an error in every longer prefix.
  let good = 0;
  let bad = text.length;
  while (bad - good > 1) {
    const middle = (good + bad) >>> 1;
    if (hasUnexpectedToken(text.slice(0, middle))) bad = middle;
    else good = middle;
  }
  return `${what} at position ${bad - 1}`;
}

function hasUnexpectedToken(text: string): boolean {
  try {
    JSON.parse(text);
    return false;
  } catch (error) {
    return (error as Error).message.startsWith("Unexpected token");
  }
}
