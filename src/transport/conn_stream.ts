/**
 * `Deno.Conn` as a {@link ByteStream}: as thin as it can be, because this is the hot path.
 *
 * @module
 */

import type { PeerInfo } from "../call/wire.ts";
import { TransportError } from "../errors.ts";
import { reasonOf } from "./failure.ts";
import type { ByteStream } from "./types.ts";

/** What a {@link ConnStream} needs of a connection; `Deno.Conn` has it. */
export interface RawConn {
  read(buffer: Uint8Array): Promise<number | null>;
  write(data: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
}

/** How a {@link ConnStream} words and judges what happens to it. */
export interface ConnStreamOptions {
  /** Why `error` happened, in words. Default: {@link reasonOf}. */
  reason?: (error: unknown) => string;
  /** The reason of an end that comes before any byte; without it, that is an end like others. */
  earlyEnd?: string;
}

/** A socket of the runtime as a ByteStream; reads and writes go straight to it. */
export class ConnStream implements ByteStream {
  readonly peer: PeerInfo;
  readonly localAddress: string;
  readonly #conn: RawConn;
  readonly #reason: (error: unknown) => string;
  #earlyEnd: string | undefined;
  #closed = false;

  /** Wraps `conn`, which from then on belongs to this stream. */
  constructor(
    conn: RawConn,
    peer: PeerInfo,
    localAddress: string,
    options: ConnStreamOptions = {},
  ) {
    this.#conn = conn;
    this.peer = peer;
    this.localAddress = localAddress;
    this.#reason = options.reason ?? reasonOf;
    this.#earlyEnd = options.earlyEnd;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    const reading = this.#conn.read(buffer).then(undefined, this.#fail);
    return this.#earlyEnd === undefined ? reading : this.#firstRead(reading);
  }

  /** Until the first byte has come, an end means that the peer turned this side away. */
  async #firstRead(reading: Promise<number | null>): Promise<number | null> {
    const count = await reading;
    const reason = this.#earlyEnd;
    this.#earlyEnd = undefined;
    if (count === null && reason !== undefined) throw this.#error(reason);
    return count;
  }

  write(data: Uint8Array): Promise<number> {
    return this.#conn.write(data).then(undefined, this.#fail);
  }

  async closeWrite(): Promise<void> {
    try {
      await this.#conn.closeWrite();
    } catch (error) {
      // A peer that is gone needs no end of stream.
      if (error instanceof Deno.errors.NotConnected) return;
      this.#fail(error);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#conn.close();
    } catch {
      // Closed by the runtime already.
    }
  }

  readonly #fail = (error: unknown): never => {
    if (this.#closed) throw this.#error("it was closed here", error);
    const early = this.#earlyEnd !== undefined && error instanceof Deno.errors.UnexpectedEof;
    throw this.#error(early ? this.#earlyEnd! : this.#reason(error), error);
  };

  #error(reason: string, cause?: unknown): TransportError {
    const { address } = this.peer;
    return new TransportError(`Connection with ${address} broke: ${reason}`, { address, cause });
  }
}
