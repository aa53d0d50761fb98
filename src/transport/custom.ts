/**
 * Byte streams from a pair of web streams or a Node duplex stream.
 *
 * @module
 */

import type { Duplex } from "node:stream";
import type { PeerInfo } from "../call/wire.ts";
import { isBytes } from "../bytes/is_bytes.ts";
import { TransportError } from "../errors.ts";
import { reasonOf } from "./failure.ts";
import { DuplexStream } from "./duplex_stream.ts";
import type { ByteStream } from "./types.ts";

/** Two web streams, for example of a WebTransport, a Worker bridge or a subprocess. */
export interface WebStreams {
  /** Bytes from the peer. */
  readable: ReadableStream<Uint8Array>;
  /** Bytes to the peer. */
  writable: WritableStream<Uint8Array>;
}

/** Options of {@link streamFrom}. */
export interface StreamFromOptions {
  /** The peer's address, for errors and logs. Default `custom:`. */
  address?: string;
  /** Address of this end. Default: `address`. */
  localAddress?: string;
  /** Name of the transport in {@link PeerInfo}. Default `custom`. */
  transport?: string;
}

// Largest part of a write, in bytes: longer writes are split, because each part is copied before it is queued.
const MAX_WRITE_BYTES = 65536;

/** Wraps web streams or a Node duplex stream, and takes ownership of them. */
export function streamFrom(
  source: WebStreams | Duplex,
  options: StreamFromOptions = {},
): ByteStream {
  const address = options.address ?? "custom:";
  const peer: PeerInfo = { address, transport: options.transport ?? "custom" };
  const localAddress = options.localAddress ?? address;
  return "readable" in source && source.readable instanceof ReadableStream
    ? new WebStream(source as WebStreams, peer, localAddress)
    : new DuplexStream(source as Duplex, { peer, localAddress, copy: true });
}

class WebStream implements ByteStream {
  readonly peer: PeerInfo;
  readonly localAddress: string;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  #closed: Promise<never>;
  #fail: (error: TransportError) => void = () => {};
  #isClosed = false;
  #ended = false;

  constructor(source: WebStreams, peer: PeerInfo, localAddress: string) {
    this.peer = peer;
    this.localAddress = localAddress;
    this.#reader = source.readable.getReader();
    this.#writer = source.writable.getWriter();
    this.#closed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    // These promises may reject while nothing awaits them, which would end the process.
    this.#closed.catch(() => {});
    this.#writer.closed.catch(() => {});
    this.#reader.closed.catch(() => {});
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#chunk.length === 0) {
      const { done, value } = await this.#guard(this.#reader.read());
      if (done) return null;
      if (!isBytes(value)) {
        throw this.#error(`its readable gave a ${typeof value}, not a Uint8Array`);
      }
      this.#chunk = value;
    }
    const count = Math.min(this.#chunk.length, buffer.length);
    buffer.set(this.#chunk.subarray(0, count));
    this.#chunk = this.#chunk.subarray(count);
    return count;
  }

  async write(data: Uint8Array): Promise<number> {
    const part = new Uint8Array(data.subarray(0, MAX_WRITE_BYTES));
    const { length } = part;
    await this.#guard(this.#writer.ready);
    await this.#guard(this.#writer.write(part));
    return length;
  }

  async closeWrite(): Promise<void> {
    if (this.#ended || this.#isClosed) return;
    this.#ended = true;
    await this.#guard(this.#writer.close());
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#chunk = new Uint8Array(0);
    const error = this.#error("it was closed here");
    this.#fail(error);
    this.#reader.cancel(error).catch(() => {});
    // After `closeWrite`, an abort could discard written bytes.
    if (!this.#ended) this.#writer.abort(error).catch(() => {});
  }

  async #guard<T>(promise: Promise<T>): Promise<T> {
    if (this.#isClosed) {
      promise.catch(() => {});
      return await this.#closed;
    }
    try {
      return await Promise.race([promise, this.#closed]);
    } catch (error) {
      if (this.#isClosed) return await this.#closed;
      throw this.#error(reasonOf(error), error);
    }
  }

  #error(reason: string, cause?: unknown): TransportError {
    const { address } = this.peer;
    return new TransportError(`Connection with ${address} broke: ${reason}`, { address, cause });
  }
}
