import assert from "node:assert/strict";
import { EMPTY, text, untext } from "../../fixtures/bytes.ts";
import { Network } from "../../fixtures/network.ts";
import { hang } from "./hanging_call.ts";

Deno.test("the pool grows when all connections are full and shrinks when they are idle", async () => {
  await using network = new Network();
  const host = await network.up("a", { limits: { maxConcurrentStreams: 2 } });
  const channel = network.connect("a", { poolSize: { min: 1, max: 3, shrinkAfterMs: 10_000 } });
  const controller = new AbortController();
  const calls = Array.from({ length: 7 }, (_, i) => hang(channel, `k${i}`, controller.signal));
  await network.until(() => channel.stats().activeCalls === 6);
  let stats = channel.stats();
  assert.deepEqual(stats.connections.map((one) => one.activeCalls), [2, 2, 2]);
  assert.equal(stats.queuedCalls, 1);
  controller.abort();
  await Promise.allSettled(calls);
  await host.seen.wait("k0");
  await network.settle();
  for (let i = 0; i < 30; i++) await network.pass(1_000);
  stats = channel.stats();
  assert.equal(stats.connections.filter((one) => one.state === "ready").length, 1);
  assert.equal(stats.queuedCalls, 0);
  await channel.call("/suite/echo", EMPTY);
});

Deno.test("without calls for idleTimeoutMs the channel is IDLE until the next call", async () => {
  await using network = new Network();
  const host = await network.up("a");
  const channel = network.connect("a", { idleTimeoutMs: 60_000 });
  await channel.call("/suite/echo", EMPTY);
  await network.pass(60_000);
  // There was a call in the last interval.
  assert.equal(channel.state, "READY");
  await network.pass(60_000);
  assert.equal(channel.state, "IDLE");
  for (let i = 0; i < 3; i++) await network.pass(1_000);
  assert.equal(channel.stats().connections.length, 0);
  assert.equal(untext(await channel.call("/suite/echo", text("hi"))), "hi");
  assert.equal(host.streams.length, 2);
});
