/**
 * Unary calls of Connect by GET, with the message in the query ("Unary-Get-Request").
 *
 * @module
 */

import { decodeLooseBase64 } from "../../bytes/base64_text.ts";
import { Status } from "../../call/status.ts";
import type { BadRequest } from "./request_fields.ts";

/** A call in a query. */
export interface QueryRequest {
  /** Message format: `proto` or `json`. */
  readonly format: string;
  readonly message: Uint8Array;
  /** Compression of the message; undefined for none. */
  readonly compression: string | undefined;
  /** Version of the protocol; undefined for none, otherwise without its `v`. */
  readonly version: string | undefined;
}

/** Whether the query of a GET request holds a call. */
export function holdsCall(query: string): boolean {
  return /(?:^|&)(?:encoding|message|connect)=/.test(query);
}

/** Reads the call in a query, or returns why it is not valid. */
export function readQuery(query: string): QueryRequest | BadRequest {
  const values = new Map<string, string>();
  for (const part of query.split("&")) {
    const equals = part.indexOf("=");
    const name = part.slice(0, Math.max(0, equals));
    // The first of several, as in other servers of Connect and in `URLSearchParams`.
    if (name !== "" && !values.has(name)) values.set(name, part.slice(equals + 1));
  }
  const format = values.get("encoding") ?? "";
  const text = values.get("message");
  if (format === "") return invalid("The query has no encoding");
  if (text === undefined) return invalid("The query has no message");
  const raw = unescaped(text);
  if (raw === null) return invalid("The message has an invalid escape");
  const message = values.get("base64") === "1" ? fromBase64(raw) : raw;
  if (message === null) return invalid("The message is not base64url");
  const version = values.get("connect");
  return {
    format: format.toLowerCase(),
    message,
    compression: values.get("compression"),
    version: version?.startsWith("v") ? version.slice(1) : version,
  };
}

function invalid(message: string): BadRequest {
  return { code: Status.INVALID_ARGUMENT, message };
}

const PERCENT = 37;

/** Decodes percent-escapes to octets, which need not be UTF-8; null if one is invalid. */
function unescaped(text: string): Uint8Array | null {
  const bytes = new Uint8Array(text.length);
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char !== PERCENT) {
      // Forms encode a space as "+".
      bytes[count++] = char === 43 ? 32 : char;
      continue;
    }
    const hex = text.slice(i + 1, i + 3);
    if (!/^[0-9a-fA-F]{2}$/.test(hex)) return null;
    bytes[count++] = parseInt(hex, 16);
    i += 2;
  }
  return bytes.slice(0, count);
}

/** Decodes base64url, with or without padding (RFC 4648 §5); null if it is not valid. */
function fromBase64(bytes: Uint8Array): Uint8Array | null {
  return decodeLooseBase64(new TextDecoder("latin1").decode(bytes), "base64url") ?? null;
}
