import assert from "node:assert/strict";
import { TokenBucket } from "../../src/limits/token_bucket.ts";

Deno.test("a bucket fills with time, however much is left in it", () => {
  const budget = new TokenBucket(10, 1, 0);
  for (let i = 0; i < 9; i++) assert(budget.take(1, 0));
  // Enough for one; the hour that has passed is not lost with it.
  for (let i = 0; i < 10; i++) assert(budget.take(1, 3_600_000), `credit ${i}`);
  assert.equal(budget.take(1, 3_600_000), false);
});

Deno.test("a bucket reports the time until it is half full", () => {
  const budget = new TokenBucket(10, 2, 0);
  assert.equal(budget.msUntilHalfFull, 0);
  budget.take(5, 0);
  assert.equal(budget.msUntilHalfFull, 0);
  budget.take(3, 0);
  assert.equal(budget.msUntilHalfFull, 1_500);
  budget.take(1, 1_000);
  assert.equal(budget.msUntilHalfFull, 1_000);
  const never = new TokenBucket(10, 0, 0);
  never.take(6, 0);
  assert.equal(never.msUntilHalfFull, Infinity);
});

Deno.test("a bucket never holds more than its size", () => {
  const budget = new TokenBucket(10, 1, 0);
  for (let i = 0; i < 10; i++) assert(budget.take(1, 3_600_000));
  assert.equal(budget.take(1, 3_600_000), false);
});
