import assert from "node:assert/strict";
import { Network } from "../../fixtures/network.ts";
import type { ChannelState } from "../../../src/rpc/pool/mod.ts";
import { memoryPair } from "../../../src/transport/memory.ts";
import { EMPTY, text, untext } from "../../fixtures/bytes.ts";

Deno.test("health checks without a service do not make a gRPC server close the connection", async () => {
  await using network = new Network();
  await network.up("a");
  const channel = network.connect("a", { healthCheck: { intervalMs: 1_000 } });
  await channel.ready();
  for (let i = 0; i < 20; i++) await network.pass(1_000);
  assert.equal(network.dials.length, 1);
  assert.ok(channel.stats().connections[0].pingMs! >= 0);
});

Deno.test("health checks do not keep a channel from becoming idle", async () => {
  for (const service of [undefined, ""]) {
    await using network = new Network();
    await network.up("a");
    const channel = network.connect("a", {
      healthCheck: { intervalMs: 1_000, service },
      idleTimeoutMs: 10_000,
    });
    await channel.ready();
    for (let i = 0; i < 30 && channel.state !== "IDLE"; i++) await network.pass(1_000);
    assert.equal(channel.state, "IDLE");
  }
});

Deno.test("ready() waits until the first health check of one address has succeeded", async () => {
  await using network = new Network();
  const a = await network.up("a");
  await network.up("b");
  a.health.set("", "NOT_SERVING");
  const healthCheck = { service: "", intervalMs: 1_000 };
  const both = network.connect(["a", "b"], { balancer: "round_robin", poolSize: 1, healthCheck });
  await both.ready();
  assert.equal(both.state, "READY");
  const states = both.stats().connections.map(({ state }) => state);
  assert.deepEqual(states, ["unhealthy", "ready"]);
  const one = network.connect("a", { healthCheck });
  const ready = one.ready().then(() => one.state);
  await network.settle();
  assert.equal(one.state, "TRANSIENT_FAILURE");
  a.health.set("", "SERVING");
  await network.pass(1_000);
  assert.equal(await ready, "READY");
});

Deno.test("a health check closes a connection that does not answer", async () => {
  await using network = new Network();
  await network.up("a");
  // A network that drops all bytes once `swallow` is set.
  let swallow = false;
  const channel = network.connect("a", {
    healthCheck: { intervalMs: 1_000, timeoutMs: 500 },
    dial: () => {
      const [here, middle] = memoryPair();
      const [server, there] = memoryPair();
      network.hosts.get("a")!.server.serveConnection(there);
      const pipe = async (from: typeof here, to: typeof here) => {
        const buffer = new Uint8Array(65_536);
        try {
          for (;;) {
            const count = await from.read(buffer);
            if (count === null) break;
            for (let sent = 0; sent < count && !swallow;) {
              sent += await to.write(buffer.subarray(sent, count));
            }
          }
        } catch {
          // The other end was closed.
        }
        to.close();
      };
      pipe(middle, server);
      pipe(server, middle);
      return Promise.resolve(here);
    },
  });
  await channel.ready();
  await network.pass(1_000);
  assert.ok(channel.stats().connections[0].pingMs! >= 0);
  swallow = true;
  await network.pass(1_000);
  await network.pass(500);
  assert.match(
    channel.stats().addresses[0].lastError!,
    /did not answer a health check within 500 ms/,
  );
});

Deno.test("calls wait for the first health check of each new connection", async () => {
  await using network = new Network();
  const host = await network.up("a");
  const channel = network.connect("a", { healthCheck: { service: "" } });
  const states: ChannelState[] = [];
  (async () => {
    for await (const state of channel.watchState()) states.push(state);
  })();
  for (let i = 0; i < 3; i++) {
    assert.equal(untext(await channel.call("/suite/echo", text("x"))), "x");
    await network.pass(2_000);
    host.streams.at(-1)!.close();
    await network.until(() => network.dials.length === i + 2);
  }
  assert.ok(!states.includes("TRANSIENT_FAILURE"), `${states}`);
});

Deno.test("a health check of a service keeps calls from a server that is not SERVING", async () => {
  await using network = new Network();
  const a = await network.up("a");
  await network.up("b");
  const channel = network.connect(["a", "b"], {
    balancer: "round_robin",
    poolSize: 1,
    healthCheck: { service: "", intervalMs: 1_000 },
  });
  await channel.ready();
  await network.until(() => channel.stats().connections.every((one) => one.state === "ready"));
  a.health.set("", "NOT_SERVING");
  await network.pass(1_000);
  await network.until(() => channel.stats().connections.some((one) => one.state === "unhealthy"));
  const calls = () => channel.stats().connections.find((one) => one.address === "a")!.callsStarted;
  const before = calls();
  await Promise.all(Array.from({ length: 10 }, () => channel.call("/suite/echo", EMPTY)));
  assert.equal(calls(), before);
  a.health.set("", "SERVING");
  await network.pass(1_000);
  await network.until(() => channel.stats().connections.every((one) => one.state === "ready"));
});
