/**
 * Encoder of requests (RFC 9112 §3, §6 and §7).
 *
 * @module
 */

import type { ByteWriter } from "../bytes/writer.ts";
import { CHUNKED } from "./framing.ts";
import { appendLatin1, fieldLines } from "./response_writer.ts";
import { isHost, isTarget } from "./target.ts";

/** A request without its body. */
export interface OutgoingHead {
  /** Method, such as GET or POST; CONNECT is not supported. */
  readonly method: string;
  /** Target in origin form: path and query (RFC 9112 §3.2.1). */
  readonly target: string;
  /** Host and port of the URI that is requested, for Host (RFC 9112 §3.2). */
  readonly host: string;
  /** Names and values in turn, without those of the connection and of framing. */
  readonly fields: readonly string[];
  /** Length of the body in bytes; `CHUNKED` when it is not known. */
  readonly bodyBytes: number;
}

const CRLF = "\r\n";
const METHOD = /^[A-Z]{1,20}$/;
// Methods whose content has no defined meaning: without a body they have no Content-Length (RFC 9110 §8.6).
const BODILESS = /^(?:GET|HEAD|DELETE)$/;

/** Appends request line and header section. Throws TypeError, with nothing appended, for anything that is not valid. */
export function appendRequestHead(out: ByteWriter, head: OutgoingHead): void {
  const { method, target, host, bodyBytes } = head;
  if (!METHOD.test(method) || method === "CONNECT") {
    throw new TypeError(`Cannot send a request with the method ${JSON.stringify(method)}`);
  }
  if (target.charCodeAt(0) !== 47 || !isTarget(method, target)) {
    throw new TypeError(
      `Cannot send a request for ${JSON.stringify(target)}: it must be the path of a URL`,
    );
  }
  if (!isHost(host)) {
    throw new TypeError(
      `Cannot send a request to the host ${JSON.stringify(host)}: it must be a host or host:port`,
    );
  }
  let text = `${method} ${target} HTTP/1.1${CRLF}host: ${host}${CRLF}${fieldLines(head.fields)}`;
  if (bodyBytes === CHUNKED) text += `transfer-encoding: chunked${CRLF}`;
  else if (bodyBytes > 0 || !BODILESS.test(method)) text += `content-length: ${bodyBytes}${CRLF}`;
  appendLatin1(out, text + CRLF);
}

/** Appends one chunk of `prefix` and `bytes`; nothing if both are empty, which would end the body. */
export function appendJoinedChunk(
  out: ByteWriter,
  prefix: Uint8Array | null,
  bytes: Uint8Array,
): void {
  const length = (prefix?.length ?? 0) + bytes.length;
  if (length === 0) return;
  out.text(length.toString(16) + CRLF);
  if (prefix !== null) out.bytes(prefix);
  out.bytes(bytes);
  out.text(CRLF);
}
