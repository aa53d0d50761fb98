import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import {
  exceedsSlice,
  forcePollBeforeNextTurn,
  isTurnOver,
  nextTurn,
  scaledCost,
  spendTurn,
} from "../../src/event_loop/turns.ts";

function work(ms: number): void {
  const start = performance.now();
  while (performance.now() - start < ms);
}

Deno.test("a socket is read although somebody has work without end", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const dialing = Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  using accepted = await listener.accept();
  using dialed = await dialing;
  let turns = 0;
  for (let round = 0; round < 5; round++) {
    let done = false;
    const reading = accepted.read(new Uint8Array(1)).then(() => done = true);
    await nextTurn();
    await dialed.write(new Uint8Array(1));
    for (; !done; turns++) {
      work(1);
      await nextTurn();
    }
    await reading;
  }
  // By setImmediate alone it takes 61 turns a round.
  assert.ok(turns <= 5 * 30, `${turns} turns for 5 reads`);
});

Deno.test("all that give way go on", async () => {
  let gone = 0;
  await Promise.all(Array.from({ length: 10 }, async () => {
    for (let i = 0; i < 20; i++) {
      work(0.2);
      await nextTurn();
    }
    gone++;
  }));
  assert.equal(gone, 10);
});

Deno.test("who wait go on in the order in which they came, with looks at the sockets between them", async () => {
  const order: number[] = [];
  let looked = 0;
  await Promise.all(Array.from({ length: 10 }, async (_, i) => {
    await nextTurn();
    order.push(i);
    work(3);
    // Between this one's work and the next one's the loop has turns without any.
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (isTurnOver()) looked++;
  }));
  assert.deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.ok(looked >= 9, `${looked} looks`);
});

Deno.test("a turn is over once all together have worked for long enough, until the next one", async () => {
  await nextTurn();
  for (let i = 0; i < 3; i++) {
    spendTurn(0.3);
    assert.equal(isTurnOver(), false);
  }
  spendTurn(0.3);
  assert.equal(isTurnOver(), true);
  await Promise.resolve();
  assert.equal(isTurnOver(), true);
  await new Promise<void>((resolve) => setImmediate(resolve));
  assert.equal(isTurnOver(), false);
  spendTurn(0.3);
  assert.equal(isTurnOver(), false);
});

/** Turns in which `saidMs` are said to have been spent, and what comes of them takes `handlersMs` more. */
async function turnsWith(count: number, saidMs: number, handlersMs: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    spendTurn(saidMs);
    await Promise.resolve();
    work(handlersMs);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

Deno.test("what handlers do after their connections have measured counts as well", async () => {
  await nextTurn();
  assert.equal(exceedsSlice(0.5), false);
  assert.equal(exceedsSlice(1), true);
  await turnsWith(10, 1, 5);
  assert.ok(scaledCost(0.2) > 0.5, `${scaledCost(0.2)} ms`);
  assert.equal(exceedsSlice(0.5), true);
  spendTurn(0.5);
  assert.equal(isTurnOver(), true);
  // And less, once they do less.
  await turnsWith(200, 1, 0);
  assert.ok(scaledCost(0.2) < 0.25, `${scaledCost(0.2)} ms`);
  assert.equal(exceedsSlice(0.5), false);
});

Deno.test("who wait go on although somebody works in every turn", async () => {
  let working = true;
  let turns = 0;
  const others = () => {
    turns++;
    work(3);
    if (working) setImmediate(others);
  };
  setImmediate(others);
  await Promise.all(Array.from({ length: 10 }, async () => {
    await nextTurn();
    await nextTurn();
  }));
  working = false;
  await new Promise<void>((resolve) => setImmediate(resolve));
  // After two slow turns a look at the sockets lasts 8 ms: twenty of them are far fewer turns than 61 for each.
  assert.ok(turns < 3 * 61, `${turns} turns`);
});

/** How many turns of the loop it takes until one who waits goes on. */
async function turnsOfWaiting(turnMs = 0): Promise<number> {
  let turns = 0;
  let waiting = true;
  const count = () => {
    turns++;
    work(turnMs);
    if (waiting) setImmediate(count);
  };
  setImmediate(count);
  await nextTurn();
  waiting = false;
  return turns;
}

Deno.test("who comes after long work goes on after a look at the sockets", async () => {
  // Now the next look is due in 2 ms.
  await nextTurn();
  forcePollBeforeNextTurn();
  assert.ok(await turnsOfWaiting() >= 61);
});

Deno.test("where turns are slow, the look at the sockets ends before V8 has had 61 of them", async () => {
  await nextTurn();
  forcePollBeforeNextTurn();
  const turns = await turnsOfWaiting(2);
  assert.ok(turns < 30, `${turns} turns`);
});
