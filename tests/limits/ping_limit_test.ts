import assert from "node:assert/strict";
import { PingLimit } from "../../src/limits/ping_limit.ts";

const LIMITS = { minPingIntervalMs: 300_000, permitPingWithoutCalls: false };

Deno.test("gRPC A8: the third early ping is one too many", () => {
  const pings = new PingLimit(LIMITS);
  assert.deepEqual([0, 1, 2, 3].map((at) => pings.admit(at, 1)), [true, true, true, false]);
});

Deno.test("gRPC A8: pings without calls are two hours apart, unless they are permitted", () => {
  const pings = new PingLimit(LIMITS);
  assert.equal(pings.leastIntervalMs(0), 7_200_000);
  assert.equal(pings.leastIntervalMs(1), 300_000);
  const permitted = new PingLimit({ ...LIMITS, permitPingWithoutCalls: true });
  assert.equal(permitted.leastIntervalMs(0), 300_000);
  for (let i = 0; i < 10; i++) assert(permitted.admit(i * 300_000, 0), `ping ${i}`);
});

Deno.test("a ping that the server reads late does not make the next one early", () => {
  const pings = new PingLimit(LIMITS);
  for (let i = 0; i < 20; i++) {
    // Every second ping is read 50 ms late.
    assert(pings.admit(i * 300_000 + (i % 2) * 50, 1), `ping ${i}`);
  }
});

Deno.test("useful frames forgive early pings", () => {
  const pings = new PingLimit(LIMITS);
  for (let i = 0; i < 3; i++) assert(pings.admit(i, 1));
  pings.forgive();
  assert(pings.admit(3, 1) && pings.admit(4, 1));
  pings.allow(5);
  assert(pings.admit(6, 1) && pings.admit(7, 1));
  assert.equal(pings.admit(8, 1), false);
});
