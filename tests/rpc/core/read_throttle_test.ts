import assert from "node:assert/strict";
import type { ConnectionEngine } from "../../../src/call/wire.ts";
import { ReadThrottle, ThrottleSlots } from "../../../src/rpc/core/read_throttle.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { silentEngine } from "./silent_engine.ts";

/** A throttle whose engine asks for reads `delayMs` from now on. */
function begin(slots: ThrottleSlots, delayMs: number | undefined) {
  const clock = new FakeClock(1000.25);
  const engine: ConnectionEngine & { finished: boolean } = {
    ...silentEngine(),
    readThrottledUntilMs: delayMs === undefined ? undefined : clock.now() + delayMs,
  };
  return { clock, engine, throttle: new ReadThrottle(engine, clock, slots) };
}

Deno.test("ReadThrottle is due while the engine asks for it", () => {
  const slots = new ThrottleSlots(1);
  assert.equal(begin(slots, undefined).throttle.isDue, false);
  assert.equal(begin(slots, 0).throttle.isDue, false);
  const { clock, engine, throttle } = begin(slots, 1_000);
  assert.equal(throttle.isDue, true);
  clock.tick(1_000);
  assert.equal(throttle.isDue, false);
  const finished = begin(slots, 1_000);
  finished.engine.finished = true;
  assert.equal(finished.throttle.isDue, false);
  assert.equal(engine.finished, false);
});

Deno.test("ReadThrottle waits until the engine's time, or until it is ended", () => {
  const slots = new ThrottleSlots(2);
  const waits = [begin(slots, 1_000), begin(slots, 1_000)];
  const ended = [0, 0];
  waits.forEach(({ throttle }, i) => throttle.onEnd(() => ended[i]++));
  assert.equal(slots.free, false);
  waits[0].clock.tick(999);
  assert.deepEqual(ended, [0, 0]);
  waits[0].clock.tick(1);
  waits[1].throttle.end();
  assert.deepEqual(ended, [1, 1]);
  assert.equal(waits[1].clock.pendingTimers, 0);
  waits[1].throttle.end();
  assert.deepEqual(ended, [1, 1]);
  assert.equal(slots.free, true);
});

Deno.test("ReadThrottle is not due while no slot is free", () => {
  const slots = new ThrottleSlots(1);
  const [first, second] = [begin(slots, 1_000), begin(slots, 1_000)];
  first.throttle.onEnd(() => {});
  assert.equal(second.throttle.isDue, false);
  first.throttle.end();
  assert.equal(second.throttle.isDue, true);
});
