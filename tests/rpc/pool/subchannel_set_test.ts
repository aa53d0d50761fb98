import assert from "node:assert/strict";
import { EMPTY } from "../../fixtures/bytes.ts";
import { Network } from "../../fixtures/network.ts";
import { limitedDials } from "./limited_dials.ts";
import { hang } from "./hanging_call.ts";

Deno.test("resize() changes a pool with open connections", async () => {
  await using network = new Network();
  await network.up("a");
  const channel = network.connect("a", { poolSize: 2 });
  await channel.ready();
  const ready = () => channel.stats().connections.filter((one) => one.state === "ready").length;
  assert.equal(ready(), 2);
  channel.resize(4);
  await network.until(() => ready() === 4);
  channel.resize(1);
  await network.until(() => ready() === 1);
  assert.throws(() => channel.resize(0), RangeError);
  await channel.call("/suite/echo", EMPTY);
});

Deno.test("pick_first uses one address, and the next when it fails", async () => {
  await using network = new Network();
  await network.up("b");
  await network.up("c");
  const channel = network.connect(["a", "b", "c"], { balancer: "pick_first", poolSize: 1 });
  await Promise.all(Array.from({ length: 9 }, () => channel.call("/suite/echo", EMPTY)));
  assert.deepEqual(network.dials.map(({ name }) => name), ["a", "b"]);
  assert.deepEqual(channel.stats().connections.map((one) => one.callsStarted), [9]);
  await network.down("b");
  await channel.call("/suite/echo", EMPTY, { waitForReady: true });
  assert.equal(channel.stats().connections[0].address, "c");
});

Deno.test("the pool grows at another address while one accepts no more connections", async () => {
  await using network = new Network();
  for (const name of ["a", "b"]) await network.up(name, { limits: { maxConcurrentStreams: 1 } });
  const channel = network.connect(["a", "b"], {
    balancer: "round_robin",
    ...limitedDials(network, { b: 3 }),
  });
  await channel.ready();
  await network.until(() => channel.stats().connections.length === 2);
  const controller = new AbortController();
  const calls = Array.from({ length: 4 }, (_, i) => hang(channel, `k${i}`, controller.signal));
  await network.until(() => channel.stats().activeCalls === 4);
  assert.deepEqual(network.dials.map(({ name }) => name).join(""), "ababb");
  controller.abort();
  await Promise.allSettled(calls);
});

Deno.test("ready() does not wait for an address whose extra dials fail", async () => {
  await using network = new Network();
  for (const name of ["a", "b"]) await network.up(name);
  const channel = network.connect(["a", "b"], {
    balancer: "round_robin",
    poolSize: 2,
    ...limitedDials(network, { b: 2 }),
  });
  const ready = channel.ready().then(() => "ready", () => "not ready");
  await network.settle();
  for (let i = 0; i < 20; i++) await network.pass(1_000);
  assert.equal(await ready, "ready");
});
