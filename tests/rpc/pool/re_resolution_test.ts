import assert from "node:assert/strict";
import { EMPTY } from "../../fixtures/bytes.ts";
import { Network } from "../../fixtures/network.ts";

Deno.test("a lost address makes the resolver run again, and its new addresses are used", async () => {
  await using network = new Network();
  await network.up("10.0.0.1:1");
  await network.up("10.0.0.2:1");
  let answer = ["10.0.0.1"];
  const channel = network.connect("dns:backend:1", {
    balancer: "round_robin",
    poolSize: 1,
    minResolveIntervalMs: 500,
    resolver: (name, port) => {
      assert.equal(name, "backend");
      return Promise.resolve(answer.map((host) => ({ kind: "tcp" as const, host, port })));
    },
  });
  await channel.call("/suite/echo", EMPTY);
  assert.deepEqual(channel.stats().addresses.map((one) => one.address), ["10.0.0.1:1"]);
  answer = ["10.0.0.2", "10.0.0.3"];
  await network.down("10.0.0.1:1");
  await network.until(() => channel.state === "TRANSIENT_FAILURE");
  await network.pass(500);
  await network.until(() => channel.state === "READY");
  assert.deepEqual(channel.stats().addresses.map((one) => one.address), [
    "10.0.0.2:1",
    "10.0.0.3:1",
  ]);
  await channel.call("/suite/echo", EMPTY);
});
