/**
 * What the server program and its workers say to each other.
 *
 * @module
 */

import type { CryptoKeys } from "../../src/services/mod.ts";
import type { Level } from "./logging.ts";
import type { Measured } from "./metrics.ts";
import type { ServingSettings } from "./serving.ts";

/** To a worker. */
export type ToWorker =
  /** Start serving. */
  | { type: "start"; settings: ServingSettings; logLevel: Level }
  /** The signing keys are ready. */
  | { type: "keys"; keys: CryptoKeys }
  /** Say what was measured. */
  | { type: "measure"; id: number }
  /** Drain and finish. */
  | { type: "shutdown"; graceMs: number };

/** From a worker. */
export type FromWorker =
  /** It serves at these addresses. */
  | { type: "listening"; addresses: readonly string[] }
  /** It can't serve, and says why. */
  | { type: "failed"; message: string }
  /** What it measured. */
  | { type: "measured"; id: number; measured: Measured }
  /** It has drained. */
  | { type: "finished" };
