/**
 * What the header section of a request says about the call that it starts.
 *
 * @module
 */

import type { Metadata } from "../../call/metadata.ts";
import type { ServerCallSink } from "../../call/wire.ts";
import type { HttpExchange } from "./exchange.ts";

/** A call, as its header section describes it. */
export interface CallStart {
  readonly exchange: HttpExchange;
  /** Message format, for example `proto`; empty when the method determines it. */
  readonly format: string;
  /** Time that the caller allows, in ms; Infinity for no deadline. */
  readonly timeoutMs: number;
  /** Compression of request messages. */
  readonly encoding: string;
  /** Compressions that the caller accepts. */
  readonly acceptedEncodings: string;
  /** Compressions that the server accepts, as it lists them in responses. */
  readonly ownEncodings: string;
  readonly metadata: Metadata;
  /** Fields of every response to the request, such as those for browsers. */
  readonly responseFields: readonly string[];
  /** Largest message accepted from the caller, in bytes. */
  readonly maxReceiveMessageBytes: number;
}

/** Sink of a call until it has its own. */
export const NO_CALL_SINK: ServerCallSink = {
  onMessage() {},
  onHalfClose() {},
  onCancel() {},
  onWritable() {},
};
