import assert from "node:assert/strict";
import { DeadlineQueue } from "../../../src/rpc/core/deadline_queue.ts";
import { QueuedClock } from "../../../src/rpc/core/queued_clock.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";

Deno.test("QueuedClock calls back when timers are due, all by one timer of its clock", () => {
  const fake = new FakeClock(1000.25);
  const clock = new QueuedClock(fake, new DeadlineQueue(fake, assert.ifError));
  const fired: string[] = [];
  clock.setTimer(() => fired.push("b"), 20);
  clock.setTimer(() => fired.push("a"), 10);
  const cancelled = clock.setTimer(() => fired.push("cancelled"), 15);
  clock.clearTimer(cancelled);
  clock.clearTimer(undefined);
  assert.equal(fake.pendingTimers, 1);
  fake.tick(9);
  assert.deepEqual(fired, []);
  fake.tick(3);
  assert.deepEqual(fired, ["a"]);
  fake.tick(10);
  assert.deepEqual(fired, ["a", "b"]);
  clock.clearTimer(cancelled);
});
