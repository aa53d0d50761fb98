import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import { systemTurns } from "../../src/event_loop/turns.ts";
import { runtime } from "../../src/runtime/mod.ts";

function work(ms: number): void {
  const start = performance.now();
  while (performance.now() - start < ms);
}

Deno.test("a socket is read while another connection always has work", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const dialing = Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  using accepted = await listener.accept();
  using dialed = await dialing;
  let turns = 0;
  for (let round = 0; round < 5; round++) {
    let done = false;
    const reading = accepted.read(new Uint8Array(1)).then(() => done = true);
    await systemTurns.nextTurn();
    await dialed.write(new Uint8Array(1));
    for (; !done; turns++) {
      work(1);
      await systemTurns.nextTurn();
    }
    await reading;
  }
  // By setImmediate alone it takes 61 turns a round.
  assert.ok(turns <= 5 * 30, `${turns} turns for 5 reads`);
});

Deno.test("all connections that wait for a turn resume", async () => {
  let gone = 0;
  await Promise.all(Array.from({ length: 10 }, async () => {
    for (let i = 0; i < 20; i++) {
      work(0.2);
      await systemTurns.nextTurn();
    }
    gone++;
  }));
  assert.equal(gone, 10);
});

Deno.test("waiters resume first in first out, with a poll after each 3 ms of work", async () => {
  const order: number[] = [];
  let polled = 0;
  await Promise.all(Array.from({ length: 10 }, async (_, i) => {
    await systemTurns.nextTurn();
    order.push(i);
    work(3);
    // A poll runs turns without work between this waiter's and the next one's.
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (systemTurns.isTurnOver()) polled++;
  }));
  assert.deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.ok(polled >= 9, `${polled} polls`);
});

Deno.test("a turn is over once the work of all connections reaches 1 ms, until the next turn", async () => {
  await systemTurns.nextTurn();
  for (let i = 0; i < 3; i++) {
    systemTurns.spendTurn(0.3);
    assert.equal(systemTurns.isTurnOver(), false);
  }
  systemTurns.spendTurn(0.3);
  assert.equal(systemTurns.isTurnOver(), true);
  await Promise.resolve();
  assert.equal(systemTurns.isTurnOver(), true);
  await new Promise<void>((resolve) => setImmediate(resolve));
  assert.equal(systemTurns.isTurnOver(), false);
  systemTurns.spendTurn(0.3);
  assert.equal(systemTurns.isTurnOver(), false);
});

/** Turns in which `reportedMs` are reported, and handlers work for `handlersMs` more. */
async function turnsWith(count: number, reportedMs: number, handlersMs: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    systemTurns.spendTurn(reportedMs);
    await Promise.resolve();
    work(handlersMs);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

Deno.test("reported work is scaled by what its handlers took in earlier turns", async () => {
  await systemTurns.nextTurn();
  assert.equal(systemTurns.exceedsSlice(0.5), false);
  assert.equal(systemTurns.exceedsSlice(1), true);
  await turnsWith(10, 1, 5);
  assert.ok(systemTurns.scaledCost(0.2) > 0.5, `${systemTurns.scaledCost(0.2)} ms`);
  assert.equal(systemTurns.exceedsSlice(0.5), true);
  systemTurns.spendTurn(0.5);
  assert.equal(systemTurns.isTurnOver(), true);
  // The factor shrinks once the handlers do less; turns that other programs interrupt seem to take longer.
  for (let i = 0; i < 20 && systemTurns.scaledCost(0.2) >= 0.25; i++) await turnsWith(200, 1, 0);
  assert.ok(systemTurns.scaledCost(0.2) < 0.25, `${systemTurns.scaledCost(0.2)} ms`);
  assert.equal(systemTurns.exceedsSlice(0.5), false);
});

Deno.test("waiters resume although another program part works in every turn", async () => {
  let working = true;
  let turns = 0;
  const others = () => {
    turns++;
    work(3);
    if (working) setImmediate(others);
  };
  setImmediate(others);
  await Promise.all(Array.from({ length: 10 }, async () => {
    await systemTurns.nextTurn();
    await systemTurns.nextTurn();
  }));
  working = false;
  await new Promise<void>((resolve) => setImmediate(resolve));
  // After two slow turns a poll sleeps for 8 ms: twenty polls take far fewer turns than 61 each.
  assert.ok(turns < 3 * 61, `${turns} turns`);
});

/** Number of turns until a waiter resumes. */
async function turnsOfWaiting(turnMs = 0): Promise<number> {
  let turns = 0;
  let waiting = true;
  const count = () => {
    turns++;
    work(turnMs);
    if (waiting) setImmediate(count);
  };
  setImmediate(count);
  await systemTurns.nextTurn();
  waiting = false;
  return turns;
}

Deno.test("forcePollBeforeNextTurn() delays the next waiter until after a poll", async () => {
  // The next poll is due in 1 ms.
  await systemTurns.nextTurn();
  systemTurns.forcePollBeforeNextTurn();
  assert.ok(await turnsOfWaiting() >= runtime.turnsUntilPoll);
});

Deno.test("a poll ends before 61 turns when turns are slow", async () => {
  await systemTurns.nextTurn();
  systemTurns.forcePollBeforeNextTurn();
  const turns = await turnsOfWaiting(2);
  assert.ok(turns < 30, `${turns} turns`);
});
