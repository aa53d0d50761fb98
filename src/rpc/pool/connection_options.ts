/**
 * Configuration of a client connection.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import type { ClientConnection, ClientConnectionSink } from "../../call/wire.ts";
import type { ByteStream } from "../../transport/types.ts";
import type { FailureLog } from "../core/failure_log.ts";
import type { CallObserver } from "../core/observer.ts";
import type { AttestFunction } from "./attestation_gate.ts";

/** Configuration of a connection. */
export interface ConnectionOptions {
  /** The address, for error texts and statistics. */
  readonly address: string;
  /** Opens the byte stream; rejects when the signal fires. */
  readonly dial: (signal: AbortSignal) => Promise<ByteStream>;
  /** Makes the protocol engine for an open byte stream. */
  readonly engine: (
    sink: ClientConnectionSink,
    stream: ByteStream,
    nowMs: number,
  ) => ClientConnection;
  /** Whether an open connection keeps the process alive. */
  readonly keepsProcessAlive: boolean;
  /** Has the server prove itself before the connection is ready. Default: it need not. */
  readonly attest?: AttestFunction;
  /** Time limit from the dial to the peer's first settings, in ms. */
  readonly connectTimeoutMs: number;
  readonly clock: Clock;
  /** The server closed the connection for too many pings. */
  readonly onTooManyPings: () => void;
  readonly log: (level: "debug" | "warn", message: string) => void;
  /** Receives failures of the application's hooks. */
  readonly failures: FailureLog;
  /** Observes each attempt. */
  readonly observer?: CallObserver;
}
