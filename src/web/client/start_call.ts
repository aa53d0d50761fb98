/**
 * Starts calls of a client by the protocol of its connection.
 *
 * @module
 */

import type { CallRequest, ClientCall, ClientCallSink } from "../../call/wire.ts";
import { ConnectUnaryCall } from "./connect_unary_call.ts";
import type { HttpOpener } from "./exchange.ts";
import type { WebClientOptions } from "./options.ts";
import { StreamCall } from "./stream_call.ts";
import { CONNECT_STREAM, GRPC_WEB } from "./stream_format.ts";

/** Starts a call, which takes a slot of the connection. Throws RpcError or TypeError if it cannot be sent. */
export function startWebCall(
  opener: HttpOpener,
  options: WebClientOptions,
  request: CallRequest,
  sink: ClientCallSink,
): ClientCall {
  if (options.protocol === "grpc-web") {
    return new StreamCall(opener, GRPC_WEB, options, request, sink);
  }
  if (request.singleResponse && !request.requestStreams) {
    return new ConnectUnaryCall(opener, options, request, sink);
  }
  return new StreamCall(opener, CONNECT_STREAM, options, request, sink);
}
