/**
 * Sends replies and the end of a call to its wire, with the headers and trailers of its state.
 *
 * @module
 */

import { releaseMessage } from "../../bytes/pool.ts";
import { Status } from "../../call/status.ts";
import type { ServerCall } from "../../call/wire.ts";
import { compressWhenSmaller } from "../../codec/compression.ts";
import type { RpcError } from "../../errors.ts";
import type { CallState } from "../dispatch/call_context.ts";
import { errorTrailers } from "./call_errors.ts";

/** Sends the single reply of a call, if it has one, and OK. */
export function sendOk(
  call: ServerCall,
  state: CallState,
  reply: Uint8Array | undefined,
): void {
  if (reply !== undefined) {
    if (
      state.headers === undefined && state.trailers === undefined && !state.headersSent &&
      !state.compress
    ) {
      return call.respond(reply);
    }
    sendMessage(call, state, reply);
  } else if (!state.headersSent && state.headers !== undefined) {
    state.sendHeaders();
  }
  call.sendStatus(Status.OK, "", state.trailers);
}

/** Sends one reply, compressed if the context asks for it and the caller accepts it. */
export function sendMessage(call: ServerCall, state: CallState, message: Uint8Array): void {
  if (!state.headersSent && (state.headers !== undefined || state.compress)) {
    state.sendHeaders();
  }
  state.headersSent = true;
  const smaller = state.gzipAnnounced && state.compress ? compressWhenSmaller(message) : undefined;
  call.sendMessage(smaller ?? message, smaller !== undefined);
  if (smaller !== undefined) releaseMessage(message);
}

/** Ends a call with an error, as `sendableError` returns it. */
export function sendError(call: ServerCall, state: CallState, error: RpcError): void {
  if (!state.headersSent && state.headers !== undefined) state.sendHeaders();
  const { code, message } = error;
  call.sendStatus(code, message, errorTrailers(error, code, state.trailers));
}

/** Iterator of either kind. */
export type AnyIterator = AsyncIterator<unknown> | Iterator<unknown>;

/** Starts to iterate over replies. */
export function iteratorOf(replies: AsyncIterable<unknown> | Iterable<unknown>): AnyIterator {
  return Symbol.asyncIterator in replies
    ? replies[Symbol.asyncIterator]()
    : replies[Symbol.iterator]();
}
