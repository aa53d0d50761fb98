import assert from "node:assert/strict";
import { connect, type RpcError, serve, Status } from "../../../mod.ts";
import { GrpcClientConnection } from "../../../src/grpc/client.ts";
import { addBatch } from "../../../src/rpc/batch/server.ts";
import { BATCH_METHOD } from "../../../src/rpc/batch/messages.ts";
import { addMethods, Seen, text, untext } from "../../calls/methods.ts";

let names = 0;

async function start(
  batches: boolean,
  { compress, maxConcurrentStreams, ...options }: {
    maxCalls?: number;
    compress?: boolean;
    maxConcurrentStreams?: number;
  } = {},
) {
  const seen = new Seen();
  const server = await serve(`memory:batch-${++names}`, (router) => {
    addMethods(router, seen);
    if (batches) addBatch(router, options);
  }, { compress, limits: { maxConcurrentStreams } });
  return { server, seen, address: server.addresses[0] };
}

Deno.test("calls of one turn go in one batch", async () => {
  const { server, address } = await start(true);
  await using _ = server;
  await using channel = connect(address, { batch: true });
  await channel.ready();
  const calls = Array.from({ length: 64 }, (_, i) => channel.call("/suite/echo", text(`${i}`)));
  assert.deepEqual((await Promise.all(calls)).map(untext), calls.map((_, i) => `${i}`));
  const stats = channel.stats();
  assert.equal(stats.batchedCalls, 64);
  assert.equal(stats.activeCalls, 0);
});

Deno.test("replies of a server that compresses are read", async () => {
  const { server, address } = await start(true, { compress: true });
  await using _ = server;
  await using channel = connect(address, { batch: true });
  const payload = text("again ".repeat(1_000));
  const calls = Array.from({ length: 8 }, () => channel.call("/suite/echo", payload));
  for (const reply of await Promise.all(calls)) assert.deepEqual(reply, payload);
  assert.equal(channel.stats().batchedCalls, 8);
});

Deno.test("a slow call in a batch holds up none of the others", async () => {
  const { server, seen, address } = await start(true);
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

Deno.test("a server without batches gets plain calls after one attempt", async () => {
  const { server, address } = await start(false);
  await using _ = server;
  await using channel = connect(address, { batch: true });
  const calls = [1, 2, 3].map((n) => channel.call("/suite/echo", text(`${n}`)));
  assert.deepEqual((await Promise.all(calls)).map(untext), ["1", "2", "3"]);
  const { callsStarted, batchedCalls } = channel.stats();
  await channel.call("/suite/echo", text("more"));
  assert.equal(channel.stats().batchedCalls, batchedCalls);
  assert.equal(channel.stats().callsStarted, callsStarted + 1);
});

Deno.test("calls past the server's limit wait at the client", async () => {
  const { server, address } = await start(true, { maxCalls: 4 });
  await using _ = server;
  await using channel = connect(address, { batch: true, poolSize: 1 });
  // The first reply tells the limit.
  await channel.call("/suite/echo", text("first"));
  const calls = Array.from({ length: 100 }, (_, i) => channel.call("/suite/echo", text(`${i}`)));
  assert.equal((await Promise.all(calls)).length, 100);
});

Deno.test("large requests and compressed ones go singly", async () => {
  const { server, address } = await start(true);
  await using _ = server;
  await using channel = connect(address, { batch: { maxBytes: 1_000 } });
  await channel.call("/suite/echo", new Uint8Array(1_001));
  await channel.call("/suite/echo", new Uint8Array(900).fill(1), { compress: true });
  assert.equal(channel.stats().batchedCalls, 0);
  await channel.call("/suite/echo", new Uint8Array(1_000));
  assert.equal(channel.stats().batchedCalls, 1);
});

Deno.test("a batch that waits for company is sent after maxDelayMs", async () => {
  const { server, address } = await start(true);
  await using _ = server;
  await using channel = connect(address, { batch: { maxDelayMs: 20 } });
  await channel.ready();
  const first = channel.call("/suite/echo", text("a"));
  await new Promise((resolve) => setTimeout(resolve, 1));
  const second = channel.call("/suite/echo", text("b"));
  assert.deepEqual((await Promise.all([first, second])).map(untext), ["a", "b"]);
});

Deno.test("a batch stream that breaks fails its calls with UNAVAILABLE", async () => {
  const { server, seen, address } = await start(true);
  const channel = connect(address, { batch: true });
  const call = assert.rejects(channel.call("/suite/hang", text("lost")), {
    code: Status.UNAVAILABLE,
  });
  await seen.wait("lost started");
  await server.close();
  await call;
  await channel.close();
});

Deno.test("a draining server finishes the batch stream and loses no call", async () => {
  const { server, seen, address } = await start(true);
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

Deno.test("a server that answers nonsense fails the calls, not the channel", async () => {
  const server = await serve(`memory:batch-${++names}`, (router) => {
    router.method(BATCH_METHOD, { kind: "bidi_streaming" }, async function* (requests) {
      for await (const _ of requests) yield new Uint8Array([0x0a, 0x7f, 1]);
    });
  });
  await using _ = server;
  await using channel = connect(server.addresses[0], { batch: true });
  await assert.rejects(channel.call("/a", text("x")), { code: Status.INTERNAL });
  await assert.rejects(channel.call("/a", text("x")), { code: Status.INTERNAL });
});

Deno.test("a first burst above what the server runs at once waits until the server has said so", async () => {
  const server = await serve(`memory:batch-${++names}`, (router) => {
    router.method("/late", {}, async (request) => {
      // Until all calls of a batch have begun.
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

Deno.test("a server that takes one call at a time gets no batch stream", async () => {
  const { server, address } = await start(true, { maxConcurrentStreams: 1 });
  await using _ = server;
  await using channel = connect(address, { batch: true, poolSize: 1 });
  const calls = Array.from({ length: 3 }, () => channel.call("/suite/echo", text("x")));
  for (const reply of await Promise.all(calls)) assert.equal(untext(reply), "x");
  assert.equal(channel.stats().batchedCalls, 0);
});

Deno.test("batched calls go on an open batch stream while other calls have all slots", async () => {
  const { server, seen, address } = await start(true, { maxConcurrentStreams: 2 });
  await using _ = server;
  await using channel = connect(address, { batch: { maxBytes: 100 }, poolSize: 1 });
  const controller = new AbortController();
  const large = new Uint8Array(101);
  const hang = () => channel.call("/suite/hang", large, { signal: controller.signal });
  const echo = () => channel.call("/suite/echo", text("x"), { timeoutMs: 2_000 });
  // In this order they wait for the connection; the second hanging call gets no slot.
  const first = hang();
  const opener = echo();
  const second = hang();
  const behind = echo();
  assert.equal(untext(await opener), "x");
  assert.equal(untext(await behind), "x");
  assert.equal(untext(await echo()), "x");
  assert.equal(channel.stats().queuedCalls, 1);
  controller.abort();
  for (const call of [first, second]) await assert.rejects(call, { code: Status.CANCELLED });
  assert.equal((await seen.wait<RpcError>(untext(large))).code, Status.CANCELLED);
});

Deno.test("a batch stream with the last stream identifier ends, and its connection with it", async () => {
  const { server, address } = await start(true);
  await using _ = server;
  await using channel = connect(address, { batch: true, poolSize: 1 });
  const { startCall } = GrpcClientConnection.prototype;
  GrpcClientConnection.prototype.startCall = function (request, sink) {
    GrpcClientConnection.prototype.startCall = startCall;
    // As after 2^30 calls.
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
