/**
 * Log of the adapter: `setLogger`, `setLogVerbosity` and the environment variables of grpc-js.
 *
 * @module
 */

import process from "node:process";
import { LogVerbosity } from "./constants.ts";

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
  try {
    const name = process.env.GRPC_NODE_VERBOSITY ?? process.env.GRPC_VERBOSITY ?? "";
    const level = LogVerbosity[name.toUpperCase() as keyof typeof LogVerbosity];
    return level ?? LogVerbosity.ERROR;
  } catch {
    // The environment may not be read.
    return LogVerbosity.ERROR;
  }
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
