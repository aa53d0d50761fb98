import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { TurnBudget } from "../../src/event_loop/turn_budget.ts";

/** A budget whose clock only the work moves. */
function virtual(budgetMs: number) {
  let nowMs = 0;
  const budget = new TurnBudget(budgetMs, () => nowMs);
  const work = (tookMs: number) => () => {
    nowMs += tookMs;
    return tookMs;
  };
  return { budget, work };
}

Deno.test("run() works at once while the turn has time left", async () => {
  const { budget, work } = virtual(1);
  assert.equal(budget.run(0, work(0.3)), 0.3);
  assert.equal(budget.run(0, work(0.3)), 0.3);
  assert.equal(budget.run(0, work(0.3)), 0.3);
  assert.ok(budget.run(0, work(0.3)) instanceof Promise);
  assert.equal(budget.waiting, 1);
  await setImmediate();
  assert.equal(budget.waiting, 0);
});

Deno.test("run() keeps the order of pieces that wait, and a turn to its budget", async () => {
  const { budget, work } = virtual(1);
  const done: number[] = [];
  const runs = Array.from({ length: 9 }, (_, i) =>
    budget.run(0, () => {
      work(0.45)();
      done.push(i);
    }));
  const lengths = [done.length];
  while (done.length < 9) {
    await setImmediate();
    lengths.push(done.length);
  }
  await Promise.all(runs);
  assert.deepEqual(done, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  const perTurn = lengths.slice(1).map((length, i) => length - lengths[i]);
  assert.ok(perTurn.every((count) => count <= 2), `${perTurn}`);
});

Deno.test("run() starts a piece that is longer than the budget, alone in its turn", async () => {
  const { budget, work } = virtual(1);
  assert.equal(budget.run(0, work(5)), 5);
  const second = budget.run(1, work(0.1));
  assert.equal(budget.waiting, 1);
  assert.equal(await second, 0.1);
});

Deno.test("run() passes on what the work throws, at once or later", async () => {
  const { budget, work } = virtual(1);
  const fail = () => {
    work(2)();
    throw new RangeError("no");
  };
  assert.throws(() => budget.run(0, fail), RangeError);
  await assert.rejects(async () => await budget.run(0, fail), RangeError);
  await setImmediate();
});

Deno.test("TurnBudget refuses a budget that is not above 0", () => {
  for (const budgetMs of [0, -1, NaN]) assert.throws(() => new TurnBudget(budgetMs), RangeError);
});
