/**
 * The one small interface that every transport implements, and that users may implement themselves.
 *
 * @module
 */

import type { PeerInfo } from "../call/wire.ts";

/** An ordered, reliable, duplex stream of bytes: a socket, or anything that behaves like one. */
export interface ByteStream {
  /**
   * Reads at least one byte into `buffer`; resolves to how many, or null at the end of the stream.
   * One read at a time. Rejects when the stream broke or was closed.
   */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes from the start of `data`; resolves to how many bytes were taken (1 to `data.length`). One write at a time. */
  write(data: Uint8Array): Promise<number>;
  /** Ends the sending side; reading goes on. */
  closeWrite(): Promise<void>;
  /** Closes at once; pending reads and writes reject. Idempotent, never throws. */
  close(): void;
  /** Completes what precedes the first byte (a TLS handshake). Absent where there is nothing to do. */
  handshake?(): Promise<void>;
  /** Facts about the other end; complete once `handshake` has resolved. */
  readonly peer: PeerInfo;
  /** This end's address in the address grammar. */
  readonly localAddress: string;
}

/** Waits for connections on one address. */
export interface Listener {
  /** The address with the real port, in the address grammar. */
  readonly address: string;
  /**
   * Resolves to the next connection, before any TLS handshake; to null once the listener is closed. A
   * failure that concerns one connection only (aborted before accept, out of descriptors) rejects, and
   * accept may be called again.
   */
  accept(): Promise<ByteStream | null>;
  /** Stops listening and removes what listening made (a Unix socket's file). Idempotent. */
  close(): void;
}
