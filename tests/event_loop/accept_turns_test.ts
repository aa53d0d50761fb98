import assert from "node:assert/strict";
import { ACCEPTS_PER_TURN, AcceptTurns } from "../../src/event_loop/accept_turns.ts";
import { TurnScheduler } from "../../src/event_loop/turns.ts";
import { POLL_TURNS, VirtualLoop } from "./virtual_loop.ts";

Deno.test("each fourth accept takes turns with the connections that wait", async () => {
  const loop = new VirtualLoop();
  const turns = new TurnScheduler(loop, POLL_TURNS);
  const accepts = new AcceptTurns(turns);
  for (let i = 1; i < ACCEPTS_PER_TURN; i++) {
    const accept = accepts.next();
    loop.turn();
    await accept;
    assert.equal(loop.turns, i);
  }
  let resumed = 0;
  for (let i = 0; i < 100; i++) turns.onNextTurn(() => resumed++ === 0 || loop.work(0.5));
  let resumedBefore = NaN;
  accepts.next().then(() => resumedBefore = resumed);
  while (Number.isNaN(resumedBefore)) {
    loop.turn();
    await Promise.resolve();
  }
  assert.ok(resumedBefore <= 5, `${resumedBefore} connections went first`);
  loop.run();
  assert.equal(resumed, 100);
});
