/**
 * Server side of gRPC's interoperability cases: `grpc.testing.TestService`.
 *
 * @module
 */

import { type HandlerContext, type Router, RpcError, Status } from "../../../mod.ts";
import {
  type BoolValue,
  type EchoStatus,
  type ResponseParameters,
  type StreamingOutputCallRequest,
  TestService,
} from "../../../proto/gen/grpc/testing/testing_pb.ts";

const ECHO_INITIAL = "x-grpc-test-echo-initial";
const ECHO_TRAILING = "x-grpc-test-echo-trailing-bin";

function echoMetadata(ctx: HandlerContext): void {
  const initial = ctx.metadata.get(ECHO_INITIAL);
  if (initial !== undefined) ctx.responseHeaders.set(ECHO_INITIAL, initial);
  const trailing = ctx.metadata.get(ECHO_TRAILING);
  if (trailing !== undefined) ctx.responseTrailers.set(ECHO_TRAILING, trailing);
}

function failIfAsked(status: EchoStatus | undefined): void {
  if (status && status.code !== 0) throw new RpcError(status.code as Status, status.message);
}

function checkCompression(expected: BoolValue | undefined, ctx: HandlerContext): void {
  if (expected && expected.value !== ctx.requestCompressed) {
    throw new RpcError(
      Status.INVALID_ARGUMENT,
      `The request must ${expected.value ? "" : "not "}be compressed`,
    );
  }
}

function payload(size: number): { body: Uint8Array } {
  if (size < 0) throw new RpcError(Status.INVALID_ARGUMENT, `Cannot make ${size} bytes`);
  return { body: new Uint8Array(size) };
}

async function* replies(wanted: ResponseParameters[], ctx: HandlerContext) {
  for (const { size, intervalUs, compressed } of wanted) {
    if (intervalUs > 0) await new Promise((resolve) => setTimeout(resolve, intervalUs / 1000));
    ctx.compress = compressed?.value ?? false;
    yield { payload: payload(size) };
  }
}

async function* fullDuplex(
  requests: AsyncIterable<StreamingOutputCallRequest>,
  ctx: HandlerContext,
) {
  echoMetadata(ctx);
  for await (const { responseStatus, responseParameters } of requests) {
    failIfAsked(responseStatus);
    yield* replies(responseParameters, ctx);
  }
}

/** Adds `grpc.testing.TestService`, without the method that must stay unimplemented. */
export function addTestService(router: Router): void {
  router.service(TestService, {
    emptyCall: () => ({}),
    unaryCall(request, ctx) {
      echoMetadata(ctx);
      checkCompression(request.expectCompressed, ctx);
      failIfAsked(request.responseStatus);
      ctx.compress = request.responseCompressed?.value ?? false;
      return { payload: payload(request.responseSize) };
    },
    async streamingInputCall(requests, ctx) {
      let aggregatedPayloadSize = 0;
      for await (const request of requests) {
        checkCompression(request.expectCompressed, ctx);
        aggregatedPayloadSize += request.payload?.body.length ?? 0;
      }
      return { aggregatedPayloadSize };
    },
    async *streamingOutputCall(request, ctx) {
      failIfAsked(request.responseStatus);
      yield* replies(request.responseParameters, ctx);
    },
    fullDuplexCall: fullDuplex,
    async *halfDuplexCall(requests, ctx) {
      const all: StreamingOutputCallRequest[] = [];
      for await (const request of requests) all.push(request);
      for (const request of all) yield* replies(request.responseParameters, ctx);
    },
  });
}
