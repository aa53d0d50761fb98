/**
 * Interoperability cases of compression. They use single messages: `compress` decides for each message, and
 * `onMessage` reports whether a reply was compressed.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Channel, Status } from "../../../mod.ts";
import { TestService } from "../../../proto/gen/grpc/testing/testing_pb.ts";
import {
  type Case,
  collect,
  failsWith,
  LARGE_REQUEST,
  LARGE_RESPONSE,
  once,
  zeros,
} from "./helpers.ts";

async function clientCompressedUnary(channel: Channel) {
  const client = channel.client(TestService);
  const request = (value: boolean) => ({
    expectCompressed: { value },
    responseSize: LARGE_RESPONSE,
    payload: zeros(LARGE_REQUEST),
  });
  const probe = client.unaryCall(request(true), { compress: false });
  await failsWith(probe, Status.INVALID_ARGUMENT);
  for (const compress of [true, false]) {
    const reply = await client.unaryCall(request(compress), { compress });
    assert.equal(reply.payload?.body.length, LARGE_RESPONSE);
  }
}

async function serverCompressedUnary(channel: Channel) {
  for (const value of [true, false]) {
    const compressed: boolean[] = [];
    const reply = await channel.client(TestService).unaryCall({
      responseCompressed: { value },
      responseSize: LARGE_RESPONSE,
      payload: zeros(LARGE_REQUEST),
    }, { onMessage: (message) => compressed.push(message.compressed) });
    assert.equal(reply.payload?.body.length, LARGE_RESPONSE);
    assert.deepEqual(compressed, [value]);
  }
}

async function clientCompressedStreaming(channel: Channel) {
  const client = channel.client(TestService);
  const probe = once({ expectCompressed: { value: true }, payload: zeros(27182) });
  await failsWith(client.streamingInputCall(probe, { compress: false }), Status.INVALID_ARGUMENT);
  async function* requests() {
    yield { expectCompressed: { value: true }, payload: zeros(27182) };
    yield { expectCompressed: { value: false }, payload: zeros(45904) };
  }
  // The first message is the smaller one.
  const compress = (message: Uint8Array) => message.length < 40_000;
  const reply = await client.streamingInputCall(requests(), { compress });
  assert.equal(reply.aggregatedPayloadSize, 73086);
}

async function serverCompressedStreaming(channel: Channel) {
  const compressed: boolean[] = [];
  const replies = await collect(
    channel.client(TestService).streamingOutputCall({
      responseParameters: [
        { compressed: { value: true }, size: 31415 },
        { compressed: { value: false }, size: 92653 },
      ],
    }, { onMessage: (message) => compressed.push(message.compressed) }),
  );
  assert.deepEqual(replies.map((reply) => reply.payload?.body.length), [31415, 92653]);
  assert.deepEqual(compressed, [true, false]);
}

/** Cases of compression, which not every implementation supports. */
export const COMPRESSION_CASES: Readonly<Record<string, Case>> = {
  client_compressed_unary: clientCompressedUnary,
  server_compressed_unary: serverCompressedUnary,
  client_compressed_streaming: clientCompressedStreaming,
  server_compressed_streaming: serverCompressedStreaming,
};
