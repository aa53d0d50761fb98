/**
 * Requests to an egress proxy: CONNECT (RFC 9110 §9.3.6), in the strict reading of HTTP/1.1.
 *
 * @module
 */

import { latin1 } from "../../bytes/latin1.ts";
import { HeadScanner, REQUEST_START } from "../../http1/head_scanner.ts";
import { parseFields } from "../../http1/request_head.ts";
import { FIELDS_TOO_LARGE, HOST, REQUEST_LINE, TARGET_TOO_LONG } from "../../http1/refusals.ts";
import type { ByteStream } from "../../transport/types.ts";
import { type Destination, parseHostPort } from "./allow_list.ts";

/** Why a request is answered without a tunnel: an HTTP status, and its reason in one line. */
export class EgressRefusal extends Error {
  /** `EgressRefusal`. */
  override readonly name = "EgressRefusal";
  /** HTTP status, 400 to 599. */
  readonly status: number;

  /** Makes a refusal; `message` is sent to the enclave. */
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Request for a tunnel. */
export interface ConnectRequest extends Destination {
  /** Bytes that arrived after the request: the first of the tunnel. */
  readonly rest: Uint8Array;
}

/** Largest request, in bytes. */
export const MAX_REQUEST_BYTES = 8_192;
const LIMITS = { maxRequestLineBytes: 1_024, maxHeaderBytes: 6_144, maxHeaderFields: 50 };
const REQUEST = /^([!#$%&'*+.^_`|~\w-]{1,24}) (\S+) HTTP\/1\.([01])$/;

/**
 * Reads the request at the start of a stream. Resolves to undefined if the stream ends before the first byte. Rejects
 * with an {@link EgressRefusal}, or the error of the stream.
 */
export async function readConnectRequest(stream: ByteStream): Promise<ConnectRequest | undefined> {
  const bytes = new Uint8Array(MAX_REQUEST_BYTES);
  const scanner = new HeadScanner(LIMITS, REQUEST_START);
  for (let length = 0;;) {
    const count = await stream.read(bytes.subarray(length));
    if (count === null) {
      if (length === 0) return undefined;
      throw new EgressRefusal(400, "The request is incomplete");
    }
    const end = scanner.scan(bytes.subarray(0, length + count), length);
    length += count;
    if (typeof end !== "number") throw new EgressRefusal(end.status, statusText(end));
    if (end >= 0) return { ...parseConnect(bytes, end), rest: bytes.slice(end, length) };
    if (length === bytes.length) throw new EgressRefusal(431, "The request is too long");
  }
}

function statusText(refusal: { status: number; reason: string }): string {
  return refusal === TARGET_TOO_LONG || refusal === FIELDS_TOO_LARGE
    ? "The request is too long"
    : refusal.reason;
}

/** Parses the request in `bytes[0..end)`. Throws an {@link EgressRefusal}. */
function parseConnect(bytes: Uint8Array, end: number): Destination {
  const start = bytes[0] === 13 ? 2 : 0;
  const lineEnd = bytes.indexOf(13, start);
  const line = REQUEST.exec(latin1(bytes, start, lineEnd));
  if (line === null) throw new EgressRefusal(400, REQUEST_LINE.reason);
  const [, method, target, minor] = line;
  const fields: string[] = [];
  const refused = parseFields(bytes, lineEnd + 2, end, fields);
  if (refused !== null) throw new EgressRefusal(refused.status, refused.reason);
  if (method !== "CONNECT") {
    throw new EgressRefusal(405, "This proxy has tunnels only: send CONNECT host:port");
  }
  const names = fields.filter((_, i) => i % 2 === 0);
  const hosts = names.filter((name) => name === "host").length;
  if (hosts > 1 || hosts === 0 && minor === "1") throw new EgressRefusal(400, HOST.reason);
  if (names.includes("content-length") || names.includes("transfer-encoding")) {
    throw new EgressRefusal(400, "CONNECT has no body");
  }
  const destination = parseHostPort(target);
  if (destination !== undefined) return destination;
  throw new EgressRefusal(400, "The target of CONNECT must be host:port, such as kms.example:443");
}
