/**
 * Sends replies and the end of a call to its wire, with the headers and trailers of its context.
 *
 * @module
 */

import { releaseMessage } from "../../bytes/pool.ts";
import { Status } from "../../call/status.ts";
import type { ServerCall } from "../../call/wire.ts";
import { compressWhenSmaller } from "../../codec/compression.ts";
import type { RpcError } from "../../errors.ts";
import type { CallContext } from "../dispatch/call_context.ts";
import { errorTrailers } from "./call_errors.ts";

/** Sends the single reply of a call, if it has one, and OK. */
export function sendOk(
  call: ServerCall,
  context: CallContext,
  reply: Uint8Array | undefined,
): void {
  if (reply !== undefined) {
    if (
      context.headers === undefined && context.trailers === undefined && !context.headersSent &&
      !context.compress
    ) {
      return call.respond(reply);
    }
    sendMessage(call, context, reply);
  } else if (!context.headersSent && context.headers !== undefined) {
    context.sendHeaders();
  }
  call.sendStatus(Status.OK, "", context.trailers);
}

/** Sends one reply, compressed if the context asks for it and the caller accepts it. */
export function sendMessage(call: ServerCall, context: CallContext, message: Uint8Array): void {
  if (!context.headersSent && (context.headers !== undefined || context.compress)) {
    context.sendHeaders();
  }
  context.headersSent = true;
  const smaller = context.gzipAnnounced && context.compress
    ? compressWhenSmaller(message)
    : undefined;
  call.sendMessage(smaller ?? message, smaller !== undefined);
  if (smaller !== undefined) releaseMessage(message);
}

/** Ends a call with an error, as `sendableError` returns it. */
export function sendError(call: ServerCall, context: CallContext, error: RpcError): void {
  if (!context.headersSent && context.headers !== undefined) context.sendHeaders();
  const { code, message } = error;
  call.sendStatus(code, message, errorTrailers(error, code, context.trailers));
}
