/**
 * Checks that a decoded header list is a well-formed request, response or trailer section (RFC 9113 §8.1 to §8.3).
 *
 * @module
 */

import { withoutOuterSpace } from "../call/field_text.ts";
import type { HeaderList } from "../hpack/header_list.ts";

/** Kinds of field names that the checks distinguish. */
const Kind = {
  REGULAR: 0,
  METHOD: 1,
  SCHEME: 2,
  AUTHORITY: 3,
  PATH: 4,
  STATUS: 5,
  CONNECTION: 6,
  TE: 7,
  CONTENT_LENGTH: 8,
  HOST: 9,
} as const;

const KINDS = new Map<string, number>([
  [":method", Kind.METHOD],
  [":scheme", Kind.SCHEME],
  [":authority", Kind.AUTHORITY],
  [":path", Kind.PATH],
  [":status", Kind.STATUS],
  ["connection", Kind.CONNECTION],
  ["proxy-connection", Kind.CONNECTION],
  ["keep-alive", Kind.CONNECTION],
  ["transfer-encoding", Kind.CONNECTION],
  ["upgrade", Kind.CONNECTION],
  ["te", Kind.TE],
  ["content-length", Kind.CONTENT_LENGTH],
  ["host", Kind.HOST],
  ["content-type", Kind.REGULAR],
  ["user-agent", Kind.REGULAR],
  ["grpc-timeout", Kind.REGULAR],
  ["grpc-status", Kind.REGULAR],
  ["grpc-message", Kind.REGULAR],
  ["grpc-encoding", Kind.REGULAR],
  ["grpc-accept-encoding", Kind.REGULAR],
]);

// Field names: tokens of RFC 9110 §5.6.2 without upper-case letters (RFC 9113 §8.2.1).
const NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
// deno-lint-ignore no-control-regex -- these are the octets that RFC 9113 §8.2.1 forbids
const BAD_VALUE = /[\x00\r\n]/;

/** Result of the checks; a connection reuses one object for all of its header blocks. */
export class FieldSummary {
  method = "";
  scheme = "";
  authority = "";
  path = "";
  status = 0;
  /** Value of content-length; -1 when the field is absent. */
  contentLength = -1;
  /** Index of the first field after the pseudo-header fields. */
  firstRegular = 0;
  /** What the layer above parsed from the fields; kept with a summary that is cached for repeated header blocks. */
  parsed: unknown = null;
}

/** Checks a request's header section (RFC 9113 §8.3.1). Returns the fault, or null. */
export function checkRequest(list: HeaderList, out: FieldSummary): string | null {
  const { names, values, count } = list;
  out.parsed = null;
  let seen = 0;
  let host = "";
  out.method =
    out.scheme =
    out.authority =
    out.path =
      "";
  out.contentLength = -1;
  out.firstRegular = -1;
  for (let i = 0; i < count; i++) {
    const name = names[i];
    const value = values[i];
    const kind = KINDS.get(name);
    if (kind !== undefined && kind >= Kind.METHOD && kind <= Kind.PATH) {
      const bit = 1 << kind;
      if (out.firstRegular >= 0) return `${name} follows a regular field`;
      if (seen & bit) return `${name} appears twice`;
      if (BAD_VALUE.test(value)) return `the value of ${name} has invalid characters`;
      seen |= bit;
      if (kind === Kind.METHOD) out.method = value;
      else if (kind === Kind.SCHEME) out.scheme = value;
      else if (kind === Kind.AUTHORITY) out.authority = value;
      else out.path = value;
      continue;
    }
    if (out.firstRegular < 0) out.firstRegular = i;
    const wrong = checkRegular(list, i, kind, out);
    if (wrong !== null) return wrong;
    if (kind === Kind.HOST) {
      if (host !== "") return "host appears twice";
      host = values[i];
    }
  }
  if (out.firstRegular < 0) out.firstRegular = count;
  const needed = out.method === "CONNECT"
    ? 1 << Kind.METHOD | 1 << Kind.AUTHORITY
    : 1 << Kind.METHOD | 1 << Kind.SCHEME | 1 << Kind.PATH;
  if ((seen & needed) !== needed) return "a pseudo-header field is missing";
  if (out.path === "" && out.method !== "CONNECT") return ":path is empty";
  if (host !== "") {
    if (out.authority === "") out.authority = host;
    else if (out.authority !== host) return ":authority and host differ";
  }
  return null;
}

/** Checks a response's header section (RFC 9113 §8.3.2). Returns the fault, or null. */
export function checkResponse(list: HeaderList, out: FieldSummary): string | null {
  const { names, values, count } = list;
  out.status = 0;
  out.contentLength = -1;
  out.firstRegular = -1;
  for (let i = 0; i < count; i++) {
    const name = names[i];
    const kind = KINDS.get(name);
    if (kind === Kind.STATUS) {
      if (out.firstRegular >= 0) return ":status follows a regular field";
      if (out.status !== 0) return ":status appears twice";
      if (!/^[1-9][0-9][0-9]$/.test(values[i])) return ":status is not a three-digit number";
      out.status = Number(values[i]);
      continue;
    }
    if (out.firstRegular < 0) out.firstRegular = i;
    const wrong = checkRegular(list, i, kind, out);
    if (wrong !== null) return wrong;
  }
  if (out.firstRegular < 0) out.firstRegular = count;
  return out.status === 0 ? ":status is missing" : null;
}

/** Checks a trailer section, which has no pseudo-header fields (RFC 9113 §8.1). Returns the fault, or null. */
export function checkTrailers(list: HeaderList, out: FieldSummary): string | null {
  const length = out.contentLength;
  out.firstRegular = 0;
  for (let i = 0; i < list.count; i++) {
    const wrong = checkRegular(list, i, KINDS.get(list.names[i]), out);
    if (wrong !== null) return wrong;
  }
  out.contentLength = length;
  return null;
}

// Checks a regular field. Strips whitespace around the value: RFC 9113 §8.2.1 forbids it, and gRPC permits stripping.
function checkRegular(
  list: HeaderList,
  index: number,
  kind: number | undefined,
  out: FieldSummary,
): string | null {
  const name = list.names[index];
  const value = list.values[index] = withoutOuterSpace(list.values[index]);
  if (kind === undefined) {
    if (name.charCodeAt(0) === 58) return `${name} is not a known pseudo-header field`;
    if (!NAME.test(name)) return "a field name has invalid characters";
  } else if (kind !== Kind.REGULAR) {
    if (kind <= Kind.STATUS) return `${name} is not allowed here`;
    if (kind === Kind.CONNECTION) return `${name} is specific to HTTP/1.1 connections`;
    if (kind === Kind.TE && value !== "trailers") return "te is not trailers";
    if (kind === Kind.CONTENT_LENGTH) {
      if (!/^[0-9]{1,15}$/.test(value)) return "content-length is not a number";
      if (out.contentLength >= 0 && out.contentLength !== Number(value)) {
        return "content-length appears twice with different values";
      }
      out.contentLength = Number(value);
    }
  }
  return BAD_VALUE.test(value) ? `the value of ${name} has invalid characters` : null;
}
