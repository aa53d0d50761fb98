import assert from "node:assert/strict";
import type { LeanClientCall } from "../../src/lean/client_call.ts";
import { PendingCalls } from "../../src/lean/pending_calls.ts";

Deno.test("PendingCalls keeps calls in order of their start, whichever are removed", () => {
  const calls = ["a", "b", "c", "d"].map((route) => ({ route }) as LeanClientCall);
  const pending = new PendingCalls();
  assert.deepEqual(pending.all(), []);
  for (const call of calls) pending.add(call);
  assert.equal(pending.size, 4);
  assert.deepEqual(pending.all(), calls);
  pending.delete(calls[1]);
  pending.delete(calls[3]);
  pending.delete(calls[3]);
  assert.deepEqual(pending.all(), [calls[0], calls[2]]);
  pending.add(calls[1]);
  assert.deepEqual(pending.all(), [calls[0], calls[2], calls[1]]);
  assert.equal(pending.size, 3);
});
