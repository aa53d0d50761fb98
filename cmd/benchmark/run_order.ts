/**
 * Input of one run of the benchmark.
 *
 * @module
 */

import type { LiveState } from "../../src/load/mod.ts";
import type { Endpoint } from "./messages.ts";
import type { ServerSide } from "./server_side.ts";
import type { Settings } from "./settings.ts";
import type { Subject } from "./subject.ts";

/** Input of a run. */
export interface RunOrder {
  /** Method and requests. */
  readonly subject: Subject;
  /** Settings. */
  readonly settings: Settings;
  /** Server to call. */
  readonly endpoint: Endpoint;
  /** Source of the CPU time of the server. */
  readonly server: ServerSide;
  /** Shows how far the run is; undefined for no progress. */
  readonly show?: (state: LiveState) => void;
  /** What the progress says before the title: the trial or the round. */
  readonly label?: string;
  /** Aborts when the user stops the run. */
  readonly signal: AbortSignal;
}
