/**
 * Servers without sockets: a handler of the Fetch API for Deno Deploy, `Deno.serve`, workers and web frameworks, which
 * answers calls of Connect and gRPC-Web.
 *
 * ```ts
 * import { fetchHandler } from "@vrpc/vrpc/fetch";
 * import { EchoService } from "@vrpc/vrpc/services/echo";
 *
 * const handler = fetchHandler((router) => {
 *   router.service(EchoService, { echo: (request) => ({ payload: request.payload }) });
 * });
 * await using server = Deno.serve({ port: 0, hostname: "127.0.0.1" }, handler);
 * ```
 *
 * @module
 */

export { type FetchHandler, fetchHandler, type FetchHandlerStats } from "./handler.ts";
export type { FetchHandlerOptions, FetchLimits, FetchWebOptions } from "./options.ts";
