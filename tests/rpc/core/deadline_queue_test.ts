import assert from "node:assert/strict";
import fc from "fast-check";
import { DeadlineQueue } from "../../../src/rpc/core/deadline_queue.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";

Deno.test("DeadlineQueue calls each deadline once, not early, at most 2 ms late", () => {
  const clock = new FakeClock(1000.25);
  const queue = new DeadlineQueue(clock, assert.ifError);
  const called: [number, number][] = [];
  for (const delay of [0, 0.5, 1, 5, 63, 64, 65, 1000, 4096, 70_000, 3_600_000]) {
    const at = clock.now() + delay;
    queue.add(at, () => called.push([at, clock.now()]));
  }
  clock.tick(4_000_000);
  assert.equal(called.length, 11);
  for (const [at, now] of called) assert.ok(now >= at && now <= at + 2, `${at} called at ${now}`);
  assert.equal(queue.size, 0);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("DeadlineQueue.cancel() removes a deadline, also twice, after its call, and from a callback", () => {
  const clock = new FakeClock(1000.25);
  const queue = new DeadlineQueue(clock, assert.ifError);
  const called: string[] = [];
  const at = clock.now() + 10;
  const a = queue.add(at, () => called.push("a"));
  const handles = [1, 2].map((n) =>
    queue.add(at, () => {
      called.push(`first ${n}`);
      for (const handle of handles) queue.cancel(handle);
    })
  );
  queue.cancel(a);
  queue.cancel(a);
  clock.tick(20);
  assert.equal(called.length, 1, called.join());
  assert.equal(queue.size, 0);
  for (const handle of handles) queue.cancel(handle);
  assert.equal(queue.size, 0);
});

Deno.test("DeadlineQueue sets one timer for many equal timeouts", () => {
  const clock = new FakeClock(1000.25);
  const queue = new DeadlineQueue(clock, assert.ifError);
  for (let i = 0; i < 10_000; i++) {
    queue.cancel(queue.add(clock.now() + 30_000, () => assert.fail("was cancelled")));
    clock.tick(1);
  }
  assert.ok(clock.timersSet < 5, `${clock.timersSet} timers were set`);
  queue.close();
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("DeadlineQueue.close() removes all deadlines; the queue can be used afterwards", () => {
  const clock = new FakeClock(1000.25);
  const queue = new DeadlineQueue(clock, assert.ifError);
  let called = 0;
  const handle = queue.add(clock.now() + 10, () => called++);
  queue.close();
  queue.cancel(handle);
  assert.equal(clock.pendingTimers, 0);
  queue.add(clock.now() + 10, () => called++);
  clock.tick(100);
  assert.equal(called, 1);
});

Deno.test("DeadlineQueue runs for 30 days, with deadlines beyond its range", () => {
  const clock = new FakeClock(1000.25);
  const queue = new DeadlineQueue(clock, assert.ifError);
  const day = 86_400_000;
  const called: number[] = [];
  const start = clock.now();
  for (const days of [1, 5, 11, 13, 29, 40]) queue.add(start + days * day, () => called.push(days));
  clock.tick(13.5 * day);
  assert.deepEqual(called, [1, 5, 11, 13]);
  // The timer fires very late, as after a suspend of the machine.
  const sleeper = new FakeClock(1000.25);
  const late = new DeadlineQueue(sleeper, assert.ifError);
  late.add(sleeper.now() + 50 * day, () => called.push(50));
  clock.tick(30 * day);
  sleeper.tick(60 * day);
  assert.deepEqual(called, [1, 5, 11, 13, 29, 40, 50]);
});

Deno.test("DeadlineQueue agrees with a plain list for random additions, cancels and waits", () => {
  const step = fc.oneof(
    fc.record({ add: fc.double({ min: -10, max: 300_000, noNaN: true }) }),
    fc.record({ add: fc.double({ min: 0, max: 200, noNaN: true }) }),
    fc.record({ cancel: fc.nat(50) }),
    fc.record({ wait: fc.double({ min: 0, max: 90_000, noNaN: true }) }),
    fc.record({ wait: fc.double({ min: 0, max: 80, noNaN: true }) }),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const clock = new FakeClock(1000.25);
    const queue = new DeadlineQueue(clock, assert.ifError);
    const all: { at: number; calledAt?: number; cancelled?: boolean; handle: unknown }[] = [];
    for (const one of steps) {
      if ("add" in one) {
        const item: (typeof all)[0] = { at: clock.now() + one.add, handle: undefined };
        item.handle = queue.add(item.at, () => {
          assert.equal(item.calledAt, undefined);
          item.calledAt = clock.now();
        });
        all.push(item);
      } else if ("cancel" in one) {
        const item = all[one.cancel];
        if (!item) continue;
        queue.cancel(item.handle as never);
        if (item.calledAt === undefined) item.cancelled = true;
      } else {
        clock.tick(one.wait);
      }
    }
    clock.tick(400_000);
    assert.equal(queue.size, 0);
    for (const item of all) {
      if (item.cancelled) assert.equal(item.calledAt, undefined);
      else assert.ok(item.calledAt !== undefined && item.calledAt >= item.at);
    }
  }));
});
