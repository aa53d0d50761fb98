import assert from "node:assert/strict";
import { makeSchedule } from "../../../src/load/generate/schedule.ts";
import {
  lengthMs,
  parseStages,
  peakRate,
  SHAPES,
  type StageSettings,
  stagesOfShape,
} from "../../../src/load/generate/stages.ts";

function times(stages: readonly StageSettings[], changes = {}): number[] {
  const schedule = makeSchedule({
    ...{ arrivals: "uniform", ratePerSecond: 1, worker: 0, workers: 1, seed: 7, stages },
    ...changes,
  });
  const all: number[] = [];
  for (let at = schedule.next(); at !== Infinity; at = schedule.next()) all.push(at);
  return all;
}

const countIn = (all: number[], fromMs: number, toMs: number) =>
  all.filter((at) => at >= fromMs && at < toMs).length;

Deno.test("parseStages() reads durations, rates and names", () => {
  assert.deepEqual(parseStages("10s@100, 1m@100..2000,peak=30s@..0.5"), [
    { name: "stage1", durationMs: 10_000, fromRate: 100, toRate: 100 },
    { name: "stage2", durationMs: 60_000, fromRate: 100, toRate: 2000 },
    { name: "peak", durationMs: 30_000, fromRate: 2000, toRate: 0.5 },
  ]);
});

Deno.test("parseStages() names what it cannot read", () => {
  for (
    const text of ["", "10s", "@5", "10s@", "10s@x", "0s@5", "1s@5..", "1s@5,,1s@5", "1s@..1..2"]
  ) {
    assert.throws(() => parseStages(text), /^TypeError: Cannot read stage "/, text);
  }
  assert.throws(() => parseStages("1s@0,2s@0"), /every rate is 0$/);
  assert.throws(() => parseStages("a=1s@1,a=2s@2"), /^TypeError: Two stages have the name "a"$/);
  assert.throws(() => parseStages(new Array(101).fill("1s@1").join()), /limit is 100$/);
});

Deno.test("shapes last as long as asked for, and reach their rate", () => {
  for (const shape of SHAPES) {
    const stages = stagesOfShape(shape, 500, 20_000);
    assert.ok(Math.abs(lengthMs(stages) - 20_000) < 1e-6, shape);
    assert.equal(peakRate(stages), 500, shape);
  }
  const steps = stagesOfShape("step", 500, 10_000);
  assert.deepEqual(steps.map(({ fromRate }) => fromRate), [100, 200, 300, 400, 500]);
});

Deno.test("a ramp has as many calls in each second as the integral of its rate", () => {
  const all = times(parseStages("10s@0..1000"));
  assert.equal(all.length, 5000);
  // From second i to i + 1 the rate goes from 100 i to 100 (i + 1).
  for (let i = 0; i < 10; i++) {
    const calls = countIn(all, i * 1000, (i + 1) * 1000);
    assert.ok(Math.abs(calls - (100 * i + 50)) <= 1, `second ${i}: ${calls}`);
  }
  assert.ok(all.every((at, i) => i === 0 || at > all[i - 1]));
});

Deno.test("stages follow each other, with pauses, up and down", () => {
  const all = times(parseStages("2s@0,2s@100,2s@100..0,1s@0,1s@500"));
  const perSecond = [0, 1, 2, 3, 4, 5, 6, 7].map((s) => countIn(all, s * 1000, s * 1000 + 1000));
  assert.deepEqual(perSecond.filter((_, i) => i < 4 || i > 5), [0, 0, 100, 100, 0, 500]);
  assert.ok(Math.abs(perSecond[4] - 75) <= 1 && Math.abs(perSecond[5] - 25) <= 1, `${perSecond}`);
});

Deno.test("a single stage is the same schedule as its rate", () => {
  const constant = makeSchedule({
    ...{ arrivals: "uniform", ratePerSecond: 250, worker: 0, workers: 1, seed: 1 },
  });
  const expected = Array.from({ length: 1000 }, () => constant.next());
  const staged = times(parseStages("4s@250"));
  assert.equal(staged.length, 1000);
  staged.forEach((at, i) => assert.ok(Math.abs(at - expected[i]) < 1e-6));
});

Deno.test("workers share stages, evenly or by Poisson, and a warm-up has the first rate", () => {
  const stages = parseStages("1s@300..600,1s@600");
  const all = times(stages);
  const parts = [0, 1, 2].flatMap((worker) => times(stages, { worker, workers: 3 }));
  assert.deepEqual(parts.sort((a, b) => a - b), all);
  const poisson = [0, 1].flatMap((worker) =>
    times(parseStages("20s@0..1000"), { arrivals: "poisson", worker, workers: 2 })
  );
  assert.ok(Math.abs(poisson.length - 10_000) < 400, `${poisson.length}`);
  assert.ok(Math.abs(countIn(poisson, 0, 10_000) - 2500) < 250);
  const warm = times(stages, { warmupMs: 2000 });
  assert.equal(countIn(warm, 0, 2000), 600);
  assert.equal(warm.length, 600 + all.length);
});
