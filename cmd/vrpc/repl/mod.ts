/**
 * `vrpc repl`, loaded on demand.
 *
 * @module
 */

export { historyPath } from "./history.ts";
export { runRepl } from "./repl.ts";
export { Server } from "./server.ts";
