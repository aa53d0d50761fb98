import assert from "node:assert/strict";
import { connect, type RpcError, serve, Status } from "../../../mod.ts";
import { GrpcClientConnection } from "../../../src/grpc/client.ts";
import { addBatch } from "../../../src/rpc/batch/server.ts";
import {
  BATCH_METHOD,
  BatchResponseWriter,
  readBatchRequest,
} from "../../../src/rpc/batch/messages.ts";
import { text, untext } from "../../fixtures/bytes.ts";
import { memoryAddress } from "../../fixtures/names.ts";
import { startBatchServer } from "./batch_server.ts";

Deno.test("compressed replies are decompressed", async () => {
  const { server, address } = await startBatchServer(true, { compress: true });
  await using _ = server;
  await using channel = connect(address, { batch: true });
  const payload = text("again ".repeat(1_000));
  const calls = Array.from({ length: 8 }, () => channel.call("/suite/echo", payload));
  for (const reply of await Promise.all(calls)) assert.deepEqual(reply, payload);
  assert.equal(channel.stats().batchedCalls, 8);
});

Deno.test("a slow call in a batch does not delay the others", async () => {
  const { server, seen, address } = await startBatchServer(true);
  await using _ = server;
  await using channel = connect(address, { batch: true, poolSize: 1 });
  const controller = new AbortController();
  const slow = channel.call("/suite/hang", text("slow"), { signal: controller.signal });
  const others = Array.from({ length: 63 }, () => channel.call("/suite/echo", text("quick")));
  let done = false;
  slow.catch(() => {}).finally(() => done = true);
  await Promise.all(others);
  assert.equal(done, false);
  controller.abort();
  await assert.rejects(slow, { code: Status.CANCELLED });
  assert.equal((await seen.wait<RpcError>("slow")).code, Status.CANCELLED);
});

Deno.test("calls above the server's limit wait in the client", async () => {
  const { server, address } = await startBatchServer(true, { maxCalls: 4 });
  await using _ = server;
  await using channel = connect(address, { batch: true, poolSize: 1 });
  // The first response announces the limit.
  await channel.call("/suite/echo", text("first"));
  const calls = Array.from({ length: 100 }, (_, i) => channel.call("/suite/echo", text(`${i}`)));
  assert.equal((await Promise.all(calls)).length, 100);
});

Deno.test("a lost batch stream fails its calls with UNAVAILABLE", async () => {
  const { server, seen, address } = await startBatchServer(true);
  const channel = connect(address, { batch: true });
  const call = assert.rejects(channel.call("/suite/hang", text("lost")), {
    code: Status.UNAVAILABLE,
  });
  await seen.wait("lost started");
  await server.close();
  await call;
  await channel.close();
});

Deno.test("a draining server completes all calls of the batch stream", async () => {
  const { server, seen, address } = await startBatchServer(true);
  await using channel = connect(address, { batch: true });
  const key = "drain";
  const slow = channel.call("/suite/hang", text(key), { timeoutMs: 300 });
  await seen.wait(`${key} started`);
  const quick = channel.call("/suite/echo", text("still"));
  const shutdown = server.shutdown({ graceMs: 5_000 });
  assert.equal(untext(await quick), "still");
  await assert.rejects(slow, { code: Status.DEADLINE_EXCEEDED });
  await shutdown;
});

Deno.test("a malformed response fails the calls with INTERNAL, not the channel", async () => {
  const server = await serve(memoryAddress("batch"), (router) => {
    router.method(BATCH_METHOD, { kind: "bidi_streaming" }, async function* (requests) {
      for await (const _ of requests) yield new Uint8Array([0x0a, 0x7f, 1]);
    });
  });
  await using _ = server;
  await using channel = connect(server.addresses[0], { batch: true });
  await assert.rejects(channel.call("/a", text("x")), { code: Status.INTERNAL });
  await assert.rejects(channel.call("/a", text("x")), { code: Status.INTERNAL });
});

Deno.test("calls above 100 wait until the server has announced its limit", async () => {
  const server = await serve(memoryAddress("batch"), (router) => {
    router.method("/late", {}, async (request) => {
      // Until all calls of the batch have started.
      await new Promise((resolve) => setTimeout(resolve, 0));
      return request;
    });
    addBatch(router, { maxCalls: 200 });
  });
  await using _ = server;
  await using channel = connect(server.addresses[0], { batch: true, poolSize: 1 });
  const calls = Array.from({ length: 1_000 }, () => channel.call("/late", text("x")));
  for (const reply of await Promise.all(calls)) assert.equal(untext(reply), "x");
  assert.equal(channel.stats().batchedCalls, 1_000);
});

Deno.test("a batch stream on the last stream identifier ends with its connection (RFC 9113 §5.1.1)", async () => {
  const { server, address } = await startBatchServer(true);
  await using _ = server;
  await using channel = connect(address, { batch: true, poolSize: 1 });
  const { startCall } = GrpcClientConnection.prototype;
  GrpcClientConnection.prototype.startCall = function (request, sink) {
    GrpcClientConnection.prototype.startCall = startCall;
    // The state after 2^30 calls.
    (this.http2 as unknown as { nextId: number }).nextId = 0x7fffffff;
    return this.startCall(request, sink);
  };
  assert.equal(untext(await channel.call("/suite/echo", text("x"))), "x");
  const states = () => channel.stats().connections.map(({ state }) => state);
  for (let turns = 0; turns < 100 && states().length > 1; turns++) {
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  assert.deepEqual(states(), ["ready"]);
});

Deno.test("a message carries at most half of the calls in flight, but 16 in any case", async () => {
  const sizes: number[] = [];
  const server = await serve(memoryAddress("batch"), (router) => {
    router.method(BATCH_METHOD, { kind: "bidi_streaming" }, async function* (requests) {
      for await (const request of requests) {
        const replies = new BatchResponseWriter();
        let calls = 0;
        readBatchRequest(request, {
          onCall(id, _method, _ref, payload) {
            calls++;
            replies.ok(id, payload);
          },
          onCancel() {},
          onMaxReplyBytes() {},
        });
        sizes.push(calls);
        yield replies.take();
      }
    });
  });
  await using _ = server;
  await using channel = connect(server.addresses[0], { batch: true, poolSize: 1 });
  const call = (count: number) =>
    Promise.all(Array.from({ length: count }, () => channel.call("/echo", text("x"))));
  await call(1);
  for (const count of [16, 20, 100]) await call(count);
  assert.deepEqual(sizes, [1, 16, 16, 4, 50, 50]);
  sizes.length = 0;
  // Each reply causes the next call: the two halves stay apart.
  await Promise.all(Array.from({ length: 100 }, async () => {
    for (let round = 0; round < 5; round++) await channel.call("/echo", text("x"));
  }));
  assert.deepEqual(sizes, new Array(10).fill(50));
});
