import assert from "node:assert/strict";
import { Status } from "../../../src/call/status.ts";
import { addBatch } from "../../../src/rpc/batch/server.ts";
import type { BatchRequestWriter } from "../../../src/rpc/batch/messages.ts";
import { Router } from "../../../src/rpc/dispatch/router.ts";
import { tryEdges } from "../../fixtures/option_edges.ts";
import { BatchedStream, bytes } from "./batched_stream.ts";

Deno.test("calls of one message are answered in one message", async () => {
  const stream = new BatchedStream();
  stream.send((w) => {
    w.call(1, "/echo", 1, bytes(5), 0);
    w.call(2, "", 1, bytes(6), 0);
    w.call(3, "/fail", 0, bytes(), 0);
    w.call(4, "/nothing", 2, bytes(), 0);
    w.call(5, "", 2, bytes(), 0);
  });
  await stream.until(5);
  assert.equal(stream.maxCalls, 1024);
  assert.ok(stream.call.messages.length <= 2);
  assert.deepEqual(stream.replies.map((r) => [r.id, r.code, ...r.payload]), [
    [1, 0, 5],
    [2, 0, 6],
    [3, Status.NOT_FOUND],
    [4, Status.UNIMPLEMENTED],
    [5, Status.UNIMPLEMENTED],
  ]);
  assert.equal(stream.replies[2].message, "nothing");
  await stream.end();
  assert.equal(stream.call.status, Status.OK);
});

Deno.test("replies are sent as handlers finish, and the stream ends after the last one", async () => {
  const stream = new BatchedStream();
  stream.send((w) => {
    w.call(1, "/hold", 0, bytes(1), 0);
    w.call(2, "/hold", 0, bytes(2), 0);
    w.call(3, "/echo", 0, bytes(3), 0);
  });
  await stream.until(1);
  stream.call.sink.onHalfClose();
  stream.held.get(2)?.resolve(bytes(22));
  await stream.until(2);
  assert.equal(stream.call.status, undefined);
  stream.held.get(1)?.reject(new Error("secret"));
  await stream.call.ended;
  await stream.until(3);
  assert.deepEqual(stream.replies.map((r) => r.id), [3, 2, 1]);
  assert.equal(stream.replies[2].code, Status.UNKNOWN);
  assert.ok(!stream.replies[2].message.includes("secret"));
  assert.equal(stream.call.status, Status.OK);
});

Deno.test("open calls count against maxCalls; one that finds handlers of cancelled calls running waits", async () => {
  const stream = new BatchedStream({ maxCalls: 2 });
  stream.send((w) => {
    w.call(1, "/hold", 0, bytes(1), 0);
    w.call(2, "/hold", 0, bytes(2), 0);
    w.cancel(1);
    w.call(3, "/echo", 0, bytes(3), 0);
    w.call(4, "/echo", 0, bytes(4), 0);
  });
  await stream.until(1);
  assert.equal(stream.maxCalls, 2);
  assert.deepEqual([stream.replies[0].id, stream.replies[0].code], [4, Status.RESOURCE_EXHAUSTED]);
  stream.held.get(1)?.resolve(bytes());
  await stream.until(2);
  assert.deepEqual([stream.replies[1].id, stream.replies[1].code], [3, Status.OK]);
  stream.held.get(2)?.resolve(bytes());
  await stream.end();
});

Deno.test("a malformed request ends the stream and its calls", async () => {
  const breaks: ((w: BatchRequestWriter) => void)[] = [
    (w) => w.call(0, "/echo", 0, bytes(), 0),
    (w) => w.call(1, "/hold", 0, bytes(9), 0),
    (w) => w.call(7, "", 5, bytes(), 0),
    (w) => w.call(7, "/echo", 1025, bytes(), 0),
    (w) => w.call(7, "", 0, bytes(), 0),
  ];
  for (const breakIt of breaks) {
    const stream = new BatchedStream();
    stream.send((w) => w.call(1, "/hold", 0, bytes(1), 0));
    stream.send(breakIt);
    await stream.call.ended;
    assert.equal(stream.call.status, Status.INVALID_ARGUMENT);
    assert.equal(stream.contexts.get(1)?.signal.aborted, true);
  }
  const stream = new BatchedStream();
  stream.call.sink.onMessage(bytes(0x0a, 0x20, 1), false);
  await stream.call.ended;
  assert.equal(stream.call.status, Status.INVALID_ARGUMENT);
});

Deno.test("cancelling a batch stream cancels its calls", async () => {
  const stream = new BatchedStream();
  stream.send((w) => w.call(1, "/hold", 0, bytes(1), 0));
  await new Promise((resolve) => setTimeout(resolve));
  stream.call.cancel();
  await stream.call.ended;
  assert.equal(stream.contexts.get(1)?.signal.aborted, true);
  stream.held.get(1)?.resolve(bytes());
});

Deno.test("a client that reads no replies gets no further calls served", async () => {
  const stream = new BatchedStream({ maxBufferedBytes: 100_000 });
  stream.call.writable = false;
  for (let id = 1; id <= 100; id++) {
    stream.send((w) => w.call(id, "/echo", 0, new Uint8Array(50_000), 0));
  }
  await new Promise((resolve) => setTimeout(resolve));
  const { started } = stream.host.host.stats();
  assert.ok(started < 10, `${started} calls were started`);
  assert.ok(stream.call.pauses.length > 0);
  stream.call.writable = true;
  stream.call.sink.onWritable();
  await stream.until(100);
  await stream.end();
});

Deno.test("addBatch() throws for options out of range", () => {
  tryEdges([
    ["maxCalls", 1, Infinity, true],
    ["maxBufferedBytes", 1, Infinity, true],
  ], (option) => addBatch(new Router(), option));
});
