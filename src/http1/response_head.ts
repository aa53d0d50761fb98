/**
 * Parser of status lines and header sections of responses, and the length of their bodies (RFC 9112 §4 and §6.3), in
 * the strict reading: what two parsers could understand differently is refused.
 *
 * @module
 */

import { keepsAlive, lengthOf } from "./framing.ts";
import { CONTENT_LENGTH, type Refusal, STATUS_LINE, TRANSFER_ENCODING } from "./refusals.ts";
import { parseFields } from "./request_head.ts";

/** A response without its body. */
export interface ResponseHead {
  /** Status code, 100 to 999. */
  readonly status: number;
  /** 0 for HTTP/1.0, 1 for HTTP/1.1 and later. */
  readonly minorVersion: 0 | 1;
  /** Names in lower case and values, in turn, in the order of the message; one character per octet (RFC 9110 §5.5). */
  readonly fields: readonly string[];
  /** Length of the body in bytes; `CHUNKED` when it is not known, Infinity if the body ends with the connection. */
  readonly bodyBytes: number;
  /** Whether the server allows further requests on the connection. */
  readonly keepsAlive: boolean;
  /** Time for which the server keeps the connection open without a request, in ms; Infinity if it does not say. */
  readonly keepAliveMs: number;
}

const SPACE = 32;
const CR = 13;
// `HTTP/1.` with one digit, then one space.
const VERSION = [72, 84, 84, 80, 47, 49, 46];
const DIGIT_0 = 48;

/**
 * Parses the header section in `bytes[start..end)`, which ends with an empty line, of the response to a request with
 * `method`. Returns the response, or why it is refused.
 */
export function parseResponseHead(
  bytes: Uint8Array,
  start: number,
  end: number,
  method: string,
): ResponseHead | Refusal {
  for (let i = 0; i < VERSION.length; i++) {
    if (bytes[start + i] !== VERSION[i]) return STATUS_LINE;
  }
  const minor = bytes[start + 7] - DIGIT_0;
  if (minor < 0 || minor > 9 || bytes[start + 8] !== SPACE) return STATUS_LINE;
  let status = 0;
  for (let at = start + 9; at < start + 12; at++) {
    const digit = bytes[at] - DIGIT_0;
    if (!(digit >= 0 && digit <= 9)) return STATUS_LINE;
    status = status * 10 + digit;
  }
  if (status < 100) return STATUS_LINE;
  const fieldsStart = endOfReason(bytes, start + 12);
  if (fieldsStart < 0) return STATUS_LINE;
  const fields: string[] = [];
  const refused = parseFields(bytes, fieldsStart, end, fields);
  if (refused !== null) return refused;
  return frameResponse(status, minor === 0 ? 0 : 1, fields, method);
}

/**
 * Position after the reason phrase and its CRLF, or -1. The phrase and the space before it may be missing: many servers
 * leave out both (RFC 9112 §4).
 */
function endOfReason(bytes: Uint8Array, start: number): number {
  let at = start;
  if (bytes[at] === SPACE) {
    while (isText(bytes[at])) at++;
  }
  return bytes[at] === CR ? at + 2 : -1;
}

/** Whether an octet may stand in a reason phrase: HTAB, SP, VCHAR or obs-text. */
function isText(octet: number): boolean {
  return octet === 9 || octet >= SPACE && octet !== 127;
}

function frameResponse(
  status: number,
  minorVersion: 0 | 1,
  fields: readonly string[],
  method: string,
): ResponseHead | Refusal {
  let length: string | undefined;
  let coding: string | undefined;
  let connection: string | undefined;
  let keepAliveMs = Infinity;
  for (let i = 0; i < fields.length; i += 2) {
    const value = fields[i + 1];
    switch (fields[i]) {
      case "content-length":
        if (length !== undefined) return CONTENT_LENGTH;
        length = value;
        break;
      case "transfer-encoding":
        if (coding !== undefined) return TRANSFER_ENCODING;
        coding = value;
        break;
      case "connection":
        connection = connection === undefined ? value : `${connection},${value}`;
        break;
      case "keep-alive":
        keepAliveMs = Math.min(keepAliveMs, timeoutMs(value));
    }
  }
  const body = lengthOf({ length, coding }, minorVersion);
  if (typeof body !== "number") return body;
  // RFC 9112 §6.3: these have no body, whatever their fields say.
  const none = method === "HEAD" || status < 200 || status === 204 || status === 304;
  const bodyBytes = none ? 0 : length === undefined && coding === undefined ? Infinity : body;
  // RFC 9112 §6.1: neither field may stand in 1xx and 204. A server that sends one may send a body as well.
  const ambiguous = (status < 200 || status === 204) && body !== 0;
  return {
    status,
    minorVersion,
    fields,
    bodyBytes,
    keepsAlive: bodyBytes !== Infinity && !ambiguous && keepsAlive(connection, minorVersion),
    keepAliveMs,
  };
}

/** The parameter `timeout` of a Keep-Alive field, in ms (RFC 2068 §19.7.1.1); Infinity without it. */
function timeoutMs(value: string): number {
  const seconds = /(?:^|[,;\s])timeout=([0-9]{1,9})(?:$|[,;\s])/i.exec(value)?.[1];
  return seconds === undefined ? Infinity : Number(seconds) * 1_000;
}
