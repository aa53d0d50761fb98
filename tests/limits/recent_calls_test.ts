import assert from "node:assert/strict";
import { RecentCalls } from "../../src/limits/recent_calls.ts";

Deno.test("a cancel that comes with its call is charged, answered or not", () => {
  const recent = new RecentCalls();
  recent.onRead(0, 0);
  assert.equal(recent.isCharged(1, true, true), true);
  recent.onRead(0, 1);
  assert.equal(recent.isCharged(1, true, true), false);
  assert.equal(recent.isCharged(1, false, false), true);
});

Deno.test("a cancel of a call whose answer is not taken is charged, however old the call is", () => {
  const recent = new RecentCalls();
  recent.onRead(0, 0);
  recent.onRead(1_000, 1);
  assert.equal(recent.isCharged(1, true, false), true);
  assert.equal(recent.isCharged(1, true, true), false);
  assert.equal(recent.isCharged(1, false, false), false);
});

Deno.test("a cancel of an unanswered call is charged for 10 ms, at most 20 while reads go on", () => {
  const recent = new RecentCalls();
  recent.onRead(1_000, 6);
  // Call 7 arrives now.
  recent.onRead(1_009, 7);
  assert.equal(recent.isCharged(7, false, false), true);
  recent.onRead(1_019, 8);
  assert.equal(recent.isCharged(7, false, false), false, "no read for 10 ms");
  for (let nowMs = 1_020; nowMs < 1_060; nowMs++) {
    const lastId = nowMs - 1_000;
    recent.onRead(nowMs, lastId - 1);
    // Call N arrives 1,000 + N ms.
    assert.equal(recent.isCharged(lastId, false, false), true);
    assert.equal(recent.isCharged(lastId - 9, false, false), true);
    if (nowMs >= 1_040) assert.equal(recent.isCharged(lastId - 21, false, false), false);
  }
});
