import assert from "node:assert/strict";
import { makeSchedule, type ScheduleOptions } from "../../../src/load/generate/schedule.ts";

function times(options: Partial<ScheduleOptions>, count: number): number[] {
  const schedule = makeSchedule({
    arrivals: "uniform",
    ratePerSecond: 1000,
    worker: 0,
    workers: 1,
    seed: 7,
    ...options,
  });
  return Array.from({ length: count }, () => schedule.next());
}

Deno.test("makeSchedule() spaces uniform arrivals evenly", () => {
  assert.deepEqual(times({ ratePerSecond: 250 }, 4), [0, 4, 8, 12]);
});

Deno.test("makeSchedule() splits uniform arrivals so that all workers together are even", () => {
  const all = [0, 1, 2].flatMap((worker) => times({ worker, workers: 3 }, 100));
  assert.deepEqual(all.sort((a, b) => a - b), times({}, 300));
});

Deno.test("makeSchedule() accumulates no rounding error", () => {
  const all = times({ ratePerSecond: 30_000 }, 300_001);
  assert.ok(Math.abs(all[300_000] - 10_000) < 1e-6);
});

Deno.test("makeSchedule() makes Poisson arrivals with the right rate and spread, reproducible by seed", () => {
  const some = times({ arrivals: "poisson" }, 20_000);
  assert.deepEqual(some, times({ arrivals: "poisson" }, 20_000));
  assert.notDeepEqual(some.slice(0, 9), times({ arrivals: "poisson", seed: 8 }, 9));
  assert.notDeepEqual(some.slice(0, 9), times({ arrivals: "poisson", worker: 1, workers: 2 }, 9));
  const gaps = some.map((at, i) => at - (some[i - 1] ?? 0));
  assert.ok(gaps.every((gap) => gap >= 0));
  const mean = gaps.reduce((a, b) => a + b) / gaps.length;
  const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
  assert.ok(Math.abs(mean - 1) < 0.03, `mean gap ${mean}`);
  // The standard deviation of exponential gaps equals their mean.
  assert.ok(Math.abs(Math.sqrt(variance) - 1) < 0.05, `deviation ${Math.sqrt(variance)}`);
});

Deno.test("makeSchedule() gives workers Poisson processes that add up to the rate", () => {
  const all = [0, 1].map((worker) =>
    times({ arrivals: "poisson", worker, workers: 2 }, 10_000).at(-1)!
  );
  for (const end of all) {
    assert.ok(Math.abs(end / 20_000 - 1) < 0.05, `10,000 arrivals in ${end} ms`);
  }
});
