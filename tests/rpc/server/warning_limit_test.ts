import assert from "node:assert/strict";
import { WarningLimit } from "../../../src/rpc/server/warning_limit.ts";
import { VirtualClock } from "../../fixtures/virtual_clock.ts";

Deno.test("WarningLimit allows ten warnings, and one a second after a flood", () => {
  const clock = new VirtualClock();
  const limit = new WarningLimit(clock);
  const warnings = (lines: number) =>
    Array.from({ length: lines }, () => limit.level()).filter((one) => one === "warn").length;
  assert.equal(warnings(10), 10);
  assert.equal(warnings(100_000), 0);
  clock.advance(1_000);
  assert.equal(warnings(100), 1);
  clock.advance(3_600_000);
  assert.equal(warnings(100), 10);
});
