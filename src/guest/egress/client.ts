/**
 * The enclave's side of egress: streams to a destination through a proxy of the parent.
 *
 * @module
 */

import { latin1 } from "../../bytes/latin1.ts";
import { printable } from "../../call/printable.ts";
import type { PeerInfo } from "../../call/wire.ts";
import { textOf, TransportError } from "../../errors.ts";
import { HeadScanner, STATUS_START } from "../../http1/head_scanner.ts";
import { formatHostPort } from "../../transport/address.ts";
import { dial, DIAL_TIMEOUT_MS } from "../../transport/dial.ts";
import { startTls } from "../../transport/tls.ts";
import type { TlsClientOptions } from "../../transport/tls_options.ts";
import type { ByteStream } from "../../transport/types.ts";
import { type Destination, parseHostPort } from "./allow_list.ts";
import { writeAll } from "./answer.ts";

const MAX_RESPONSE_BYTES = 8_192;
const LIMITS = { maxRequestLineBytes: 1_024, maxHeaderBytes: 6_144, maxHeaderFields: 50 };

/**
 * Options of {@link dialEgress}.
 *
 * @category Egress
 */
export interface DialEgressOptions {
  /** Time limit for the proxy, the destination and the TLS handshake together, in ms. Default 20,000. */
  timeoutMs?: number;
  /** Aborts the dial. */
  signal?: AbortSignal;
  /** TLS with the destination; true for the defaults. Default: none. */
  tls?: TlsClientOptions | true;
  /** ALPN protocols to offer in the TLS handshake, in order of preference. */
  alpn?: readonly string[];
}

/**
 * Connects to `destination` (`host:port`) through an egress proxy at `proxy`, such as `vsock:parent:8000`. TLS runs between
 * this program and the destination: the parent only sees encrypted bytes. Rejects with a {@link TransportError} that
 * has the proxy's reason.
 *
 * @category Egress
 */
export async function dialEgress(
  proxy: string,
  destination: string,
  options: DialEgressOptions = {},
): Promise<ByteStream> {
  const { host, port } = parseTarget(destination);
  const timeoutMs = options.timeoutMs ?? DIAL_TIMEOUT_MS;
  const late = AbortSignal.timeout(Math.min(timeoutMs, 0x7fffffff));
  const signal = options.signal === undefined ? late : AbortSignal.any([late, options.signal]);
  const failed = (reason: string, cause?: unknown) =>
    new TransportError(`Cannot connect to ${destination} through ${proxy}: ${reason}`, {
      address: destination,
      cause,
    });
  let stream: ByteStream | undefined;
  const close = () => stream?.close();
  signal.addEventListener("abort", close);
  try {
    const dialled = stream = await dial(proxy, { timeoutMs, signal });
    await writeAll(stream, connectRequest(formatHostPort(host, port)));
    stream = new TunnelStream(dialled, destination, await readResponse(dialled, failed));
    if (options.tls === undefined) return stream;
    const tls = options.tls === true ? {} : options.tls;
    const serverName = tls.serverName ?? host;
    return stream = await startTls(stream, { tls, alpn: options.alpn, serverName, signal });
  } catch (error) {
    stream?.close();
    if (options.signal?.aborted) throw options.signal.reason;
    if (late.aborted) throw failed(`timed out after ${timeoutMs} ms`, error);
    if (error instanceof TransportError && error.address === destination) throw error;
    throw failed(textOf(error), error);
  } finally {
    signal.removeEventListener("abort", close);
  }
}

function parseTarget(destination: string): Destination {
  const target = parseHostPort(destination);
  if (target !== undefined) return target;
  throw new RangeError(
    `Cannot connect to ${destination}: it must have the form host:port, such as kms.example:443`,
  );
}

function connectRequest(authority: string): Uint8Array {
  return new TextEncoder().encode(`CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\n\r\n`);
}

/** Reads the proxy's response; resolves to the bytes after it. Rejects when it opens no tunnel. */
async function readResponse(
  stream: ByteStream,
  failed: (reason: string) => TransportError,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(MAX_RESPONSE_BYTES);
  const scanner = new HeadScanner(LIMITS, STATUS_START);
  for (let length = 0;;) {
    const count = await stream.read(bytes.subarray(length));
    if (count === null) throw failed("the proxy closed the connection");
    const end = scanner.scan(bytes.subarray(0, length + count), length);
    length += count;
    if (typeof end !== "number" || end < 0 && length === bytes.length) {
      throw failed("the proxy's answer is not HTTP");
    }
    if (end < 0) continue;
    const status = Number(/^HTTP\/1\.\d (\d{3})[ \r]/.exec(latin1(bytes, 0, 16))?.[1]);
    if (status >= 200 && status < 300) return bytes.slice(end, length);
    if (!(status > 0)) throw failed("the proxy's answer is not HTTP");
    throw failed(`${await readReason(stream, bytes, end, length)} (${status})`);
  }
}

/** Reads the text of a refusal, which ends with the stream, up to the size of the buffer. */
async function readReason(
  stream: ByteStream,
  bytes: Uint8Array,
  start: number,
  length: number,
): Promise<string> {
  try {
    while (length < bytes.length) {
      const count = await stream.read(bytes.subarray(length));
      if (count === null) break;
      length += count;
    }
  } catch {
    // What has arrived is shown.
  }
  const text = new TextDecoder().decode(bytes.subarray(start, length)).trim();
  return text === "" ? "the proxy refused" : printable(text);
}

/** Stream through a proxy: first the bytes that came with its response. */
class TunnelStream implements ByteStream {
  readonly peer: PeerInfo;
  readonly localAddress: string;
  readonly #stream: ByteStream;
  #first: Uint8Array;

  constructor(stream: ByteStream, destination: string, first: Uint8Array) {
    this.#stream = stream;
    this.#first = first;
    this.peer = { address: destination, transport: "egress" };
    this.localAddress = stream.localAddress;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    const first = this.#first;
    if (first.length === 0) return this.#stream.read(buffer);
    const count = Math.min(first.length, buffer.length);
    buffer.set(first.subarray(0, count));
    this.#first = first.subarray(count);
    return Promise.resolve(count);
  }

  write(data: Uint8Array): Promise<number> {
    return this.#stream.write(data);
  }

  closeWrite(): Promise<void> {
    return this.#stream.closeWrite();
  }

  close(): void {
    this.#stream.close();
  }

  released(): Promise<void> {
    return this.#stream.released?.() ?? Promise.resolve();
  }

  unref(): void {
    this.#stream.unref?.();
  }
}
