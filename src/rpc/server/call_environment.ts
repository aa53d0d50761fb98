/**
 * What the handlers of a server's calls share.
 *
 * @module
 */

import type { Status } from "../../call/status.ts";
import type { DeadlineQueue } from "../core/deadline_queue.ts";
import type { CallState } from "../dispatch/call_context.ts";
import type { Dispatcher } from "../dispatch/dispatcher.ts";
import type { FailureReports } from "./sendable_error.ts";

/** Server interface used by a `ServerCallHandler`. */
export interface CallEnvironment extends FailureReports {
  /** Runs calls. */
  readonly dispatcher: Dispatcher;
  /** Holds the deadlines of all calls. */
  readonly deadlines: DeadlineQueue;
  /** Whether replies are compressed unless the handler decides otherwise. */
  readonly compress: boolean;
  /** Largest decompressed request, in bytes. */
  readonly maxReceiveMessageBytes: number;
  /** Counts a call that ended with `code`. Called once per call. */
  ended(code: Status): void;
  /** Logs what a listener of the call's signal threw. */
  listenerFailed(state: CallState, error: unknown): void;
}
