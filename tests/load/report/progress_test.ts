import assert from "node:assert/strict";
import { progressLine } from "../../../src/load/report/progress.ts";

Deno.test("progressLine() shows elapsed time, rate, latency and failures", () => {
  const live = { total: 12_345, failed: 2, rateNow: 999.7, p50Us: 89, p99Us: 1205 };
  assert.equal(
    progressLine({ elapsedMs: 12_345, durationMs: 30_000 }, live),
    "12 s of 30 s · 12,345 calls · 1,000/s · p50 89 μs · p99 1.21 ms · 2 failed",
  );
  assert.equal(
    progressLine({ elapsedMs: -500, requests: 1000 }, {
      ...live,
      total: 0,
      p50Us: null,
      p99Us: null,
    }),
    "warming up, 500 ms left · 0 of 1,000 calls · 1,000/s · p50 - · p99 - · 2 failed",
  );
});
