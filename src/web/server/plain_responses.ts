/**
 * Responses to requests that are no calls, and to calls that no protocol can carry.
 *
 * @module
 */

import type { HttpExchange } from "./exchange.ts";

const encoder = new TextEncoder();

/** Content types of calls, for the field `Accept-Post`. */
export const ACCEPT_POST = "application/grpc-web, application/grpc-web-text, application/proto, " +
  "application/json, application/connect+proto, application/connect+json";

/** Sends a response in plain text, without a body to HEAD, and frees the slot of the request. */
export function respondText(
  exchange: HttpExchange,
  status: number,
  text: string,
  fields: readonly string[] = [],
): void {
  const body = encoder.encode(text);
  exchange.respond(status, ["content-type", "text/plain; charset=utf-8", ...fields], body);
  exchange.handlerDone();
}
