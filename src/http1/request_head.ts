/**
 * Parser of request lines and field lines (RFC 9112 §3 and §5), in the strict reading: what two parsers could
 * understand differently is refused.
 *
 * @module
 */

import { latin1 } from "../bytes/latin1.ts";
import { frameRequest, type RequestFraming } from "./framing.ts";
import {
  FIELD_NAME,
  FIELD_VALUE,
  METHOD,
  OBS_FOLD,
  type Refusal,
  REQUEST_LINE,
  TARGET,
  VERSION,
} from "./refusals.ts";
import { isTarget } from "./target.ts";

/** A request without its body. */
export interface RequestHead extends RequestFraming {
  /** Method, case-sensitive (RFC 9110 §9.1). */
  readonly method: string;
  /** Request target as it was sent: `/path?query`, `http://host/path` or `*` (RFC 9112 §3.2). */
  readonly target: string;
  /** 0 for HTTP/1.0, 1 for HTTP/1.1 and later. */
  readonly minorVersion: 0 | 1;
  /** Names in lower case and values, in turn, in the order of the message; one character per octet (RFC 9110 §5.5). */
  readonly fields: readonly string[];
}

const CR = 13;
const LF = 10;
const TAB = 9;
const SPACE = 32;
const COLON = 58;
const DIGIT_0 = 48;
// The longest registered methods have 17 letters.
const MAX_METHOD_BYTES = 24;
const HTTP_SLASH = [72, 84, 84, 80, 47];

// Bits of the table KINDS, which tells where an octet may stand: in a token (RFC 9110 §5.6.2) or in a field value (§5.5),
// and whether it is an upper-case letter.
const TOKEN = 1;
const UPPER = 2;
const VALUE = 4;
const KINDS = new Uint8Array(256);
for (const char of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") {
  KINDS[char.charCodeAt(0)] = TOKEN;
}
for (let upper = 65; upper <= 90; upper++) KINDS[upper] = TOKEN | UPPER;
for (let octet = 0; octet < 256; octet++) {
  if (octet === TAB || octet >= SPACE && octet !== 127) KINDS[octet] |= VALUE;
}

/**
 * Parses the header section in `bytes[start..end)`, which ends with an empty line. Returns the request, or why it is
 * refused.
 */
export function parseRequestHead(
  bytes: Uint8Array,
  start: number,
  end: number,
): RequestHead | Refusal {
  let at = start;
  if (bytes[at] === CR) at += 2;
  const methodStart = at;
  while ((KINDS[bytes[at]] & TOKEN) !== 0) at++;
  if (at === methodStart || bytes[at] !== SPACE) return REQUEST_LINE;
  if (at - methodStart > MAX_METHOD_BYTES) return METHOD;
  const method = latin1(bytes, methodStart, at);
  // CONNECT is refused: its target is an authority, and a 2xx response would start a tunnel (RFC 9110 §9.3.6).
  if (method === "CONNECT") return METHOD;
  const targetStart = ++at;
  while (bytes[at] > SPACE && bytes[at] < 127) at++;
  if (at === targetStart || bytes[at] !== SPACE) return REQUEST_LINE;
  const target = latin1(bytes, targetStart, at);
  const version = parseVersion(bytes, at + 1);
  if (typeof version !== "number") return version;
  if (!isTarget(method, target)) return TARGET;
  const fields: string[] = [];
  // The fields start after the 8 bytes of the version, the CRLF and the space before them.
  const refused = parseFields(bytes, at + 11, end, fields);
  if (refused !== null) return refused;
  const framing = frameRequest(version, target, fields);
  if ("status" in framing) return framing;
  const { authority, bodyBytes, keepsAlive, expectsContinue } = framing;
  return {
    method,
    target,
    minorVersion: version,
    fields,
    authority,
    bodyBytes,
    keepsAlive,
    expectsContinue,
  };
}

/** Reads `HTTP/1.1` and CRLF. RFC 9110 §2.5: a higher minor version is processed as 1.1. */
function parseVersion(bytes: Uint8Array, at: number): 0 | 1 | Refusal {
  for (let i = 0; i < HTTP_SLASH.length; i++) {
    if (bytes[at + i] !== HTTP_SLASH[i]) return REQUEST_LINE;
  }
  const major = bytes[at + 5] - DIGIT_0;
  const minor = bytes[at + 7] - DIGIT_0;
  const isDigits = major >= 0 && major <= 9 && minor >= 0 && minor <= 9;
  if (!isDigits || bytes[at + 6] !== 46 || bytes[at + 8] !== CR || bytes[at + 9] !== LF) {
    return REQUEST_LINE;
  }
  if (major !== 1) return VERSION;
  return minor === 0 ? 0 : 1;
}

/**
 * Parses the field lines in `bytes[start..end)`, which end with an empty line, into names and values in turn. Returns
 * why they are refused, or null.
 */
export function parseFields(
  bytes: Uint8Array,
  start: number,
  end: number,
  fields: string[],
): Refusal | null {
  const last = end - 2;
  for (let at = start; at < last;) {
    const nameStart = at;
    let seen = 0;
    let kind = KINDS[bytes[at]];
    while ((kind & TOKEN) !== 0) {
      seen |= kind;
      kind = KINDS[bytes[++at]];
    }
    if (bytes[at] !== COLON || at === nameStart) {
      return at === nameStart && (bytes[at] === SPACE || bytes[at] === TAB) ? OBS_FOLD : FIELD_NAME;
    }
    const name = latin1(bytes, nameStart, at);
    at++;
    while (bytes[at] === SPACE || bytes[at] === TAB) at++;
    const valueStart = at;
    while ((KINDS[bytes[at]] & VALUE) !== 0) at++;
    if (bytes[at] !== CR || bytes[at + 1] !== LF) return FIELD_VALUE;
    let valueEnd = at;
    while (
      valueEnd > valueStart && (bytes[valueEnd - 1] === SPACE || bytes[valueEnd - 1] === TAB)
    ) {
      valueEnd--;
    }
    at += 2;
    fields.push(
      (seen & UPPER) === 0 ? name : name.toLowerCase(),
      latin1(bytes, valueStart, valueEnd),
    );
  }
  return null;
}
