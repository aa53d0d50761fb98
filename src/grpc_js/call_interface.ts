/**
 * Interface of calls between channels and interceptors.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import type { PeerCertificate } from "node:tls";
import type { CallCredentials } from "./call_credentials.ts";
import type { Status } from "./constants.ts";
import type { Deadline } from "./deadline.ts";
import type { InterceptingListener } from "./listener.ts";
import type { Metadata } from "./metadata.ts";

/** Identity of the peer. */
export interface AuthContext {
  /** `ssl` on connections with TLS. */
  transportSecurityType?: string;
  /** Certificate of a client that the server's authorities verify; a new object each time. */
  sslPeerCertificate?: PeerCertificate;
}

/** How a message is sent, and what is called when it was. */
export interface MessageContext {
  /** Called when the next message should be sent. */
  callback?: (error?: Error | null) => void;
  /** Bits of {@link WriteFlags}. */
  flags?: number;
}

/** Call of a channel. */
export interface Call {
  /** Ends the call with a status. */
  cancelWithStatus(status: Status, details: string): void;
  /** Returns the address of the server, or the target before there is a connection. */
  getPeer(): string;
  /** Starts the call. */
  start(metadata: Metadata, listener: InterceptingListener): void;
  /** Sends an encoded message. */
  sendMessageWithContext(context: MessageContext, message: Buffer): void;
  /** Asks for one more reply. */
  startRead(): void;
  /** Ends the requests. */
  halfClose(): void;
  /** Returns the number of the call. */
  getCallNumber(): number;
  /** Sets the credentials of this call. */
  setCredentials(credentials: CallCredentials): void;
  /** Returns the identity of the server; null before there is a connection. */
  getAuthContext(): AuthContext | null;
}

/** Call on a server that calls of a client inherit from. */
export interface ParentCall {
  /** Returns its deadline. */
  getDeadline(): Deadline;
  /** Adds a listener for its cancellation. */
  on(event: "cancelled", listener: () => void): unknown;
  /** Removes that listener. */
  removeListener(event: "cancelled", listener: () => void): unknown;
}
