import assert from "node:assert/strict";
import { EngineTimer } from "../../../src/rpc/core/engine_timer.ts";
import { TurnScheduler } from "../../../src/event_loop/turns.ts";
import { POLL_TURNS, VirtualLoop } from "../../event_loop/virtual_loop.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { silentEngine } from "./silent_engine.ts";

function begin() {
  const clock = new FakeClock(1000.25);
  const loop = new VirtualLoop();
  const turns = new TurnScheduler(loop, POLL_TURNS);
  const startMs = clock.now();
  const timer = {
    delayMs: Infinity,
    calledAtMs: [] as number[],
    fired: 0,
  };
  const engine = {
    ...silentEngine(),
    nextTimerMs: () => startMs + timer.delayMs,
    onTimer(nowMs: number) {
      timer.calledAtMs.push(nowMs - startMs);
      timer.delayMs = Infinity;
    },
  };
  const owner = {
    onTimer: () => timer.fired++,
    fail(error: unknown): never {
      throw error;
    },
  };
  return {
    clock,
    loop,
    turns,
    timer,
    engineTimer: new EngineTimer(owner, { engine, clock, turns }),
  };
}

Deno.test("EngineTimer calls the engine at its time, then the owner", () => {
  const { clock, timer, engineTimer } = begin();
  engineTimer.arm();
  assert.equal(clock.pendingTimers, 0);
  timer.delayMs = 100;
  engineTimer.arm();
  clock.tick(99);
  assert.deepEqual(timer.calledAtMs, []);
  clock.tick(1);
  assert.deepEqual(timer.calledAtMs, [100]);
  assert.equal(timer.fired, 1);
});

Deno.test("EngineTimer moves to an earlier time, and keeps its timer for a later one", () => {
  const { clock, timer, engineTimer } = begin();
  for (const delayMs of [100, 50, 200]) {
    timer.delayMs = delayMs;
    engineTimer.arm();
    assert.equal(clock.pendingTimers, 1);
  }
  assert.equal(clock.timersSet, 2);
  clock.tick(50);
  // Too early for the engine: its owner arms the timer again.
  assert.deepEqual(timer.calledAtMs, []);
  assert.equal(timer.fired, 1);
  engineTimer.arm();
  clock.tick(150);
  assert.deepEqual(timer.calledAtMs, [200]);
});

Deno.test("EngineTimer.stop() cancels the timer", () => {
  const { clock, timer, engineTimer } = begin();
  engineTimer.stop();
  timer.delayMs = 100;
  engineTimer.arm();
  engineTimer.stop();
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("timers that are due together fire in the turns of the event loop", () => {
  const { clock, loop, turns, timer, engineTimer } = begin();
  timer.delayMs = 100;
  engineTimer.arm();
  turns.spendTurn(1);
  clock.tick(100);
  assert.deepEqual(timer.calledAtMs, []);
  clock.block(3);
  loop.run();
  assert.deepEqual(timer.calledAtMs, [103]);
  assert.equal(timer.fired, 1);
});

Deno.test("a timer that waits for its turn is cancelled by stop()", () => {
  const { clock, loop, turns, timer, engineTimer } = begin();
  timer.delayMs = 100;
  engineTimer.arm();
  turns.spendTurn(1);
  clock.tick(100);
  engineTimer.stop();
  loop.run();
  assert.equal(timer.fired, 0);
});
