import assert from "node:assert/strict";
import { TurnBudget } from "../../src/event_loop/turn_budget.ts";
import { TurnScheduler } from "../../src/event_loop/turns.ts";
import { POLL_TURNS, VirtualLoop } from "./virtual_loop.ts";

/** A budget on a virtual loop, whose time passes only by the work. */
function virtual(budgetMs: number) {
  const loop = new VirtualLoop();
  const turns = new TurnScheduler(loop, POLL_TURNS);
  const budget = new TurnBudget(budgetMs, turns);
  const work = (tookMs: number) => () => {
    loop.work(tookMs);
    return tookMs;
  };
  return { loop, turns, budget, work };
}

Deno.test("run() runs work at once while the turn has time left", () => {
  const { loop, budget, work } = virtual(1);
  assert.equal(budget.run(0, work(0.3)), 0.3);
  assert.equal(budget.run(0, work(0.3)), 0.3);
  assert.equal(budget.run(0, work(0.3)), 0.3);
  assert.ok(budget.run(0, work(0.3)) instanceof Promise);
  assert.equal(budget.waiting, 1);
  loop.turn();
  assert.equal(budget.waiting, 0);
});

Deno.test("run() leaves the turns of a poll without work", () => {
  const { loop, turns, budget, work } = virtual(1);
  let done = 0;
  const count = () => done++;
  budget.run(0, work(1));
  void budget.run(0, count);
  turns.onNextTurn(() => {});
  // The poll begins after the budget's turn: the piece that waits runs before it.
  loop.turn();
  assert.equal(done, 1);
  budget.run(0, work(1));
  void budget.run(0, count);
  assert.equal(turns.isPolling(), true);
  for (let i = 0; i < 60; i++) loop.turn();
  assert.equal(turns.isPolling(), true);
  assert.equal(done, 1);
  loop.run();
  assert.equal(done, 2);
});

Deno.test("run() keeps waiting pieces in order and each turn within its budget", async () => {
  const { loop, budget, work } = virtual(1);
  const done: number[] = [];
  const runs = Array.from({ length: 9 }, (_, i) =>
    budget.run(0, () => {
      work(0.45)();
      done.push(i);
    }));
  const lengths = [done.length];
  while (done.length < 9) {
    loop.turn();
    lengths.push(done.length);
  }
  await Promise.all(runs);
  assert.deepEqual(done, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  const perTurn = lengths.slice(1).map((length, i) => length - lengths[i]);
  assert.ok(perTurn.every((count) => count <= 2), `${perTurn}`);
});

Deno.test("run() runs a piece that is longer than the budget alone in its turn", async () => {
  const { loop, budget, work } = virtual(1);
  assert.equal(budget.run(0, work(5)), 5);
  const second = budget.run(1, work(0.1));
  assert.equal(budget.waiting, 1);
  loop.turn();
  assert.equal(await second, 0.1);
});

Deno.test("run() throws or rejects with the error of the work", async () => {
  const { loop, budget, work } = virtual(1);
  const fail = () => {
    work(2)();
    throw new RangeError("no");
  };
  assert.throws(() => budget.run(0, fail), RangeError);
  const later = budget.run(0, fail);
  loop.turn();
  await assert.rejects(async () => await later, RangeError);
});

Deno.test("TurnBudget refuses a budget that is not above 0", () => {
  for (const budgetMs of [0, -1, NaN]) assert.throws(() => new TurnBudget(budgetMs), RangeError);
});
