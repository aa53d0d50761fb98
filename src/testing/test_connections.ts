/**
 * Connections that tests can break.
 *
 * @module
 */

import { TransportError } from "../errors.ts";
import type { DialFunction } from "../rpc/pool/options.ts";
import type { PeerInfo } from "../call/wire.ts";
import type { ByteStream } from "../transport/types.ts";

/**
 * The connections from the channels of a {@link TestServer}, to be cut and refused.
 *
 * @category Testing
 */
export class TestConnections {
  readonly #open = new Set<BreakableStream>();
  #dialled = 0;
  #offline = false;
  #cutAfterBytes = Infinity;

  /** Number of connections that are open. */
  get open(): number {
    return this.#open.size;
  }

  /** Number of connections that were made so far. */
  get made(): number {
    return this.#dialled;
  }

  /** Breaks all open connections, as a network that fails does; returns their number. Channels may connect again. */
  cut(): number {
    const streams = [...this.#open];
    for (const stream of streams) stream.cut();
    return streams.length;
  }

  /** Breaks all open connections, and fails new ones until `goOnline`. */
  goOffline(): void {
    this.#offline = true;
    this.cut();
  }

  /** Lets channels connect again. */
  goOnline(): void {
    this.#offline = false;
  }

  /**
   * Breaks each connection that is made from now on after it has received `bytes` (0 or more, Infinity for never) from
   * the server, in the middle of a message if need be.
   */
  cutAfter(bytes: number): void {
    if (!(bytes >= 0)) throw new RangeError(`Cannot cut after ${bytes} bytes: must be 0 or more`);
    this.#cutAfterBytes = bytes;
  }

  /**
   * Returns a dial function whose streams these are.
   *
   * @internal
   */
  through(dial: DialFunction): DialFunction {
    return async (address, options) => {
      if (this.#offline) {
        throw new TransportError(`Cannot connect to ${address}: the test took it offline`, {
          address,
        });
      }
      const stream = new BreakableStream(
        await dial(address, options),
        this.#cutAfterBytes,
        (closed) => this.#open.delete(closed),
      );
      this.#dialled++;
      this.#open.add(stream);
      return stream;
    };
  }
}

/** Client's end of a connection. */
class BreakableStream implements ByteStream {
  readonly #inner: ByteStream;
  readonly #onClose: (stream: BreakableStream) => void;
  readonly released?: () => Promise<void>;
  #bytesLeft: number;
  #broken = false;

  constructor(inner: ByteStream, bytes: number, onClose: (stream: BreakableStream) => void) {
    this.#inner = inner;
    this.#bytesLeft = bytes;
    this.#onClose = onClose;
    if (inner.released !== undefined) this.released = () => inner.released!();
  }

  get peer(): PeerInfo {
    return this.#inner.peer;
  }

  get localAddress(): string {
    return this.#inner.localAddress;
  }

  async handshake(): Promise<void> {
    await this.#inner.handshake?.();
  }

  unref(): void {
    this.#inner.unref?.();
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    if (this.#bytesLeft <= 0) this.cut();
    try {
      const count = await this.#inner.read(buffer.subarray(0, this.#bytesLeft));
      if (this.#broken) throw this.#error();
      this.#bytesLeft -= count ?? 0;
      return count;
    } catch (error) {
      throw this.#broken ? this.#error() : error;
    }
  }

  async write(data: Uint8Array): Promise<number> {
    try {
      return await this.#inner.write(data);
    } catch (error) {
      throw this.#broken ? this.#error() : error;
    }
  }

  closeWrite(): Promise<void> {
    return this.#inner.closeWrite();
  }

  close(): void {
    this.#onClose(this);
    this.#inner.close();
  }

  cut(): void {
    this.#broken = true;
    this.close();
  }

  #error(): TransportError {
    const { address } = this.peer;
    return new TransportError(`Connection with ${address} broke: the test cut it`, { address });
  }
}
