/**
 * Reads the application protocols that a TLS client offers from its ClientHello, ahead of the handshake: node:tls
 * selects only by the server's order of preference, while RFC 7301 §3.2 leaves the selection to the server.
 *
 * @module
 */

import type { ByteStream } from "./types.ts";

/**
 * Bytes at the start of a connection that are searched for a ClientHello. A ClientHello with a hybrid key share has 2
 * KiB.
 */
export const MAX_HELLO_BYTES = 16_384;

const RECORD_HEADER_BYTES = 5;
const HANDSHAKE_RECORD = 22;
const HANDSHAKE_HEADER_BYTES = 4;
const CLIENT_HELLO = 1;
const VERSION_AND_RANDOM_BYTES = 34;
const ALPN_EXTENSION = 16;

/** Result of reading ALPN from the first bytes of a connection. */
export type AlpnOffer =
  /** The client's protocols, in its order of preference. */
  | readonly string[]
  /** The ClientHello is not complete yet. */
  | "incomplete"
  /** The ClientHello has no ALPN extension, or the bytes are not a ClientHello. */
  | undefined;

/** Reads the ALPN extension (RFC 7301 §3.1) of the ClientHello (RFC 8446 §4.1.2) at the start of a connection. */
export function alpnOffer(bytes: Uint8Array): AlpnOffer {
  const hello = handshakeMessage(bytes);
  if (hello === undefined || hello === "incomplete") return hello;
  const reader = new Reader(hello);
  reader.skip(VERSION_AND_RANDOM_BYTES);
  reader.skip(reader.number(1));
  reader.skip(reader.number(2));
  reader.skip(reader.number(1));
  const extensions = reader.part(2);
  while (extensions.left > 0) {
    const type = extensions.number(2);
    const content = extensions.part(2);
    if (type === ALPN_EXTENSION) return protocolNames(content.part(2));
  }
  return undefined;
}

function protocolNames(list: Reader): string[] {
  const names: string[] = [];
  while (list.left > 0) names.push(list.text(list.number(1)));
  return names;
}

// Joins the records over which a ClientHello is fragmented (RFC 8446 §5.1); returns the body of the ClientHello.
function handshakeMessage(bytes: Uint8Array): Uint8Array | "incomplete" | undefined {
  const message = new Uint8Array(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length;) {
    if (bytes[at] !== HANDSHAKE_RECORD) return undefined;
    if (bytes.length - at < RECORD_HEADER_BYTES) return "incomplete";
    const end = at + RECORD_HEADER_BYTES + ((bytes[at + 3] << 8) | bytes[at + 4]);
    const part = bytes.subarray(at + RECORD_HEADER_BYTES, end);
    message.set(part, length);
    length += part.length;
    at = end;
    if (length > 0 && message[0] !== CLIENT_HELLO) return undefined;
    if (length < HANDSHAKE_HEADER_BYTES) continue;
    const body = (message[1] << 16) | (message[2] << 8) | message[3];
    if (length >= HANDSHAKE_HEADER_BYTES + body) {
      return message.subarray(HANDSHAKE_HEADER_BYTES, HANDSHAKE_HEADER_BYTES + body);
    }
  }
  return "incomplete";
}

/** Reads numbers and vectors of TLS (RFC 8446 §3). Beyond the end, numbers read as zero and vectors as empty. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Number of unread bytes. */
  get left(): number {
    return Math.max(0, this.#bytes.length - this.#at);
  }

  /** Skips `count` bytes. */
  skip(count: number): void {
    this.#at += count;
  }

  /** Reads an unsigned number of `size` bytes. */
  number(size: number): number {
    let value = 0;
    for (let i = 0; i < size; i++) value = (value << 8) | (this.#bytes[this.#at++] ?? 0);
    return value;
  }

  /** Reads a vector that follows its length of `size` bytes. */
  part(size: number): Reader {
    const length = this.number(size);
    const part = new Reader(this.#bytes.subarray(this.#at, this.#at + length));
    this.#at += length;
    return part;
  }

  /** Reads `count` octets as text, one character per octet. */
  text(count: number): string {
    const octets = this.#bytes.subarray(this.#at, this.#at + count);
    this.#at += count;
    return String.fromCharCode(...octets);
  }
}

/** Reads from `inner` until its ALPN offer is known. The returned stream delivers these bytes again. */
export async function peekAlpnOffer(
  inner: ByteStream,
): Promise<{ stream: ByteStream; offer: readonly string[] }> {
  const buffer = new Uint8Array(MAX_HELLO_BYTES);
  let length = 0;
  let offer: AlpnOffer = "incomplete";
  while (offer === "incomplete" && length < buffer.length) {
    const count = await inner.read(buffer.subarray(length));
    if (count === null) break;
    length += count;
    offer = alpnOffer(buffer.subarray(0, length));
  }
  return {
    stream: new ReplayedStream(inner, buffer.slice(0, length)),
    offer: typeof offer === "object" ? offer : [],
  };
}

/** Stream whose first reads return bytes that were already read. */
export class ReplayedStream implements ByteStream {
  readonly localAddress: string;
  readonly #inner: ByteStream;
  #first: Uint8Array;

  /** Delivers `first`, then what `inner` reads. */
  constructor(inner: ByteStream, first: Uint8Array) {
    this.#inner = inner;
    this.#first = first;
    this.localAddress = inner.localAddress;
  }

  get peer(): ByteStream["peer"] {
    return this.#inner.peer;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    const first = this.#first;
    if (first.length === 0) return this.#inner.read(buffer);
    const count = Math.min(first.length, buffer.length);
    buffer.set(first.subarray(0, count));
    this.#first = first.subarray(count);
    return Promise.resolve(count);
  }

  write(data: Uint8Array): Promise<number> {
    return this.#inner.write(data);
  }

  closeWrite(): Promise<void> {
    return this.#inner.closeWrite();
  }

  close(): void {
    this.#inner.close();
  }

  async released(): Promise<void> {
    await this.#inner.released?.();
  }

  unref(): void {
    this.#inner.unref?.();
  }
}
