import assert from "node:assert/strict";
import { RecentCalls } from "../../src/limits/recent_calls.ts";

Deno.test("a cancel that comes with its call is prompt, answered or not", () => {
  const recent = new RecentCalls();
  recent.onRead(0, 0);
  assert.equal(recent.isPrompt(1, true), true);
  recent.onRead(0, 1);
  assert.equal(recent.isPrompt(1, true), false);
  assert.equal(recent.isPrompt(1, false), true);
});

Deno.test("a cancel of an unanswered call is prompt for 10 ms, at most 20 while reads go on", () => {
  const recent = new RecentCalls();
  recent.onRead(1_000, 6);
  // Call 7 arrives now.
  recent.onRead(1_009, 7);
  assert.equal(recent.isPrompt(7, false), true);
  recent.onRead(1_019, 8);
  assert.equal(recent.isPrompt(7, false), false, "no read for 10 ms");
  for (let nowMs = 1_020; nowMs < 1_060; nowMs++) {
    const lastId = nowMs - 1_000;
    recent.onRead(nowMs, lastId - 1);
    // Call N arrives 1,000 + N ms.
    assert.equal(recent.isPrompt(lastId, false), true);
    assert.equal(recent.isPrompt(lastId - 9, false), true);
    if (nowMs >= 1_040) assert.equal(recent.isPrompt(lastId - 21, false), false);
  }
});
