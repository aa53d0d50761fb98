import assert from "node:assert/strict";
import { Network } from "../../fixtures/network.ts";

Deno.test("a health check without service is nothing that a gRPC server objects to", async () => {
  await using network = new Network();
  await network.up("a");
  const channel = network.connect("a", { healthCheck: { intervalMs: 1_000 } });
  await channel.ready();
  for (let i = 0; i < 20; i++) await network.pass(1_000);
  assert.equal(network.dials.length, 1);
  assert.ok(channel.stats().connections[0].pingMs! >= 0);
});

Deno.test("health checks do not keep a channel from going idle", async () => {
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

Deno.test("ready() waits for the first health check to succeed, on one address of several", async () => {
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
