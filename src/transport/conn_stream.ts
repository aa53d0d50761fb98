/**
 * Sockets of the runtime as {@link ByteStream}s. Thin, because it is on the hot path.
 *
 * @module
 */

import type { PeerInfo } from "../call/wire.ts";
import { TransportError } from "../errors.ts";
import { type RawConn, runtime } from "../runtime/mod.ts";
import { reasonOf } from "./failure.ts";
import type { ByteStream } from "./types.ts";

/** Error texts of a {@link ConnStream}. */
export interface ConnStreamOptions {
  /** Describes an error. Default: {@link reasonOf}. */
  reason?: (error: unknown) => string;
  /** Error text for a close by the peer before the first byte. Default: such a close is a normal end of the stream. */
  earlyEnd?: string;
}

/** Socket of the runtime as a ByteStream. */
export class ConnStream implements ByteStream {
  readonly peer: PeerInfo;
  readonly localAddress: string;
  readonly #conn: RawConn;
  readonly #reason: (error: unknown) => string;
  #earlyEnd: string | undefined;
  #closed = false;
  /** Latest read and write: the runtime keeps the socket until they have settled. */
  #reading: Promise<number | null> | undefined = undefined;
  #writing: Promise<number> | undefined = undefined;

  /** Takes over `conn`. */
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
    this.#reading = reading;
    return this.#earlyEnd === undefined ? reading : this.#firstRead(reading);
  }

  /** Turns an end before the first byte into an error, because the peer has rejected the connection. */
  async #firstRead(reading: Promise<number | null>): Promise<number | null> {
    const count = await reading;
    const reason = this.#earlyEnd;
    this.#earlyEnd = undefined;
    if (count === null && reason !== undefined) throw this.#error(reason);
    return count;
  }

  write(data: Uint8Array): Promise<number> {
    return this.#writing = this.#conn.write(data).then(undefined, this.#fail);
  }

  async closeWrite(): Promise<void> {
    try {
      await this.#conn.closeWrite();
    } catch (error) {
      // The peer has closed the connection already.
      if (runtime.errorCode(error) === "ENOTCONN") return;
      this.#fail(error);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#conn.close();
    } catch {
      // The runtime has already closed the connection.
    }
  }

  unref(): void {
    this.#conn.unref();
  }

  async released(): Promise<void> {
    await Promise.allSettled([this.#reading, this.#writing]);
  }

  readonly #fail = (error: unknown): never => {
    if (this.#closed) throw this.#error("it was closed here", error);
    const early = this.#earlyEnd !== undefined && runtime.errorCode(error) === "EOF";
    throw this.#error(early ? this.#earlyEnd! : this.#reason(error), error);
  };

  #error(reason: string, cause?: unknown): TransportError {
    const { address } = this.peer;
    return new TransportError(`Connection with ${address} broke: ${reason}`, { address, cause });
  }
}
