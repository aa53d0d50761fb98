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
// A lean connection begins with a frame header, whose first byte is the version.
const LEAN_VERSION = 1;
const LEAN_HEADER_BYTES = 16;
// RFC 9110 §9.1 and RFC 5789. The longest, "OPTIONS ", has 8 bytes with its space. Other methods may be a wrong preface.
const HTTP1_METHODS = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "CONNECT",
  "OPTIONS",
  "TRACE",
  "PATCH",
];
// What may be meant as the end of a method: a space (RFC 9112 §3), or what the engine refuses with an answer.
const AFTER_METHOD = /[\t\r\n "(),/:;<=>?@[\\\]{}]/;
// Empty lines may precede a request line (§2.2); other white space is refused with an answer.
const BEFORE_METHOD = /[ \t\r\n]/;

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
  const start = String.fromCharCode(...bytes.subarray(0, 8)).toUpperCase();
  if (BEFORE_METHOD.test(start[0])) return "http1";
  for (const method of HTTP1_METHODS) {
    if (method.startsWith(start)) return undefined;
    if (start.startsWith(method) && AFTER_METHOD.test(start[method.length])) return "http1";
  }
  return "unknown";
}

/** Whether these first bytes are a TLS handshake record (RFC 8446 §5.1). */
export function looksLikeTls(bytes: Uint8Array): boolean {
  return bytes.length >= 2 && bytes[0] === 0x16 && bytes[1] === 0x03;
}
