/**
 * Which protocol a new connection speaks, by its first bytes.
 *
 * @module
 */

import type { ByteStream } from "../../transport/types.ts";

/** What a connection turned out to speak; `unknown` is anything else, `ended` nothing complete. */
export type SniffedWire = "grpc" | "lean" | "http1" | "unknown" | "ended";

/** A sniffed connection. */
export interface Sniffed {
  readonly wire: SniffedWire;
  /** How many bytes were read into the buffer; the wire's engine gets them first. */
  readonly length: number;
}

// RFC 9113 section 3.4.
const HTTP2_PREFACE = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
// A lean frame header; a first frame always has one.
const LEAN_VERSION = 1;
const LEAN_HEADER_BYTES = 16;
// The longest method of RFC 9110 with its space, "OPTIONS ".
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

/**
 * Reads until the protocol is sure and its opening complete: HTTP/2's preface, one lean frame header, the
 * method of an HTTP/1 request. `buffer` must hold 64 bytes at least. Rejects when the stream does.
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

/** The protocol of these first bytes; undefined while it takes more of them to tell. */
export function recognize(bytes: Uint8Array): SniffedWire | undefined {
  if (bytes.length === 0) return undefined;
  if (bytes[0] === LEAN_VERSION) return bytes.length >= LEAN_HEADER_BYTES ? "lean" : undefined;
  const common = Math.min(bytes.length, HTTP2_PREFACE.length);
  let same = 0;
  while (same < common && bytes[same] === HTTP2_PREFACE[same]) same++;
  if (same === HTTP2_PREFACE.length) return "grpc";
  if (same === bytes.length) return undefined;
  const start = String.fromCharCode(...bytes.subarray(0, 8));
  for (const method of HTTP1_METHODS) {
    if (start.startsWith(`${method} `)) return "http1";
    if (`${method} `.startsWith(start)) return undefined;
  }
  return "unknown";
}

/** Whether these first bytes are a TLS handshake, sent to a listener that speaks none. */
export function looksLikeTls(bytes: Uint8Array): boolean {
  return bytes.length >= 2 && bytes[0] === 0x16 && bytes[1] === 0x03;
}
