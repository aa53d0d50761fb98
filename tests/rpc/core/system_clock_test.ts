import assert from "node:assert/strict";
import { systemClock } from "../../../src/rpc/core/system_clock.ts";

Deno.test("systemClock calls back after the delay, unless the timer is cleared", async () => {
  const startMs = systemClock.now();
  let cleared = true;
  systemClock.clearTimer(systemClock.setTimer(() => cleared = false, 1));
  // Timers of the clock don't keep the process alive.
  const alive = setTimeout(() => {}, 10_000);
  await new Promise<void>((resolve) => systemClock.setTimer(resolve, 20));
  clearTimeout(alive);
  assert.ok(systemClock.now() - startMs >= 19);
  assert.equal(cleared, true);
});

Deno.test("systemClock accepts negative and infinite delays", async () => {
  let early = false;
  const far = systemClock.setTimer(() => early = true, Infinity);
  const alive = setTimeout(() => {}, 10_000);
  await new Promise<void>((resolve) => systemClock.setTimer(resolve, -5));
  clearTimeout(alive);
  assert.equal(early, false);
  systemClock.clearTimer(far);
});
