import assert from "node:assert/strict";
import { Lane, TurnScheduler } from "../../src/event_loop/turns.ts";
import { POLL_TURNS, VirtualLoop } from "./virtual_loop.ts";

function begin() {
  const loop = new VirtualLoop();
  return { loop, turns: new TurnScheduler(loop, POLL_TURNS) };
}

/** A scheduler that has just polled: the next poll is due in 1 ms. */
function beginPolled() {
  const started = begin();
  started.turns.onNextTurn(() => {});
  started.loop.run();
  return started;
}

Deno.test("the first waiter resumes after a poll of 61 turns without work", () => {
  const { loop, turns } = begin();
  let resumedAt = 0;
  turns.onNextTurn(() => resumedAt = loop.turns);
  assert.equal(turns.isPolling(), false);
  loop.turn();
  assert.equal(turns.isPolling(), true);
  loop.run();
  assert.equal(resumedAt, 1 + POLL_TURNS);
  assert.equal(turns.isPolling(), false);
});

Deno.test("nextTurn() resolves when onNextTurn() would call back", async () => {
  const { loop, turns } = begin();
  const order: string[] = [];
  const waiting = turns.nextTurn().then(() => order.push("nextTurn"));
  loop.run();
  order.push("turn");
  await waiting;
  assert.deepEqual(order, ["turn", "nextTurn"]);
});

Deno.test("nextMacrotask() resolves on the next turn, ahead of the queue", async () => {
  const { loop, turns } = begin();
  let resumed = false;
  turns.onNextTurn(() => resumed = true);
  const macrotask = turns.nextMacrotask();
  loop.turn();
  await macrotask;
  assert.equal(resumed, false);
  loop.run();
  assert.equal(resumed, true);
});

Deno.test("within 1 ms of a poll waiters resume on consecutive turns", () => {
  const { loop, turns } = beginPolled();
  let resumes = 0;
  const again = () => {
    loop.work(0.1);
    if (++resumes < 9) turns.onNextTurn(again);
  };
  turns.onNextTurn(again);
  assert.equal(loop.run(), 9);
  assert.equal(resumes, 9);
});

Deno.test("after 1 ms of resumed work the next waiter resumes after a poll", () => {
  const { loop, turns } = beginPolled();
  const resumedAt: number[] = [];
  const before = loop.turns;
  for (let i = 0; i < 3; i++) {
    turns.onNextTurn(() => {
      resumedAt.push(loop.turns - before);
      loop.work(1);
    });
  }
  loop.run();
  // A poll starts on the turn of its waiter: the second shares the first one's, the third gets one after the poll.
  assert.deepEqual(resumedAt, [1, 1 + POLL_TURNS, 2 + 2 * POLL_TURNS]);
});

Deno.test("waiters resume first in first out, including those that come during a poll", () => {
  const { loop, turns } = begin();
  const order: number[] = [];
  const wait = (i: number) =>
    turns.onNextTurn(() => {
      order.push(i);
      loop.work(0.4);
    });
  for (let i = 0; i < 5; i++) wait(i);
  for (let i = 0; i < 10; i++) loop.turn();
  assert.equal(turns.isPolling(), true);
  for (let i = 5; i < 10; i++) wait(i);
  loop.run();
  assert.deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

Deno.test("each poll resumes at least one waiter, even if each works for longer than the interval", () => {
  const { loop, turns } = begin();
  let resumes = 0;
  for (let i = 0; i < 30; i++) {
    turns.onNextTurn(() => {
      resumes++;
      loop.work(2);
    });
  }
  const count = loop.run();
  assert.equal(resumes, 30);
  assert.ok(count <= 30 * (POLL_TURNS + 1), `${count} turns`);
});

Deno.test("two slow turns during a poll end it by a sleep of 8 ms", () => {
  const { loop, turns } = begin();
  let resumed = false;
  turns.onNextTurn(() => resumed = true);
  loop.turn();
  for (let i = 0; i < 2; i++) {
    loop.work(2);
    assert.deepEqual(loop.timerDelaysMs, []);
    loop.turn();
  }
  assert.deepEqual(loop.timerDelaysMs, [8]);
  assert.equal(loop.immediates, 0);
  assert.equal(turns.isPolling(), true);
  assert.equal(resumed, false);
  assert.equal(loop.run(), 1);
  assert.equal(resumed, true);
  assert.equal(turns.isPolling(), false);
});

Deno.test("a single slow turn during a poll does not end it", () => {
  const { loop, turns } = begin();
  let resumedAt = 0;
  turns.onNextTurn(() => resumedAt = loop.turns);
  loop.turn();
  loop.work(5);
  loop.run();
  assert.equal(resumedAt, 1 + POLL_TURNS);
});

Deno.test("a waiter that comes while a poll sleeps resumes after it", () => {
  const { loop, turns } = begin();
  const order: string[] = [];
  turns.onNextTurn(() => order.push("first"));
  for (let i = 0; i < 3; i++) {
    loop.turn();
    loop.work(2);
  }
  assert.equal(loop.timerDelaysMs.length, 1);
  turns.onNextTurn(() => order.push("second"));
  assert.equal(loop.immediates, 0);
  loop.run();
  assert.deepEqual(order, ["first", "second"]);
});

Deno.test("forcePollBeforeNextTurn() delays the next waiter until after a poll", () => {
  const { loop, turns } = beginPolled();
  turns.forcePollBeforeNextTurn();
  turns.onNextTurn(() => {});
  assert.equal(loop.run(), 1 + POLL_TURNS);
});

Deno.test("a turn is over while the loop polls", () => {
  const { loop, turns } = begin();
  turns.onNextTurn(() => {});
  assert.equal(turns.isTurnOver(), false);
  loop.turn();
  assert.equal(turns.isTurnOver(), true);
  loop.run();
  assert.equal(turns.isTurnOver(), false);
});

Deno.test("a turn is over once the work of all connections reaches 1 ms", () => {
  const { loop, turns } = begin();
  assert.equal(turns.exceedsSlice(0.5), false);
  turns.spendTurn(0.6);
  assert.equal(turns.isTurnOver(), false);
  assert.equal(turns.exceedsSlice(0.5), true);
  turns.spendTurn(0.6);
  assert.equal(turns.isTurnOver(), true);
  loop.turn();
  assert.equal(turns.isTurnOver(), false);
});

Deno.test("lanes with waiters are served in rotation, each in order", () => {
  const { loop, turns } = beginPolled();
  const order: string[] = [];
  for (const [name, lane] of Object.entries(Lane)) {
    for (let i = 1; i <= 3; i++) turns.onNextTurn(() => order.push(name[0] + i), lane);
  }
  turns.onNextTurn(() => order.push("C4"));
  loop.run();
  const rounds = [0, 3, 6].map((at) => order.slice(at, at + 3).toSorted().join(" "));
  assert.deepEqual(rounds, ["A1 C1 U1", "A2 C2 U2", "A3 C3 U3"]);
  assert.deepEqual(order.slice(9), ["C4"]);
});

Deno.test("thousands of waiters do not lengthen a poll", () => {
  const { loop, turns } = begin();
  let resumed = 0;
  const WAITERS = 3_000;
  // Each takes half of the time between two polls, which so come 1,500 times.
  for (let i = 0; i < WAITERS; i++) {
    turns.onNextTurn(() => {
      resumed++;
      loop.work(0.5);
    });
  }
  let callbacks = 0;
  while (resumed < WAITERS) {
    callbacks += loop.immediates;
    loop.turn();
  }
  assert.ok(callbacks < 150 * WAITERS, `${callbacks} callbacks for ${WAITERS} waiters`);
});
