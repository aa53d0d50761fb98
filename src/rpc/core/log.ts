/**
 * The loggers. Nothing is written until the program configures LogTape for the category `["vrpc"]`.
 *
 * @module
 */

import { getLogger, type Logger } from "@logtape/logtape";

/** Connections, failing handlers, drains. */
export const serverLog: Logger = getLogger(["vrpc", "server"]);
/** Channels: connections, name resolution, fallbacks. */
export const clientLog: Logger = getLogger(["vrpc", "client"]);
