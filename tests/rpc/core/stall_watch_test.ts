import assert from "node:assert/strict";
import { StallWatch } from "../../../src/rpc/core/stall_watch.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";

function begin() {
  const clock = new FakeClock(1000.25);
  const owner = { writing: true, stalls: 0, onStall: () => owner.stalls++ };
  return { clock, owner, watch: new StallWatch(owner, clock, 8_000) };
}

Deno.test("StallWatch reports a write after the timeout, at most an eighth late", () => {
  const { clock, owner, watch } = begin();
  watch.onWrite();
  clock.tick(8_000);
  assert.equal(owner.stalls, 0);
  clock.tick(1_000);
  assert.equal(owner.stalls, 1);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("StallWatch starts the timeout anew with each write, by one timer", () => {
  const { clock, owner, watch } = begin();
  for (let i = 0; i < 10; i++) {
    watch.onWrite();
    watch.onWrite();
    assert.equal(clock.pendingTimers, 1);
    clock.tick(7_500);
  }
  assert.equal(owner.stalls, 0);
  clock.tick(1_500);
  assert.equal(owner.stalls, 1);
});

Deno.test("StallWatch sets no timer while nothing is written", () => {
  const { clock, owner, watch } = begin();
  watch.onWrite();
  owner.writing = false;
  clock.tick(1_000);
  assert.equal(clock.pendingTimers, 0);
  clock.tick(60_000);
  owner.writing = true;
  watch.onWrite();
  assert.equal(clock.pendingTimers, 1);
  clock.tick(7_900);
  assert.equal(owner.stalls, 0);
});

Deno.test("StallWatch.stop() cancels the timer", () => {
  const { clock, watch } = begin();
  watch.stop();
  watch.onWrite();
  watch.stop();
  assert.equal(clock.pendingTimers, 0);
});
