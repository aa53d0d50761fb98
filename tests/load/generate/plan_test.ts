import assert from "node:assert/strict";
import { share, usefulWorkers } from "../../../src/load/generate/plan.ts";
import { plan } from "../fixtures.ts";

Deno.test("usefulWorkers() limits threads and gives the reason", () => {
  const closed = plan({ durationMs: 1000 });
  const of = (threads: number, connections: number, cores: number, changes = {}) =>
    usefulWorkers(threads, { connections, cores, plan: { ...closed, ...changes } });
  assert.deepEqual(of(4, 10, 8), { workers: 4, reason: undefined });
  assert.deepEqual(of(4, 10, 2), { workers: 2, reason: "2 cores" });
  assert.deepEqual(of(4, 1, 2), { workers: 1, reason: "1 connection" });
  assert.equal(of(4, 9, 8, { requests: 3, durationMs: undefined }).workers, 3);
  const paced = of(4, 10, 8, { ratePerSecond: 1000 });
  assert.deepEqual(paced, { workers: 1, reason: "1000 calls/s do not need more" });
  assert.equal(of(8, 10, 8, { ratePerSecond: 60_000 }).workers, 3);
});

Deno.test("share() splits a total completely and evenly", () => {
  for (const [total, parts] of [[1000, 3], [7, 7], [2, 4], [0, 2]]) {
    const shares = Array.from({ length: parts }, (_, i) => share(total, i, parts));
    assert.equal(shares.reduce((a, b) => a + b, 0), total);
    assert.ok(Math.max(...shares) - Math.min(...shares) <= 1);
  }
});
