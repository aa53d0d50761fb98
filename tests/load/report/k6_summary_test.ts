import assert from "node:assert/strict";
import { parseConditions } from "../../../src/load/report/fail_if.ts";
import { k6Summary } from "../../../src/load/report/k6_summary.ts";
import { failingRun, stagedRun } from "../fixtures.ts";
import { Status } from "../../../mod.ts";

/** What the values of each type of metric are named in the documentation of k6. */
const VALUES: Record<string, readonly string[]> = {
  counter: ["count", "rate"],
  rate: ["rate", "passes", "fails"],
  gauge: ["value", "min", "max"],
  trend: ["avg", "min", "med", "max", "p(90)", "p(95)", "p(99)", "p(99.9)", "count"],
};

Deno.test("k6Summary() has the shape of handleSummary()", async () => {
  const run = await stagedRun();
  const summary = JSON.parse(k6Summary(run, parseConditions("p99>20ms,failed>0")));
  assert.deepEqual(Object.keys(summary), [
    ...["root_group", "options", "state", "metrics", "setup_data"],
  ]);
  for (const [name, metric] of Object.entries<Record<string, unknown>>(summary.metrics)) {
    const values = metric.values as Record<string, number>;
    assert.deepEqual(Object.keys(values), VALUES[metric.type as string], name);
    for (const value of Object.values(values)) assert.ok(Number.isFinite(value), name);
  }
  const { metrics, state } = summary;
  assert.equal(state.testRunDurationMs, run.durationMs);
  assert.equal(metrics.iterations.values.count, 1200);
  const { med, avg, max, count } = metrics.grpc_req_duration.values;
  assert.deepEqual([med, max, count], [30, 30, 1200]);
  assert.ok(Math.abs(avg - (200 * 10 + 1000 * 30) / 1200) < 0.01);
  assert.deepEqual(metrics.grpc_req_duration.thresholds, {
    "not p99>20ms": { ok: false },
    "not failed>0": { ok: true },
  });
});

Deno.test("k6Summary() without one success has zeros", async () => {
  const run = await failingRun(() => Status.INTERNAL);
  const { metrics } = JSON.parse(k6Summary(run, []));
  assert.deepEqual(metrics.checks.values, { rate: 0, passes: 0, fails: 1000 });
  assert.equal(metrics.grpc_req_duration.values.max, 0);
});
