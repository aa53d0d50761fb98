/**
 * What one run of the benchmark is given.
 *
 * @module
 */

import type { Endpoint } from "./messages.ts";
import type { ServerSide } from "./server_side.ts";
import type { Settings } from "./settings.ts";
import type { Subject } from "./subject.ts";

/** What a run is given. */
export interface RunOrder {
  /** What is called. */
  readonly subject: Subject;
  /** The options, made sense of. */
  readonly settings: Settings;
  /** Where the calls go. */
  readonly endpoint: Endpoint;
  /** The server, for its CPU time. */
  readonly server: ServerSide;
  /** Shows a line of progress; undefined to be quiet. */
  readonly show?: (line: string) => void;
  /** Fires when the user wants to end early. */
  readonly signal: AbortSignal;
}
