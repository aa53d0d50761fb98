/**
 * Environment variables that grpc-js reads. Where the environment may not be read, they count as unset.
 *
 * @module
 */

import process from "node:process";
import { readFileSync } from "node:fs";

/** Returns an environment variable; undefined if it is unset or may not be read. */
export function variable(name: string): string | undefined {
  try {
    return process.env[name];
  } catch {
    return undefined;
  }
}

/** Whether statuses name the exception of a handler or a codec (GRPC_NODE_DEBUG_SEND_ERROR_DETAILS). */
export const SEND_ERROR_DETAILS: boolean =
  variable("GRPC_NODE_DEBUG_SEND_ERROR_DETAILS")?.toLowerCase() === "true";

let roots: string | undefined;

/** Returns the authorities in PEM of GRPC_DEFAULT_SSL_ROOTS_FILE_PATH; undefined if it is unset. */
export function defaultRoots(): string | undefined {
  const path = variable("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH");
  if (path === undefined || path === "") return undefined;
  return roots ??= readFileSync(path, "utf8");
}
