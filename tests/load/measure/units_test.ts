import assert from "node:assert/strict";
import { bytes, duration, microseconds, parseDurationMs } from "../../../src/load/measure/units.ts";

Deno.test("parseDurationMs() accepts seconds and units, and nothing else", () => {
  const cases: [string, number | undefined][] = [
    ["30s", 30_000],
    ["2m", 120_000],
    ["1h", 3_600_000],
    ["45", 45_000],
    ["0.5", 500],
    ["250ms", 250],
    ["1m30s", 90_000],
    ["0", 0],
    ["", undefined],
    ["s", undefined],
    ["-5s", undefined],
    ["5 s", undefined],
    ["1e3", undefined],
    ["10x", undefined],
    ["Infinity", undefined],
  ];
  for (const [text, ms] of cases) assert.equal(parseDurationMs(text), ms, text);
});

Deno.test("values are formatted in fitting units", () => {
  const latencies = [0.25, 89.04, 102.45, 1205, 12_050, 1_234_567].map(microseconds);
  assert.deepEqual(latencies, ["0.25 μs", "89 μs", "102 μs", "1.21 ms", "12.1 ms", "1.23 s"]);
  assert.deepEqual([5, 12_345, 245_000].map(duration), ["5 ms", "12.3 s", "4 min 5 s"]);
  assert.deepEqual([640, 1234, 1.2e9].map(bytes), ["640 B", "1.2 kB", "1.2 GB"]);
});
