/**
 * Detection of a connection's protocol by its first bytes.
 *
 * @module
 */

import type { ByteStream } from "../../transport/types.ts";

/** Detected protocol; `unknown` is any other, `ended` a connection that was closed before it could be detected. */
export type SniffedWire = "grpc" | "lean" | "http1" | "unknown" | "ended";

/** Result of {@link sniff}. */
export interface Sniffed {
  /** Detected protocol. */
  readonly wire: SniffedWire;
  /** Number of bytes read into the buffer: the first input of the wire's engine. */
  readonly length: number;
}

// RFC 9113 §3.4: client connection preface.
const HTTP2_PREFACE = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const HTTP2_START_BYTES = "PRI * HTTP/".length;
// A lean connection begins with a frame header, whose first byte is the version.
const LEAN_VERSION = 1;
const LEAN_HEADER_BYTES = 16;
// The start of an HTTP/1 request line (RFC 9112 §3): a method, which is a token (RFC 9110 §5.6.2), and a space; or other
// text, which the engine refuses with an answer, such as a tab instead of the space. Empty lines may precede (§2.2).
const REQUEST_START = /^([ \t\r\n]|[!#$%&'*+.^_`|~0-9A-Za-z-]+[\t\r\n "(),/:;<=>?@[\\\]{}])/;
const METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
// The longest registered method, "UPDATEREDIRECTREF", has 17.
const MAX_METHOD_BYTES = 32;

/**
 * Reads until the protocol is detected and its opening complete: the HTTP/2 preface, one lean frame header, or the
 * method of an HTTP/1 request. `buffer` must have at least 64 bytes. Rejects when a read does.
 */
export async function sniff(stream: ByteStream, buffer: Uint8Array): Promise<Sniffed> {
  let length = 0;
  for (;;) {
    const count = await stream.read(buffer.subarray(length));
    if (count === null) return { wire: "ended", length };
    length += count;
    const wire = recognize(buffer.subarray(0, length));
    if (wire) return { wire, length };
  }
}

/** Detects the protocol of these first bytes; undefined if more are needed. */
export function recognize(bytes: Uint8Array): SniffedWire | undefined {
  if (bytes.length === 0) return undefined;
  if (bytes[0] === LEAN_VERSION) return bytes.length >= LEAN_HEADER_BYTES ? "lean" : undefined;
  const common = Math.min(bytes.length, HTTP2_PREFACE.length);
  let same = 0;
  while (same < common && bytes[same] === HTTP2_PREFACE[same]) same++;
  if (same === HTTP2_PREFACE.length) return "grpc";
  if (same === bytes.length) return undefined;
  // Nobody who begins with a preface of another version reads HTTP/1.
  if (same >= HTTP2_START_BYTES) return "unknown";
  const start = String.fromCharCode(...bytes.subarray(0, MAX_METHOD_BYTES));
  if (METHOD.test(start)) return start.length < MAX_METHOD_BYTES ? undefined : "unknown";
  return REQUEST_START.test(start) ? "http1" : "unknown";
}

/** Whether these first bytes are a TLS handshake record (RFC 8446 §5.1). */
export function looksLikeTls(bytes: Uint8Array): boolean {
  return bytes.length >= 2 && bytes[0] === 0x16 && bytes[1] === 0x03;
}
