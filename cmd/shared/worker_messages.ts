/**
 * Messages between the server program and its workers.
 *
 * @module
 */

import type { CryptoKeys } from "../../src/services/mod.ts";
import type { Level } from "./logging.ts";
import type { Measured } from "./metrics.ts";
import type { ServingSettings } from "./serving.ts";

/** Message to a worker. */
export type ToWorker =
  /** Starts serving. */
  | { type: "start"; settings: ServingSettings; logLevel: Level }
  /** Passes the signing keys. */
  | { type: "keys"; keys: CryptoKeys }
  /** Requests the measurements. */
  | { type: "measure"; id: number }
  /** Drains and ends. */
  | { type: "shutdown"; graceMs: number };

/** Message from a worker. */
export type FromWorker =
  /** The worker serves at these addresses. */
  | { type: "listening"; addresses: readonly string[] }
  /** The worker can't serve. */
  | { type: "failed"; message: string }
  /** Measurements. */
  | { type: "measured"; id: number; measured: Measured }
  /** The worker has drained. */
  | { type: "finished" };
