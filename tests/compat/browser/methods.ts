/**
 * What page and server agree on: a service whose requests state what the handler does.
 *
 * @module
 */

import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { TestService } from "../../../proto/gen/grpc/testing/testing_pb.ts";

/** `responseSize` of requests whose handler waits until the call ends. */
export const WAIT_FOR_END = -1;
/** `intervalUs` of stream messages before which the handler waits for a call of `emptyCall`. */
export const WAIT_FOR_RELEASE = -1;

export const INITIAL = "x-grpc-test-echo-initial";
export const TRAILING = "x-grpc-test-echo-trailing-bin";

/** The test service with a unary method that may be called by GET. */
export const BrowserService: typeof TestService = (() => {
  const methods = TestService.methods.map((method) => ({
    ...method,
    idempotency: method.localName === "unaryCall"
      ? MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS
      : method.idempotency,
  }));
  const method = Object.fromEntries(methods.map((one) => [one.localName, one]));
  return { ...TestService, methods, method } as unknown as typeof TestService;
})();
