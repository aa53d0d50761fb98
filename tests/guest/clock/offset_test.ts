import assert from "node:assert/strict";
import fc from "fast-check";
import { bestOf, offsetOf } from "../../../src/guest/clock/offset.ts";

Deno.test("the offset of any clock is found, off by half of the delay at most", () => {
  const ms = fc.double({ min: 0, max: 1_000, noNaN: true });
  const offset = fc.double({ min: -1e9, max: 1e9, noNaN: true });
  fc.assert(fc.property(offset, ms, ms, ms, (offsetMs, thereMs, workMs, backMs) => {
    const sentMs = 1.7e12;
    const guestReceivedMs = sentMs + thereMs + offsetMs;
    const guestSentMs = guestReceivedMs + workMs;
    const receivedMs = sentMs + thereMs + workMs + backMs;
    const found = offsetOf({ sentMs, guestReceivedMs, guestSentMs, receivedMs })!;
    assert.ok(Math.abs(found.delayMs - thereMs - backMs) < 0.01);
    assert.ok(Math.abs(found.offsetMs - offsetMs) <= found.delayMs / 2 + 0.01);
  }));
});

Deno.test("impossible times give no offset", () => {
  const times = { sentMs: 1_000, guestReceivedMs: 5, guestSentMs: 6, receivedMs: 1_010 };
  assert.deepEqual(offsetOf(times), { offsetMs: -999.5, delayMs: 9 });
  assert.equal(offsetOf({ ...times, guestSentMs: 4 }), undefined);
  assert.equal(offsetOf({ ...times, guestSentMs: 30 }), undefined);
  assert.equal(offsetOf({ ...times, guestReceivedMs: NaN }), undefined);
  assert.equal(offsetOf({ ...times, guestReceivedMs: 1e300, guestSentMs: 1e300 }), undefined);
});

Deno.test("the fastest exchange counts", () => {
  assert.equal(bestOf([]), undefined);
  const fast = { offsetMs: 3, delayMs: 1 };
  assert.equal(bestOf([{ offsetMs: 1, delayMs: 2 }, fast, { offsetMs: 9, delayMs: 5 }]), fast);
});
