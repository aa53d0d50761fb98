import assert from "node:assert/strict";
import { Network } from "./pool_fixture.ts";

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
