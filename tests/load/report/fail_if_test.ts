import assert from "node:assert/strict";
import { parseConditions } from "../../../src/load/report/fail_if.ts";
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
