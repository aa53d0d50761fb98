import assert from "node:assert/strict";
import { parseReportFile } from "../../../src/load/report/compare.ts";
import { csvReport } from "../../../src/load/report/csv.ts";
import { htmlReport } from "../../../src/load/report/html.ts";
import { jsonReport } from "../../../src/load/report/json.ts";
import { textReport } from "../../../src/load/report/text.ts";
import { frozenRun, plan, simulate, simulatedTarget } from "../fixtures.ts";
import { VirtualTime } from "../virtual_time.ts";

Deno.test("textReport() starts with the ten lines that scripts read", async () => {
  const time = new VirtualTime();
  const target = simulatedTarget(time, 1, (sequence) => sequence % 2 === 0 ? 10.1 : 10.369);
  const { run } = await simulate(time, target, plan({ requests: 1000 }));
  assert.deepEqual(textReport(run).split("\n").slice(0, 11), [
    "=== Echo Service Benchmark Results ===",
    "Total requests: 1000",
    "Successful requests: 1000",
    "Failed requests: 0",
    "Success rate: 100.00%",
    "Duration: 10.235s",
    "Requests per second: 97.71",
    "Average latency: 10234.50 μs",
    "Min latency: 10100 μs",
    "Max latency: 10369 μs",
    "",
  ]);
});

Deno.test("textReport() shows percentiles, histogram, time series, schedule and notes", async () => {
  const text = textReport(await frozenRun(1000));
  for (const name of ["p50", "p75", "p90", "p95", "p99", "p99.9", "p99.99"]) {
    assert.match(text, new RegExp(`^  ${name} +[\\d.]+ μs`, "m"));
  }
  assert.match(text, /^ +Latency +Service time +Server time$/m);
  assert.match(text, /^Histogram/m);
  assert.match(text, /█{20}/);
  assert.match(text, /^Over time/m);
  assert.match(text, /^Due: 15,000, missed: 0, sent over 1 ms late: \d+/m);
  assert.match(
    text,
    /^CPU time: generator not readable, server 1\.234s \(82\.\d μs a call, 0\.08/m,
  );
  assert.match(text, /^Note: Open loop: latency runs from the intended send time/m);
});

Deno.test("reports work without a single call", async () => {
  const time = new VirtualTime();
  const { run } = await simulate(time, simulatedTarget(time, 1, () => 1), plan({ requests: 0 }));
  assert.match(textReport(run), /^Total requests: 0\n.*\n.*\nSuccess rate: 0\.00%$/m);
  assert.ok(htmlReport([run]).length > 0);
  assert.ok(csvReport([run]).length > 0);
  assert.equal(parseReportFile(jsonReport([run])).runs.length, 1);
});
