/**
 * What the servers of the comparison do beside echoing.
 *
 * @module
 */

/**
 * Modes of a server, as the argument `--mode` names them:
 *
 * - `plain`: returns the request;
 * - `async`: the handler of Unary waits for a promise that is already resolved;
 * - `turn`: the handler of Unary waits until its runtime has looked at everything else that is ready;
 * - `interceptors`: the first of two checks the token of the call, the second measures the time of the handler;
 * - `metadata`: the handler of Unary sends the request's fields back as response headers;
 * - `gzip`: messages are compressed in both directions.
 */
export type Mode = "plain" | "async" | "turn" | "interceptors" | "metadata" | "gzip";

/** Value of the field `authorization` in the mode `interceptors`. */
export const TOKEN = "Bearer benchmark";

/** Prefix of the fields that the mode `metadata` sends back. */
export const FIELD_PREFIX = "x-field-";
