import assert from "node:assert/strict";
import { Echo, MsgSchema } from "../../../proto/gen/bench/echo_pb.ts";
import { lendBuffer, releaseMessage } from "../../../src/bytes/pool.ts";
import { Metadata } from "../../../src/call/metadata.ts";
import { Status } from "../../../src/call/status.ts";
import { protobufCodec } from "../../../src/codec/protobuf.ts";
import { BATCH_METHOD, BatchRequestWriter } from "../../../src/rpc/batch/messages.ts";
import { addBatch } from "../../../src/rpc/batch/server.ts";
import { FakeCall, FakeHost } from "../../fixtures/fake_call.ts";
import { BatchedStream, bytes } from "./batched_stream.ts";

Deno.test("batched calls have metadata in both directions", async () => {
  const stream = new BatchedStream();
  stream.send((w) => {
    w.call(1, "/metadata", 0, bytes(1), 0, new Metadata({ in: "x" }));
    w.call(2, "/metadata", 0, bytes(1), 0);
  });
  await stream.until(2);
  assert.equal(stream.replies[0].headers?.get("h"), "x");
  assert.deepEqual([...stream.replies[0].trailers?.get("t-bin") ?? []], [1]);
  assert.equal(stream.replies[1].headers?.get("h"), "none");
  await stream.end();
});

Deno.test("each batched call has a deadline and a cancellation of its own", async () => {
  const stream = new BatchedStream();
  stream.send((w) => {
    w.call(1, "/hold", 0, bytes(1), 50);
    w.call(2, "/hold", 0, bytes(2), 0);
    w.call(3, "/hold", 0, bytes(3), 5000);
  });
  await new Promise((resolve) => setTimeout(resolve));
  stream.host.clock.tick(60);
  await stream.until(1);
  assert.deepEqual([stream.replies[0].id, stream.replies[0].code], [1, Status.DEADLINE_EXCEEDED]);
  assert.equal(stream.contexts.get(1)?.signal.aborted, true);
  assert.equal(stream.contexts.get(1)?.authority, stream.call.authority);
  stream.send((w) => w.cancel(2));
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(stream.contexts.get(2)?.signal.aborted, true);
  assert.equal(stream.contexts.get(3)?.signal.aborted, false);
  for (const held of stream.held.values()) held.resolve(bytes());
  await stream.until(2);
  await stream.end();
  assert.deepEqual(stream.replies.map((r) => r.id), [1, 3]);
});

Deno.test("a reply above the client's limit, or a second reply, fails its call alone", async () => {
  const stream = new BatchedStream();
  stream.send((w) => {
    w.maxReplyBytes(10);
    w.call(1, "/echo", 0, new Uint8Array(11), 0);
    w.call(2, "/echo", 0, new Uint8Array(10), 0);
    w.call(3, "/many", 0, bytes(), 0);
    w.call(4, BATCH_METHOD, 0, bytes(), 0);
  });
  await stream.until(4);
  const codes = new Map(stream.replies.map((r) => [r.id, r.code]));
  assert.equal(codes.get(1), Status.RESOURCE_EXHAUSTED);
  assert.equal(codes.get(2), Status.OK);
  assert.equal(codes.get(3), Status.UNIMPLEMENTED);
  assert.equal(codes.get(4), Status.UNIMPLEMENTED);
  await stream.end();
});

Deno.test("the buffer lent for a reply returns to the pool once the reply is in a batch", async () => {
  const host = new FakeHost((router) => {
    router.service(Echo, { unary: (request) => request });
    addBatch(router);
  });
  const call = host.accept(new FakeCall(BATCH_METHOD));
  const payload = new Uint8Array(3_000).fill(1);
  const writer = new BatchRequestWriter();
  writer.call(1, `/${Echo.typeName}/Unary`, 0, protobufCodec(MsgSchema).encode({ payload }), 0);
  const lent = lendBuffer(payload.length);
  releaseMessage(lent);
  call.sink.onMessage(writer.take(), false);
  await new Promise((resolve) => setTimeout(resolve));
  assert.ok(call.messages.some((message) => message.length > payload.length));
  assert.equal(lendBuffer(payload.length).buffer, lent.buffer);
  call.cancel();
  await call.ended;
});
