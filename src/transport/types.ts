/**
 * Interfaces that each transport implements. Applications may implement them too.
 *
 * @module
 */

import type { PeerInfo } from "../call/wire.ts";
import type { ChannelBinding } from "./channel_binding.ts";

/** Ordered, reliable, duplex stream of bytes, such as a socket. */
export interface ByteStream {
  /**
   * Reads at least one byte into `buffer`; resolves to the number of bytes, or null at the end of the stream. Rejects
   * if the stream breaks or is closed. One read at a time.
   */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes the start of `data`; resolves to the number of bytes accepted, 1 to `data.length`. One write at a time. */
  write(data: Uint8Array): Promise<number>;
  /** Ends the sending side; reads continue. */
  closeWrite(): Promise<void>;
  /** Closes at once; pending reads and writes reject. Idempotent, never throws. */
  close(): void;
  /**
   * Resolves once what the stream held, such as the descriptor of its socket, is released. Call it after `close`. Never
   * rejects. Absent if `close` releases everything at once.
   */
  released?(): Promise<void>;
  /** Lets the process exit while the stream is open. Absent if an open stream does not keep it alive. */
  unref?(): void;
  /** Performs the TLS handshake, or other steps before the first byte. Absent if there are none. */
  handshake?(): Promise<void>;
  /**
   * Returns what is unique to this TLS connection, for attestation, once `handshake` has resolved; undefined if the runtime
   * does not tell, and before TLS 1.3. Absent without TLS.
   */
  channelBinding?(): ChannelBinding | undefined;
  /** Information on the peer; complete once `handshake` has resolved. */
  readonly peer: PeerInfo;
  /** Address of this end, in the address grammar. */
  readonly localAddress: string;
}

/** Accepts connections on one address. */
export interface Listener {
  /** Address with the actual port, in the address grammar. */
  readonly address: string;
  /**
   * Resolves to the next connection, before its TLS handshake, or to null once the listener is closed. Rejects for
   * failures of one connection (aborted before accept, out of descriptors); `accept` may then be called again.
   */
  accept(): Promise<ByteStream | null>;
  /**
   * Stops listening and removes the file of a Unix socket. Resolves once the address is free; a repeated call waits for
   * the first. Never rejects.
   */
  close(): Promise<void>;
}
