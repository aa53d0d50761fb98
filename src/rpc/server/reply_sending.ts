/**
 * Sends replies and the end of a call to its wire, with the headers and trailers of its state.
 *
 * @module
 */

import { releaseMessage } from "../../bytes/pool.ts";
import { listBytesOf, type Metadata } from "../../call/metadata.ts";
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
      return respond(call, state, reply);
    }
    sendMessage(call, state, reply);
  } else if (!state.headersSent && state.headers !== undefined) {
    state.sendHeaders();
  }
  sendStatus(call, state, Status.OK, "", state.trailers);
}

function respond(call: ServerCall, state: CallState, reply: Uint8Array): void {
  try {
    call.respond(reply);
  } catch (error) {
    throw state.engineFailed(error);
  }
}

function sendStatus(
  call: ServerCall,
  state: CallState,
  code: Status,
  message: string,
  trailers: Metadata | undefined,
): void {
  // What cannot be sent fails here: an exception of the engine closes the connection.
  if (trailers !== undefined) listBytesOf(trailers);
  try {
    call.sendStatus(code, message, trailers);
  } catch (error) {
    throw state.engineFailed(error);
  }
}

/** Sends one reply, compressed if the context asks for it and the caller accepts it. */
export function sendMessage(call: ServerCall, state: CallState, message: Uint8Array): void {
  if (!state.headersSent && (state.headers !== undefined || state.compress)) {
    state.sendHeaders();
  }
  state.headersSent = true;
  const smaller = state.announced !== undefined && state.compress
    ? compressWhenSmaller(message, state.announced)
    : undefined;
  try {
    call.sendMessage(smaller ?? message, smaller !== undefined);
  } catch (error) {
    throw state.engineFailed(error);
  }
  if (smaller !== undefined) releaseMessage(message);
}

/** Ends a call with an error, as `sendableError` returns it. */
export function sendError(call: ServerCall, state: CallState, error: RpcError): void {
  if (!state.headersSent && state.headers !== undefined) state.sendHeaders();
  const { code, message } = error;
  sendStatus(call, state, code, message, errorTrailers(error, code, state.trailers));
}

/** Iterator of either kind. */
export type AnyIterator = AsyncIterator<unknown> | Iterator<unknown>;

/** Starts to iterate over replies. */
export function iteratorOf(replies: AsyncIterable<unknown> | Iterable<unknown>): AnyIterator {
  return Symbol.asyncIterator in replies
    ? replies[Symbol.asyncIterator]()
    : replies[Symbol.iterator]();
}
