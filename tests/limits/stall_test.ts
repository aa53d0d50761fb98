import assert from "node:assert/strict";
import { stallEndMs } from "../../src/limits/stall.ts";

Deno.test("a reply that does not move is given up after the stall time of a connection that does not move", () => {
  assert.equal(stallEndMs(1_000, 0, 100), 1_100);
  assert.equal(stallEndMs(1_000, 1_050, 100), 1_150);
});

Deno.test("a connection that moves gives a reply ten times the stall time", () => {
  assert.equal(stallEndMs(1_000, 1_990, 100), 2_000);
  assert.equal(stallEndMs(1_000, 9_000, 100), 2_000);
});
