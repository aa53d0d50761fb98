import assert from "node:assert/strict";
import { PeerEvent } from "../../src/limits/peer_budget.ts";
import { RecentCalls } from "../../src/limits/recent_calls.ts";

Deno.test("a cancel that comes with its call is charged, answered or not", () => {
  const recent = new RecentCalls();
  recent.onRead(0, 0);
  assert.equal(recent.charge(1, true, true), PeerEvent.CANCEL);
  recent.onRead(0, 1);
  assert.equal(recent.charge(1, true, true), undefined);
  assert.equal(recent.charge(1, false, false), PeerEvent.CANCEL);
});

Deno.test("a cancel of a call whose answer is not taken is charged, however old the call is", () => {
  const recent = new RecentCalls();
  recent.onRead(0, 0);
  recent.onRead(1_000, 1);
  assert.equal(recent.charge(1, true, false), PeerEvent.CANCEL_OF_ANSWERED);
  assert.equal(recent.charge(1, true, true), undefined);
  assert.equal(recent.charge(1, false, false), undefined);
});

Deno.test("a cancel of an unanswered call is charged for 10 ms, at most 20 while reads go on", () => {
  const recent = new RecentCalls();
  recent.onRead(1_000, 6);
  // Call 7 arrives now.
  recent.onRead(1_009, 7);
  assert.equal(recent.charge(7, false, false), PeerEvent.CANCEL);
  recent.onRead(1_019, 8);
  assert.equal(recent.charge(7, false, false), undefined, "no read for 10 ms");
  for (let nowMs = 1_020; nowMs < 1_060; nowMs++) {
    const lastId = nowMs - 1_000;
    recent.onRead(nowMs, lastId - 1);
    // Call N arrives 1,000 + N ms.
    assert.equal(recent.charge(lastId, false, false), PeerEvent.CANCEL);
    assert.equal(recent.charge(lastId - 9, false, false), PeerEvent.CANCEL);
    if (nowMs >= 1_040) assert.equal(recent.charge(lastId - 21, false, false), undefined);
  }
});
