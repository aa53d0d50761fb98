import assert from "node:assert/strict";
import { parseConditions } from "../../../src/load/report/fail_if.ts";
import { share, usefulWorkers } from "../../../src/load/generate/plan.ts";
import { bytes, duration, microseconds, parseDurationMs } from "../../../src/load/measure/units.ts";
import type { RunResult } from "../../../src/load/measure/result.ts";
import { plan, simulate, simulatedTarget } from "../fixtures.ts";
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

Deno.test("parseConditions() rejects malformed conditions in one line", () => {
  const cases: [string, RegExp][] = [
    ["", /^Cannot read condition "": use a form like p99>5ms/],
    ["p99", /^Cannot read condition "p99"/],
    ["p99>", /^Cannot read condition/],
    ["p99>5", /a latency needs a unit, for example 5ms$/],
    ["p99>5parsecs", /a latency needs a unit/],
    ["p101>5ms", /^Unknown metric "p101"/],
    ["faild>0", /^Unknown metric "faild" in "faild>0"; did you mean failed\?$/],
    ["rps<fast", /must be a number$/],
    ["rps<5%", /must be a number$/],
    ["p99>5ms,,", /^Cannot read condition ""/],
  ];
  for (const [text, expected] of cases) {
    assert.throws(() => parseConditions(text), { name: "TypeError", message: expected }, text);
  }
});

Deno.test("parseDurationMs() accepts seconds and units, and nothing else", () => {
  const cases: [string, number | undefined][] = [
    ["30s", 30_000],
    ["2m", 120_000],
    ["1h", 3_600_000],
    ["45", 45_000],
    ["0.5", 500],
    ["250ms", 250],
    ["1m30s", 90_000],
    ["0", 0],
    ["", undefined],
    ["s", undefined],
    ["-5s", undefined],
    ["5 s", undefined],
    ["1e3", undefined],
    ["10x", undefined],
    ["Infinity", undefined],
  ];
  for (const [text, ms] of cases) assert.equal(parseDurationMs(text), ms, text);
});

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

Deno.test("values are formatted in fitting units", () => {
  const latencies = [0.25, 89.04, 102.45, 1205, 12_050, 1_234_567].map(microseconds);
  assert.deepEqual(latencies, ["0.25 μs", "89 μs", "102 μs", "1.21 ms", "12.1 ms", "1.23 s"]);
  assert.deepEqual([5, 12_345, 245_000].map(duration), ["5 ms", "12.3 s", "4 min 5 s"]);
  assert.deepEqual([640, 1234, 1.2e9].map(bytes), ["640 B", "1.2 kB", "1.2 GB"]);
});
