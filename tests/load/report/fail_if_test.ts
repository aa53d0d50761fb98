import assert from "node:assert/strict";
import { parseConditions } from "../../../src/load/report/fail_if.ts";
import type { RunResult } from "../../../src/load/measure/result.ts";
import { Status } from "../../../mod.ts";
import { failingRun, plan, simulate, simulatedTarget, stagedRun } from "../fixtures.ts";
import { VirtualTime } from "../virtual_time.ts";

async function run(): Promise<RunResult> {
  const time = new VirtualTime();
  const target = simulatedTarget(time, 1, (sequence) => sequence % 10 === 0 ? 20 : 2);
  const call = target.call;
  target.call = async function (slot, sequence) {
    const reply = await call.call(target, slot, sequence);
    if (sequence % 50 === 0) throw new Error("no");
    return reply;
  };
  return (await simulate(time, target, plan({ requests: 1000 }))).run;
}

Deno.test("parseConditions() checks latencies, counts, rates and shares", async () => {
  const result = await run();
  const cases: [string, boolean][] = [
    ["p50>1ms", true],
    ["p50>5ms", false],
    ["p50<2001us", true],
    ["p50 <= 2001µs", true],
    ["p92.5>=0.02s", true],
    ["p99.9>20ms", false],
    ["avg>3.4ms", true],
    ["mean>3.4ms", true],
    ["min==2ms", true],
    ["max!=20ms", false],
    ["failed>19", true],
    ["failed>20", false],
    ["errors>1.9%", true],
    ["errors>2%", false],
    ["success<99%", true],
    ["success<0.98", false],
    ["rps<1000", true],
    ["rate<100", false],
    ["total!=1000", false],
    ["successful==980", true],
    ["missed>0", false],
    ["unfinished>0%", false],
    ["P99>5ms", true],
  ];
  for (const [text, holds] of cases) {
    const [condition] = parseConditions(text);
    assert.equal(condition.check(result).holds, holds, `${text}: ${condition.check(result).found}`);
    assert.equal(condition.text, text);
  }
  assert.equal(parseConditions("max>5ms")[0].check(result).found, "20 ms");
  assert.equal(parseConditions("failed>1%")[0].check(result).found, "2.00%");
  assert.equal(parseConditions("p99>5ms, failed>0 ,rps<1").length, 3);
});

const METRICS = [
  ...["p50", "p99", "p92.5", "p100", "avg", "mean", "min", "max", "rps", "rate", "success"],
  ...["total", "successful", "failed", "errors", "missed", "unfinished"],
];

/** Metrics of successful calls, which nothing measures when none succeeds. */
const OF_SUCCESSES = METRICS.slice(0, 10);

const isLatency = (metric: string) => METRICS.indexOf(metric) < 8;

Deno.test("conditions on latencies and rates hold when not one call succeeded", async () => {
  const failed = await failingRun(() => Status.UNAVAILABLE);
  assert.equal(failed.requestsPerSecond, 0);
  for (const metric of OF_SUCCESSES) {
    for (const operator of [">", ">=", "<", "<=", "==", "!="]) {
      for (const value of isLatency(metric) ? ["0ms", "5ms", "1h"] : ["0", "1", "1000000"]) {
        const text = `${metric}${operator}${value}`;
        const { holds, found } = parseConditions(text)[0].check(failed);
        assert.equal(holds, true, text);
        assert.equal(found, "nothing was measured, not one of 1,000 calls succeeded", text);
      }
    }
  }
  // These were measured.
  for (
    const [text, holds] of [
      ["success<99%", true],
      ["success>0", false],
      ["failed>999", true],
      ["failed>1000", false],
      ["errors>99%", true],
      ["errors<100%", false],
      ["total==1000", true],
      ["total<1000", false],
      ["successful==0", true],
      ["successful>0", false],
      ["unfinished>0", false],
      ["missed>0", false],
    ] as const
  ) assert.equal(parseConditions(text)[0].check(failed).holds, holds, text);
});

Deno.test("conditions on anything but the number of calls hold when not one call ended", async () => {
  const time = new VirtualTime();
  const { run: none } = await simulate(
    time,
    simulatedTarget(time, 1, () => 1),
    plan({ requests: 0 }),
  );
  for (const metric of METRICS) {
    const value = isLatency(metric) ? "1h" : "1000000";
    const holds = !["total", "successful", "missed"].includes(metric);
    for (const text of [`${metric}>${value}`, `${metric}==${value}`]) {
      assert.equal(parseConditions(text)[0].check(none).holds, holds, text);
    }
  }
  for (const metric of ["success", "failed", "errors", "unfinished", "missed", "total"]) {
    assert.equal(parseConditions(`${metric}>50%`)[0].check(none).holds, true, metric);
  }
  assert.equal(
    parseConditions("p99>5ms")[0].check(none).found,
    "nothing was measured, not one call ended",
  );
});

Deno.test("rps is the rate of successful calls", async () => {
  // 10 slots of 10 ms make 1,000 calls a second, of which every second one fails.
  const half = await failingRun((sequence) => sequence % 2 === 0 ? Status.INTERNAL : undefined);
  assert.ok(Math.abs(half.requestsPerSecond - 500) < 5, `${half.requestsPerSecond}`);
  assert.equal(parseConditions("rps<600")[0].check(half).holds, true);
  assert.equal(parseConditions("rate<400")[0].check(half).holds, false);
});

Deno.test("parseConditions() rejects malformed conditions in one line", () => {
  const cases: [string, RegExp][] = [
    ["", /^Cannot read condition "": use a form like p99>5ms/],
    ["p99", /^Cannot read condition "p99"/],
    ["p99>", /^Cannot read condition/],
    ["p99>5", /a latency needs a unit, for example 5ms$/],
    ["p99>5parsecs", /a latency needs a unit/],
    ["p101>5ms", /^Unknown metric "p101"/],
    [
      "faild>0",
      /^Unknown metric "faild" in "faild>0": it must be a percentile such as p99 or p99\.9, or one of avg, mean, min, max, rps, rate, checks, success, total, successful, failed, errors, missed, unfinished; did you mean failed\?$/,
    ],
    ["latency>5ms", /^Unknown metric "latency" in "latency>5ms": it must be .* unfinished$/],
    ["rps<fast", /must be a number$/],
    ["rps<5%", /must be a number$/],
    ["p99>5ms,,", /^Cannot read condition ""/],
  ];
  for (const [text, expected] of cases) {
    assert.throws(() => parseConditions(text), { name: "TypeError", message: expected }, text);
  }
});

Deno.test("parseConditions() limits a condition to a stage or a method", async () => {
  const run = await stagedRun();
  const names = [...run.stages, ...run.methods].map(({ name }) => name);
  const holds = (text: string) => parseConditions(text, names).map((one) => one.check(run).holds);
  assert.deepEqual(holds("calm:p99>20ms,peak:p99>20ms,calm:rps<99,peak:missed>0"), [
    ...[false, true, false, false],
  ]);
  assert.deepEqual(holds("M2:total==600,shop.v1.Orders/M1:failed>0"), [true, false]);
  assert.throws(() => parseConditions("calmm:p99>5ms", names), /"calmm" .*; did you mean calm\?$/);
  assert.throws(
    () => parseConditions("calm:p99>5ms"),
    /^TypeError: Unknown stage or method "calm"/,
  );
});
