import assert from "node:assert/strict";
import { closingLine } from "./main.ts";

Deno.test("closingLine() has the counts of deno test, what is ignored as skipped", () => {
  assert.equal(closingLine("ok | 3 passed | 0 failed (1s)"), "3 passed, 0 failed");
  assert.equal(closingLine("ok | 5 passed (82 steps) | 0 failed (10s)"), "5 passed, 0 failed");
  assert.equal(
    closingLine("FAILED | 1 passed (2 steps) | 1 failed (3 steps) | 2 ignored (1s)"),
    "1 passed, 1 failed, 2 skipped",
  );
  assert.equal(closingLine("error: Type checking failed."), undefined);
});
