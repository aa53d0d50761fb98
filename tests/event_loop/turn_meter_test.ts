import assert from "node:assert/strict";
import { TurnMeter } from "../../src/event_loop/turn_meter.ts";
import { VirtualLoop } from "./virtual_loop.ts";

function begin() {
  const loop = new VirtualLoop();
  return { loop, meter: new TurnMeter(loop) };
}

Deno.test("a turn is over once the work of all connections reaches 1 ms, until the next turn", () => {
  const { loop, meter } = begin();
  for (let i = 0; i < 3; i++) {
    loop.work(0.3);
    meter.spend(0.3);
    assert.equal(meter.isOver, false);
  }
  loop.work(0.3);
  meter.spend(0.3);
  assert.equal(meter.isOver, true);
  loop.turn();
  assert.equal(meter.isOver, false);
  loop.work(0.3);
  meter.spend(0.3);
  assert.equal(meter.isOver, false);
});

Deno.test("work too short for the clock ends the turn after 100 pieces", () => {
  const { meter } = begin();
  let pieces = 0;
  for (; !meter.isOver; pieces++) meter.spend(0);
  assert.ok(pieces >= 100 && pieces <= 101, `${pieces} pieces`);
});

/** Turns in which `reportedMs` are reported, and handlers work for `handlersMs` more. */
function turnsWith(
  { loop, meter }: ReturnType<typeof begin>,
  count: number,
  reportedMs: number,
  handlersMs: number,
): void {
  for (let i = 0; i < count; i++) {
    loop.work(reportedMs);
    meter.spend(reportedMs);
    loop.work(handlersMs);
    loop.turn();
  }
}

Deno.test("reported work is scaled by what its handlers took in earlier turns", () => {
  const started = begin();
  const { meter } = started;
  assert.equal(meter.scale(0.2), 0.2);
  assert.equal(meter.exceeds(0.5), false);
  assert.equal(meter.exceeds(1), true);
  turnsWith(started, 10, 1, 4);
  assert.ok(Math.abs(meter.scale(0.2) - 1) < 1e-9, `${meter.scale(0.2)} ms`);
  assert.equal(meter.exceeds(0.5), true);
  meter.spend(0.5);
  assert.equal(meter.isOver, true);
});

Deno.test("the factor at most doubles in a turn, up to 16, and shrinks by a sixteenth", () => {
  const started = begin();
  const { meter } = started;
  const factors = Array.from({ length: 5 }, () => {
    turnsWith(started, 1, 1, 1_000);
    return meter.scale(1);
  });
  assert.deepEqual(factors, [2, 4, 8, 16, 16]);
  turnsWith(started, 1, 1, 0);
  assert.ok(Math.abs(meter.scale(1) - (16 - 15 / 16)) < 1e-9, `${meter.scale(1)} ms`);
  turnsWith(started, 200, 1, 0);
  assert.ok(meter.scale(0.2) < 0.25, `${meter.scale(0.2)} ms`);
});

Deno.test("turns below their limit don't change the factor", () => {
  const started = begin();
  turnsWith(started, 10, 0.5, 50);
  assert.equal(started.meter.scale(1), 1);
});
