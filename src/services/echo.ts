/**
 * The echo service: returns payloads together with the server's times.
 *
 * @module
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { getLogger } from "@logtape/logtape";
import {
  type EchoRequest,
  type EchoResponseSchema,
  EchoService,
  type EchoStreamRequest,
  type EchoStreamResponseSchema,
} from "../../proto/gen/vrpc/echo/v1/echo_pb.ts";
import type { ServiceImplementation } from "../rpc/dispatch/handlers.ts";
import type { HandlerContext } from "../rpc/core/types.ts";
import type { Router } from "../rpc/dispatch/router.ts";
import { epochNanoseconds } from "./nanoseconds.ts";

const logger = getLogger(["vrpc", "services", "echo"]);

/** Handlers of `vrpc.echo.v1.EchoService`. */
export const echoHandlers: ServiceImplementation<typeof EchoService> = {
  /** Returns the payload of one request. */
  echo(
    request: EchoRequest,
    context: HandlerContext,
  ): MessageInitShape<typeof EchoResponseSchema> {
    const receivedAtNs = epochNanoseconds();
    logRequest("Echo", request.payload, context);
    return { payload: request.payload, receivedAtNs, sentAtNs: epochNanoseconds() };
  },

  /** Returns the payload of every request as it arrives. */
  async *echoStream(
    requests: AsyncIterable<EchoStreamRequest>,
    context: HandlerContext,
  ): AsyncGenerator<MessageInitShape<typeof EchoStreamResponseSchema>> {
    for await (const { payload } of requests) {
      const receivedAtNs = epochNanoseconds();
      logRequest("EchoStream", payload, context);
      yield { payload, receivedAtNs, sentAtNs: epochNanoseconds() };
    }
  },
};

/** Adds `vrpc.echo.v1.EchoService` to a router. */
export function addEcho(router: Router): void {
  router.service(EchoService, echoHandlers);
}

function logRequest(method: string, payload: Uint8Array, context: HandlerContext): void {
  // A callback, so that a line below the log level costs almost nothing.
  logger.debug("{method}: {bytes} bytes from {peer}", () => ({
    method,
    bytes: payload.length,
    peer: context.peer.address,
  }));
}
