/**
 * Log of the adapter: `setLogger`, `setLogVerbosity` and the environment variables of grpc-js.
 *
 * @module
 */

import { LogVerbosity } from "./constants.ts";
import { variable } from "./environment.ts";

/** Receives log messages: `console`, or an object with some of its methods. */
export type Logger = Partial<Console>;

let logger: Logger = {
  error: (...message: unknown[]) => console.error("E", ...message),
  info: (...message: unknown[]) => console.error("I", ...message),
  debug: (...message: unknown[]) => console.error("D", ...message),
};
let verbosity: LogVerbosity | undefined;

/** Sets the receiver of log messages. */
export function setLogger(receiver: Logger): void {
  logger = receiver;
}

/** Sets the least severity that is logged. Default ERROR, or that of GRPC_NODE_VERBOSITY or GRPC_VERBOSITY. */
export function setLogVerbosity(least: LogVerbosity): void {
  verbosity = least;
}

function fromEnvironment(): LogVerbosity {
  const name = variable("GRPC_NODE_VERBOSITY") ?? variable("GRPC_VERBOSITY") ?? "";
  return LogVerbosity[name.toUpperCase() as keyof typeof LogVerbosity] ?? LogVerbosity.ERROR;
}

/** Logs a message of a severity below NONE. */
export function log(severity: LogVerbosity, message: string): void {
  verbosity ??= fromEnvironment();
  if (severity < verbosity) return;
  const own = severity === LogVerbosity.DEBUG
    ? logger.debug
    : severity === LogVerbosity.INFO
    ? logger.info
    : logger.error;
  (own ?? logger.error)?.call(logger, message);
}
