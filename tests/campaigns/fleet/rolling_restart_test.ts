import assert from "node:assert/strict";
import { rollingRestart } from "./rolling_restart.ts";

Deno.test({
  name: "no call fails while the servers behind a DNS name are replaced one by one",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const figures = await rollingRestart({
      servers: 3,
      rounds: 2,
      rate: 100,
      balancer: "round_robin",
    });
    assert.deepEqual([...figures.failures], []);
    assert.equal(figures.restarts, 6);
    assert.ok(figures.calls > 0);
  },
});
