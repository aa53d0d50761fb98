import assert from "node:assert/strict";
import { Random } from "../../../src/load/generate/random.ts";
import { significanceOf } from "../../../src/load/report/significance.ts";

/**
 * Rounds as real machines give them: a drift that both servers of a round share, noise of each run, and now and then a run
 * that something else on the machine slowed down.
 */
function rounds(random: Random, count: number, slowerPercent: number, noisePercent: number) {
  let drift = 0;
  const normal = () => {
    const radius = Math.sqrt(random.exponential(2));
    return radius * Math.cos(2 * Math.PI * random.fraction());
  };
  const run = (base: number) => {
    const disturbed = random.fraction() < 0.02 ? 1 + 3 * noisePercent / 100 : 1;
    return base * Math.exp(drift + normal() * noisePercent / 100) * disturbed;
  };
  return Array.from({ length: count }, (): [number, number] => {
    drift += normal() * 0.02;
    return [run(1000), run(1000 * (1 + slowerPercent / 100))];
  });
}

/** Compares as `--rounds auto` does: some rounds first, then as many as they ask for. */
function compared(random: Random, slowerPercent: number, noisePercent: number) {
  const first = rounds(random, 6, slowerPercent, noisePercent);
  const { neededRounds } = significanceOf(first, 5)!;
  const more = rounds(random, Math.max(0, neededRounds - 6), slowerPercent, noisePercent);
  return significanceOf([...first, ...more], 5)!;
}

for (const noisePercent of [0.5, 2, 4, 8]) {
  Deno.test(`with ${noisePercent} % of noise, a server beside itself is not different in 19 of 20`, () => {
    const random = new Random(1, noisePercent * 10);
    const wrong = Array.from({ length: 400 }, () => compared(random, 0, noisePercent))
      .filter(({ verdict }) => verdict === "different").length;
    assert.ok(wrong <= 20, `${wrong} of 400`);
  });

  Deno.test(`with ${noisePercent} % of noise, 5 % are found in 19 of 20 with the proposed rounds`, () => {
    const random = new Random(2, noisePercent * 10);
    const all = Array.from({ length: 400 }, () => compared(random, 5, noisePercent));
    const found = all.filter((one) => one.verdict === "different" && one.changePercent > 0).length;
    assert.ok(found >= 380, `${found} of 400`);
    const mean = all.reduce((sum, { changePercent }) => sum + changePercent, 0) / all.length;
    assert.ok(Math.abs(mean - 5) < 0.5, `mean change ${mean} %`);
  });
}

Deno.test("a server beside itself is the same once there are enough rounds", () => {
  const random = new Random(3);
  const all = Array.from({ length: 200 }, () => compared(random, 0, 3));
  const same = all.filter(({ verdict }) => verdict === "same").length;
  assert.ok(same >= 190, `${same} of 200`);
});

Deno.test("significanceOf() gives the interval of the geometric mean", () => {
  // Logarithms 0.04, 0.05, 0.06, 0.05, 0.05: mean 0.05, standard deviation 0.00707, t(0.995, 4) = 4.604.
  const pairs = [0.04, 0.05, 0.06, 0.05, 0.05].map((
    log,
  ): [number, number] => [2, 2 * Math.exp(log)]);
  const { verdict, changePercent, intervalPercent: [low, high] } = significanceOf(pairs, 5)!;
  const half = 4.6041 * Math.sqrt(0.0002 / 4) / Math.sqrt(5);
  assert.equal(verdict, "different");
  assert.ok(Math.abs(changePercent - 100 * Math.expm1(0.05)) < 1e-9);
  assert.ok(Math.abs(low - 100 * Math.expm1(0.05 - half)) < 1e-4, `${low}`);
  assert.ok(Math.abs(high - 100 * Math.expm1(0.05 + half)) < 1e-4, `${high}`);
});

Deno.test("significanceOf() judges nothing from too few rounds, or without values", () => {
  const clear: [number, number][] = [[1, 2], [1, 2.01], [1, 2.02], [1, 2]];
  assert.equal(significanceOf(clear, 5)!.verdict, "undecided");
  assert.equal(significanceOf([...clear, [1, 2]], 5)!.verdict, "different");
  assert.equal(significanceOf([[1, 0], [0, 1], [1, 1]], 5), undefined);
});
