/**
 * Encoder of responses (RFC 9112 §4, §6 and §7).
 *
 * @module
 */

import type { ByteWriter } from "../bytes/writer.ts";
import { reasonPhrase } from "./reason_phrases.ts";

/** How the end of a response's body is marked (RFC 9112 §6.3). */
export const Framing = {
  /** There is no body: the response is to HEAD, or its status is 204 or 304. */
  NONE: 0,
  /** The body ends after Content-Length bytes. */
  LENGTH: 1,
  /** The body ends with the last chunk. */
  CHUNKED: 2,
  /** The body ends with the connection: HTTP/1.0, length not known. */
  CLOSE: 3,
} as const;

const NAME = /^[!#$%&'*+.^_`|~0-9a-zA-Z-]+$/;
// Octets that RFC 9110 §5.5 does not allow in a field value.
const BAD_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
// Fields that only the engine sets; a handler's value could contradict the framing.
const FRAMING_NAMES = new Set([
  ...["connection", "content-length", "keep-alive", "proxy-connection", "transfer-encoding"],
]);
const CRLF = "\r\n";
const statusLines = new Map<number, string>();

function statusLine(status: number): string {
  let line = statusLines.get(status);
  if (line === undefined) {
    if (!Number.isInteger(status) || status < 200 || status > 999) {
      throw new RangeError(`Cannot send status ${status}: it must be a whole number, 200 to 999`);
    }
    // A response states the version of the server, even if that of the request is lower (RFC 9110 §2.5).
    line = `HTTP/1.1 ${status} ${reasonPhrase(status)}${CRLF}`;
    statusLines.set(status, line);
  }
  return line;
}

/**
 * Formats the lines of `fields` (names and values in turn), without those that frame the message. Throws TypeError for
 * names and values that would break the message.
 */
export function fieldLines(fields: readonly string[]): string {
  let text = "";
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i];
    const value = fields[i + 1];
    if (!NAME.test(name)) {
      throw new TypeError(`Cannot send field ${JSON.stringify(name)}: it is no token`);
    }
    if (BAD_VALUE.test(value)) {
      throw new TypeError(
        `Cannot send field ${name}: its value has characters that are not allowed`,
      );
    }
    if (!FRAMING_NAMES.has(name.toLowerCase())) text += `${name}: ${value}${CRLF}`;
  }
  return text;
}

/** Lines of the fields that every response carries, formatted when the list has changed. */
export class CommonLines {
  #fields: readonly string[] = [];
  #lines = "";

  /** Returns the lines of `fields`. */
  of(fields: readonly string[]): string {
    if (fields !== this.#fields) {
      this.#fields = fields;
      this.#lines = fieldLines(fields);
    }
    return this.#lines;
  }
}

/** Appends text of characters up to U+00FF, one octet each. */
export function appendLatin1(out: ByteWriter, text: string): void {
  const { length } = text;
  const start = out.length;
  // Text without obs-text is ASCII and its UTF-8 is the same; any other character takes two octets in UTF-8.
  if (out.text(text) === length) return;
  out.length = start;
  out.reserve(length);
  for (let i = 0; i < length; i++) out.buffer[start + i] = text.charCodeAt(i);
  out.length = start + length;
}

/** What {@link appendHead} writes. */
export interface ResponseHead {
  readonly status: number;
  /** Names and values in turn. */
  readonly fields: readonly string[];
  /** Lines of further fields, formatted by {@link fieldLines}. */
  readonly commonLines: string;
  /** One of {@link Framing}. */
  readonly framing: number;
  /** Content-Length, -1 for none; a response to HEAD may state the length that its body would have. */
  readonly bodyBytes: number;
  /** `close`, `keep-alive` or empty. */
  readonly connection: string;
}

/** Appends status line and header section. Throws, with nothing appended, for a status or fields that are invalid. */
export function appendHead(out: ByteWriter, head: ResponseHead): void {
  const { status, framing, bodyBytes, connection } = head;
  let text = statusLine(status) + fieldLines(head.fields) + head.commonLines;
  if (framing === Framing.CHUNKED) text += "transfer-encoding: chunked\r\n";
  // RFC 9110 §8.6: Content-Length is not allowed in 204; in 304 it would be that of the 200, which is not known here.
  else if (bodyBytes >= 0 && status !== 204 && status !== 304) {
    text += `content-length: ${bodyBytes}${CRLF}`;
  }
  if (connection !== "") text += `connection: ${connection}${CRLF}`;
  appendLatin1(out, text + CRLF);
}

/** Appends a response with status 101 (RFC 9110 §15.2.2). */
export function appendSwitch(
  out: ByteWriter,
  protocol: string,
  fields: readonly string[],
  commonLines: string,
): void {
  const start = `HTTP/1.1 101 Switching Protocols${CRLF}connection: upgrade${CRLF}`;
  const lines = fieldLines(["upgrade", protocol, ...fields]);
  appendLatin1(out, `${start}${lines}${commonLines}${CRLF}`);
}

/** Appends one chunk; `bytes` must not be empty, which would end the body. */
export function appendChunk(out: ByteWriter, bytes: Uint8Array): void {
  out.text(bytes.length.toString(16) + CRLF);
  out.bytes(bytes);
  out.text(CRLF);
}

/** Appends the last chunk with trailers. */
export function appendLastChunk(out: ByteWriter, trailers: readonly string[]): void {
  appendLatin1(out, `0${CRLF}${fieldLines(trailers)}${CRLF}`);
}
