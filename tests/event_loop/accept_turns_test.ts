import assert from "node:assert/strict";
import { ACCEPTS_PER_TURN, AcceptTurns } from "../../src/event_loop/accept_turns.ts";
import { TurnScheduler } from "../../src/event_loop/turns.ts";
import { POLL_TURNS, VirtualLoop } from "./virtual_loop.ts";

Deno.test("each eighth accept waits for the connections that wait already", async () => {
  const loop = new VirtualLoop();
  const turns = new TurnScheduler(loop, POLL_TURNS);
  const accepts = new AcceptTurns(turns);
  for (let round = 0; round < 3; round++) {
    let resumed = 0;
    for (let i = 0; i < 100; i++) turns.onNextTurn(() => resumed++);
    for (let i = 1; i < ACCEPTS_PER_TURN; i++) {
      const before = loop.turns;
      const accept = accepts.next();
      loop.turn();
      await accept;
      assert.equal(loop.turns, before + 1);
    }
    const last = accepts.next();
    let isAccepted = false;
    last.then(() => isAccepted = true);
    await Promise.resolve();
    assert.equal(isAccepted, false);
    loop.run();
    await last;
    assert.equal(resumed, 100);
  }
});
