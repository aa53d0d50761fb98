/**
 * Loggers. They write nothing until the program configures LogTape for the category `["vrpc"]`.
 *
 * @module
 */

import { getLogger, type Logger } from "@logtape/logtape";

/** Logger of servers: connections, failing handlers, drains. */
export const serverLog: Logger = getLogger(["vrpc", "server"]);
/** Logger of channels: connections, name resolution, fallbacks. */
export const clientLog: Logger = getLogger(["vrpc", "client"]);
/** Logger of HTTP servers: connections, failing handlers. */
export const httpLog: Logger = getLogger(["vrpc", "http"]);
