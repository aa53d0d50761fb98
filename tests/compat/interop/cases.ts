/**
 * Client side of the interoperability cases, as described in gRPC's "Interoperability Test Case Descriptions".
 * A case throws when the server fails it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type CallOptions, type Channel, type Metadata, Status } from "../../../mod.ts";
import { TestService, UnimplementedService } from "../../../proto/gen/grpc/testing/testing_pb.ts";
import {
  type Case,
  collect,
  failsWith,
  LARGE_REQUEST,
  LARGE_RESPONSE,
  once,
  zeros,
} from "./helpers.ts";

const REQUEST_SIZES = [27182, 8, 1828, 45904];
const RESPONSE_SIZES = [31415, 9, 2653, 58979];
const STATUS_MESSAGE = "test status message";
const SPECIAL_MESSAGE = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";
const INITIAL = ["x-grpc-test-echo-initial", "test_initial_metadata_value"] as const;
const TRAILING = ["x-grpc-test-echo-trailing-bin", Uint8Array.of(0xab, 0xab, 0xab)] as const;

async function emptyUnary(channel: Channel) {
  assert.ok(await channel.client(TestService).emptyCall({}));
}

/** Makes one call with large messages in both directions. */
export async function largeUnary(channel: Channel, options?: CallOptions) {
  const reply = await channel.client(TestService).unaryCall({
    responseSize: LARGE_RESPONSE,
    payload: zeros(LARGE_REQUEST),
  }, options);
  assert.equal(reply.payload?.body.length, LARGE_RESPONSE);
  assert(reply.payload.body.every((byte) => byte === 0));
}

async function clientStreaming(channel: Channel) {
  async function* requests() {
    for (const size of REQUEST_SIZES) yield { payload: zeros(size) };
  }
  const reply = await channel.client(TestService).streamingInputCall(requests());
  assert.equal(reply.aggregatedPayloadSize, 74922);
}

async function serverStreaming(channel: Channel) {
  const replies = await collect(
    channel.client(TestService).streamingOutputCall({
      responseParameters: RESPONSE_SIZES.map((size) => ({ size })),
    }),
  );
  assert.deepEqual(replies.map((reply) => reply.payload?.body.length), RESPONSE_SIZES);
}

async function pingPong(channel: Channel) {
  let answered = Promise.withResolvers<void>();
  async function* requests() {
    for (const [index, size] of REQUEST_SIZES.entries()) {
      answered = Promise.withResolvers<void>();
      yield { responseParameters: [{ size: RESPONSE_SIZES[index] }], payload: zeros(size) };
      await answered.promise;
    }
  }
  const sizes: (number | undefined)[] = [];
  for await (const reply of channel.client(TestService).fullDuplexCall(requests())) {
    sizes.push(reply.payload?.body.length);
    answered.resolve();
  }
  assert.deepEqual(sizes, RESPONSE_SIZES);
}

async function emptyStream(channel: Channel) {
  async function* requests() {
    yield* [];
  }
  assert.deepEqual(await collect(channel.client(TestService).fullDuplexCall(requests())), []);
}

async function timeoutOnSleepingServer(channel: Channel) {
  async function* requests(until: Promise<void>) {
    yield { payload: zeros(27182) };
    await until;
  }
  const { promise, resolve } = Promise.withResolvers<void>();
  const replies = channel.client(TestService).fullDuplexCall(requests(promise), { timeoutMs: 1 });
  await failsWith(collect(replies), Status.DEADLINE_EXCEEDED);
  resolve();
}

async function cancelAfterBegin(channel: Channel) {
  const abort = new AbortController();
  const { promise, resolve } = Promise.withResolvers<void>();
  async function* requests() {
    await promise;
    yield* [];
  }
  const call = channel.client(TestService).streamingInputCall(requests(), {
    signal: abort.signal,
  });
  abort.abort();
  await failsWith(call, Status.CANCELLED);
  resolve();
}

async function cancelAfterFirstResponse(channel: Channel) {
  const abort = new AbortController();
  const { promise, resolve } = Promise.withResolvers<void>();
  async function* requests() {
    yield { responseParameters: [{ size: 31415 }], payload: zeros(27182) };
    await promise;
  }
  const replies = channel.client(TestService).fullDuplexCall(requests(), { signal: abort.signal });
  const iterator = replies[Symbol.asyncIterator]();
  assert.equal((await iterator.next()).value?.payload?.body.length, 31415);
  abort.abort();
  await failsWith(iterator.next(), Status.CANCELLED);
  resolve();
}

async function statusCodeAndMessage(channel: Channel) {
  const request = { responseStatus: { code: Status.UNKNOWN, message: STATUS_MESSAGE } };
  const client = channel.client(TestService);
  await failsWith(client.unaryCall(request), Status.UNKNOWN, STATUS_MESSAGE);
  const stream = client.fullDuplexCall(once(request));
  await failsWith(collect(stream), Status.UNKNOWN, STATUS_MESSAGE);
}

async function specialStatusMessage(channel: Channel) {
  const responseStatus = { code: Status.UNKNOWN, message: SPECIAL_MESSAGE };
  const call = channel.client(TestService).unaryCall({ responseStatus });
  await failsWith(call, Status.UNKNOWN, SPECIAL_MESSAGE);
}

async function customMetadata(channel: Channel) {
  let headers: Metadata | undefined;
  let trailers: Metadata | undefined;
  const options = {
    metadata: [INITIAL, TRAILING],
    onHeaders: (received: Metadata) => headers = received,
    onTrailers: (received: Metadata) => trailers = received,
  };
  const check = () => {
    assert.deepEqual(headers?.getAll(INITIAL[0]), [INITIAL[1]]);
    assert.deepEqual(trailers?.getAll(TRAILING[0]).map((v) => [...v]), [[...TRAILING[1]]]);
    headers = trailers = undefined;
  };
  await largeUnary(channel, options);
  check();
  const replies = await collect(
    channel.client(TestService).fullDuplexCall(
      once({ responseParameters: [{ size: LARGE_RESPONSE }], payload: zeros(LARGE_REQUEST) }),
      options,
    ),
  );
  assert.deepEqual(replies.map((reply) => reply.payload?.body.length), [LARGE_RESPONSE]);
  check();
}

async function unimplementedMethod(channel: Channel) {
  await failsWith(channel.client(TestService).unimplementedCall({}), Status.UNIMPLEMENTED);
}

async function unimplementedService(channel: Channel) {
  await failsWith(channel.client(UnimplementedService).unimplementedCall({}), Status.UNIMPLEMENTED);
}

/** Cases of all implementations. */
export const CASES: Readonly<Record<string, Case>> = {
  empty_unary: emptyUnary,
  large_unary: largeUnary,
  client_streaming: clientStreaming,
  server_streaming: serverStreaming,
  ping_pong: pingPong,
  empty_stream: emptyStream,
  timeout_on_sleeping_server: timeoutOnSleepingServer,
  cancel_after_begin: cancelAfterBegin,
  cancel_after_first_response: cancelAfterFirstResponse,
  status_code_and_message: statusCodeAndMessage,
  special_status_message: specialStatusMessage,
  custom_metadata: customMetadata,
  unimplemented_method: unimplementedMethod,
  unimplemented_service: unimplementedService,
};
