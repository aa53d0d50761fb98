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

/** A socket of the runtime as a ByteStream; reads and writes go straight to it. */
export class ConnStream implements ByteStream {
  readonly peer: PeerInfo;
  readonly localAddress: string;
  readonly #conn: RawConn;
  #closed = false;

  /** Wraps `conn`, which from then on belongs to this stream. */
  constructor(conn: RawConn, peer: PeerInfo, localAddress: string) {
    this.#conn = conn;
    this.peer = peer;
    this.localAddress = localAddress;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#conn.read(buffer).then(undefined, this.#fail);
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
    const { address } = this.peer;
    throw new TransportError(
      `Connection with ${address} broke: ${this.#closed ? "it was closed here" : reasonOf(error)}`,
      { address, cause: error },
    );
  };
}
