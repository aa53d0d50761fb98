/**
 * Length of a request's body and persistence of its connection, from the header fields (RFC 9112 §6 and §9.3).
 *
 * @module
 */

import {
  CODING,
  CONTENT_LENGTH,
  EXPECTATION,
  HOST,
  LENGTH_AND_CODING,
  type Refusal,
  TOO_LARGE,
  TRANSFER_ENCODING,
} from "./refusals.ts";
import { authorityOf, isHost } from "./target.ts";

/** Framing and persistence of a request. */
export interface RequestFraming {
  /** Host and port that the request is for: those of an absolute target, otherwise Host; may be empty in HTTP/1.0. */
  readonly authority: string;
  /** Length of the body in bytes; {@link CHUNKED} when it is not known. */
  readonly bodyBytes: number;
  /** Whether the client allows further requests on the connection. */
  readonly keepsAlive: boolean;
  /** Whether the client waits for 100 Continue before it sends the body. */
  readonly expectsContinue: boolean;
}

/** Value of `bodyBytes` for a chunked body, whose length is not known in advance. */
export const CHUNKED = -1;

// Largest number of digits of a Content-Length: values of 15 digits stay below 2⁵³, which has 16.
const MAX_LENGTH_DIGITS = 15;

/** Values of the fields that frame a message; undefined for fields that are absent. */
interface FramingFields extends LengthFields {
  hosts: number;
  host: string;
  length: string | undefined;
  coding: string | undefined;
  connection: string | undefined;
  expect: string | undefined;
}

/** Reads the framing of a request. Returns it, or why the request is refused. */
export function frameRequest(
  minorVersion: 0 | 1,
  target: string,
  fields: readonly string[],
): RequestFraming | Refusal {
  const found = collect(fields);
  if ("status" in found) return found;
  const { hosts, host } = found;
  if (
    hosts > 1 || hosts === 0 && minorVersion === 1 || hosts === 1 && host !== "" && !isHost(host)
  ) {
    return HOST;
  }
  const bodyBytes = lengthOf(found, minorVersion);
  if (typeof bodyBytes !== "number") return bodyBytes;
  const { connection, expect } = found;
  // RFC 9110 §10.1.1: an expectation in HTTP/1.0 is ignored.
  const expects = expect !== undefined && minorVersion === 1;
  if (expects && expect.toLowerCase() !== "100-continue") return EXPECTATION;
  return {
    authority: authorityOf(target) ?? host,
    bodyBytes,
    keepsAlive: keepsAlive(connection, minorVersion),
    expectsContinue: expects && bodyBytes !== 0,
  };
}

function collect(fields: readonly string[]): FramingFields | Refusal {
  const found: FramingFields = {
    hosts: 0,
    host: "",
    length: undefined,
    coding: undefined,
    connection: undefined,
    expect: undefined,
  };
  for (let i = 0; i < fields.length; i += 2) {
    const value = fields[i + 1];
    switch (fields[i]) {
      case "host":
        found.hosts++;
        found.host = value;
        break;
      case "content-length":
        if (found.length !== undefined) return CONTENT_LENGTH;
        found.length = value;
        break;
      case "transfer-encoding":
        if (found.coding !== undefined) return TRANSFER_ENCODING;
        found.coding = value;
        break;
      case "connection":
        found.connection = found.connection === undefined ? value : `${found.connection},${value}`;
        break;
      case "expect":
        if (found.expect !== undefined) return EXPECTATION;
        found.expect = value;
    }
  }
  return found;
}

/** Values of the fields that tell the length of a body; undefined for fields that are absent. */
export interface LengthFields {
  readonly length: string | undefined;
  readonly coding: string | undefined;
}

/** Length of a body (RFC 9112 §6.3); {@link CHUNKED} when it is not known, 0 without a field that tells it. */
export function lengthOf({ length, coding }: LengthFields, minorVersion: 0 | 1): number | Refusal {
  if (coding !== undefined) {
    if (length !== undefined) return LENGTH_AND_CODING;
    if (minorVersion === 0) return TRANSFER_ENCODING;
    const name = coding.toLowerCase();
    if (name === "chunked") return CHUNKED;
    return /(?:^|,)[ \t]*chunked[ \t]*,/.test(name) || name === "" ? TRANSFER_ENCODING : CODING;
  }
  if (length === undefined) return 0;
  if (!/^[0-9]+$/.test(length)) return CONTENT_LENGTH;
  return length.length > MAX_LENGTH_DIGITS ? TOO_LARGE : Number(length);
}

/** Whether a message with this Connection field allows further ones on the connection (RFC 9112 §9.3). */
export function keepsAlive(connection: string | undefined, minorVersion: 0 | 1): boolean {
  if (connection === undefined) return minorVersion === 1;
  const options = connection.toLowerCase().split(",").map((option) => option.trim());
  if (options.includes("close")) return false;
  return minorVersion === 1 || options.includes("keep-alive");
}
