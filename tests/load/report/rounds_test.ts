import { Ajv2020 } from "ajv/dist/2020.js";
import assert from "node:assert/strict";
import type { RunResult } from "../../../src/load/measure/result.ts";
import { htmlReport } from "../../../src/load/report/html.ts";
import { jsonReport } from "../../../src/load/report/json.ts";
import { compareRounds, proposedRounds } from "../../../src/load/report/rounds.ts";
import { roundsText } from "../../../src/load/report/rounds_text.ts";
import { plan, simulate, simulatedTarget } from "../fixtures.ts";
import { VirtualTime } from "../virtual_time.ts";

/** Runs 200 calls in a closed loop with one stream, each of `ms`. */
async function closedRun(ms: number): Promise<RunResult> {
  const time = new VirtualTime();
  const target = simulatedTarget(time, 1, () => ms);
  return (await simulate(time, target, plan({ requests: 200 }))).run;
}

const runsOf = (...ms: number[]) => Promise.all(ms.map(closedRun));
const SIDES = { before: "a:1", after: "b:<2>", differencePercent: 5 };
const STEADY = [10, 10.1, 9.9, 10, 10.05, 9.95];

Deno.test("compareRounds() finds a slower side, in rate and latencies", async () => {
  const before = await runsOf(...STEADY);
  const after = await runsOf(...STEADY.map((ms) => ms * 1.05));
  const { figures } = compareRounds(before, after, SIDES);
  assert.deepEqual(figures.map(({ name }) => name), [
    ...["Requests per second", "p50", "p90", "p99", "Average latency"],
  ]);
  for (const figure of figures) assert.equal(figure.verdict, "different", figure.name);
  assert.ok(Math.abs(figures[0].changePercent - (100 / 1.05 - 100)) < 0.2);
  const text = roundsText(compareRounds(before, after, SIDES));
  assert.match(text, /^=== Comparison over 6 rounds ===\nA: a:1\nB: b:<2>\n/);
  assert.match(text, /^ {2}Requests per second +100 +95 +−4\.8 % .* worse$/m);
  assert.match(text, /^ {2}p99 +10 ms +10\.5 ms +\+5\.0 % .* worse$/m);
});

Deno.test("compareRounds() says that there is no difference, or how many rounds would show one", async () => {
  const same = compareRounds(
    await runsOf(...STEADY),
    await runsOf(...STEADY.toReversed()),
    SIDES,
  );
  assert.match(roundsText(same), /^ {2}p50 .* no difference of 5 %$/m);
  assert.ok(proposedRounds(same)! < 10);
  const noisy = compareRounds(
    await runsOf(10, 13, 9, 11, 8, 12),
    await runsOf(12, 9, 12, 8, 11, 10),
    SIDES,
  );
  const needed = proposedRounds(noisy)!;
  assert.ok(needed > 50, `${needed}`);
  assert.match(roundsText(noisy), /no difference found; [\d,]+ rounds would show 5 %$/m);
});

Deno.test("compareRounds() leaves the rate of an open loop out, and rounds without a partner", async () => {
  const before = await runsOf(...STEADY);
  const open = before.map((run): RunResult => {
    return { ...run, settings: { ...run.settings, mode: "open" } };
  });
  const { figures } = compareRounds(open, await runsOf(10, 10), SIDES);
  assert.deepEqual([figures[0].name, figures[0].rounds], ["p50", 2]);
  const failed = {
    ...before[0],
    requestsPerSecond: 0,
    latency: { ...before[0].latency, meanUs: null },
  };
  const none = compareRounds([failed], [failed], SIDES);
  assert.match(roundsText(none), /^Not enough calls succeeded to compare\.$/m);
});

Deno.test("a comparison over rounds is in the page, and in the JSON by its schema", async () => {
  const before = await runsOf(...STEADY);
  const after = await runsOf(...STEADY.map((ms) => ms * 1.2));
  const comparison = compareRounds(before, after, SIDES);
  const page = htmlReport([after[0]], [undefined], comparison);
  assert.match(page, /<p class="quiet">B: b:&lt;2&gt;<\/p>/);
  assert.equal(page.match(/<i class="dot"/g)?.length, 6 * comparison.figures.length);
  assert.match(page, /aria-label="p50: \+20\.0\u00a0% \([^"]*\), worse"/);
  const schema = new URL("../../../src/load/report/report.schema.json", import.meta.url);
  const validate = new Ajv2020({ strict: true, strictTuples: false, allowUnionTypes: true })
    .compile(JSON.parse(await Deno.readTextFile(schema)));
  const file = JSON.parse(jsonReport([...before, ...after], comparison));
  assert.ok(validate(file), JSON.stringify(validate.errors));
});
