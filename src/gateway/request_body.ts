/**
 * Reads JSON bodies up to a limit and locates syntax errors.
 *
 * @module
 */

import { Status } from "../call/status.ts";
import { RpcError } from "../errors.ts";

/** Rejected request: an HTTP status and an error. */
export class BadRequest extends Error {
  override readonly name = "BadRequest";

  /** `error` becomes the body of the response. */
  constructor(readonly httpStatus: number, readonly error: RpcError) {
    super(error.message);
  }
}

/** Returns whether a content-type is `application/json`, with or without a charset of UTF-8. */
export function isJson(contentType: string | null): boolean {
  return contentType === "application/json" ||
    /^\s*application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i.test(contentType ?? "");
}

/** Reads the body as text, at most `maxBytes`. Throws BadRequest: 415 for another content-type, 413 when larger. */
export async function readJsonText(request: Request, maxBytes: number): Promise<string> {
  const contentType = request.headers.get("content-type");
  if (!isJson(contentType)) {
    const what = contentType === null ? "none is given" : `it is ${JSON.stringify(contentType)}`;
    throw new BadRequest(
      415,
      new RpcError(Status.INVALID_ARGUMENT, `The content-type must be application/json; ${what}`),
    );
  }
  const announced = Number(request.headers.get("content-length") ?? "0");
  if (announced > maxBytes) throw tooLarge(maxBytes);
  // The announced length is within the limit: no need to count while reading.
  if (announced > 0) return await request.text();
  if (request.body === null) return "";
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of request.body) {
    length += part.length;
    if (length > maxBytes) throw tooLarge(maxBytes);
    parts.push(part);
  }
  return await new Blob(parts as BlobPart[]).text();
}

function exactly(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  const source = context?.source;
  if (source === undefined || !/^-?[0-9]{1,30}$/.test(source)) return value;
  return BigInt(source) === BigInt(value) ? value : source;
}

function tooLarge(maxBytes: number): BadRequest {
  return new BadRequest(
    413,
    new RpcError(Status.RESOURCE_EXHAUSTED, `The body is too large, limit is ${maxBytes} bytes`),
  );
}

/**
 * Parses JSON; empty text is an empty object. With `exact`, whole numbers that a double can't hold become
 * strings, which 64-bit fields accept. Throws BadRequest (400) with the position of the error.
 */
export function parseJson(text: string, exact = false): unknown {
  if (text.trim() === "") return {};
  try {
    return exact && /[0-9]{16}/.test(text) ? JSON.parse(text, exactly) : JSON.parse(text);
  } catch (error) {
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
  const what = message.slice(0, message.indexOf(","));
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
