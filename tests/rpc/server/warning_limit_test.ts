import assert from "node:assert/strict";
import { WarningLimit } from "../../../src/rpc/server/warning_limit.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";

Deno.test("WarningLimit allows ten warnings, and one a second after a flood", () => {
  const clock = new FakeClock(1000.25);
  const limit = new WarningLimit(clock);
  const warnings = (lines: number) =>
    Array.from({ length: lines }, () => limit.level()).filter((one) => one === "warn").length;
  assert.equal(warnings(10), 10);
  assert.equal(warnings(100_000), 0);
  clock.tick(1_000);
  assert.equal(warnings(100), 1);
  clock.tick(3_600_000);
  assert.equal(warnings(100), 10);
});
