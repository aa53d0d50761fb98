import assert from "node:assert/strict";
import { Ajv2020 } from "ajv/dist/2020.js";
import { compareRuns, matchingRun, parseReportFile } from "../../../src/load/report/compare.ts";
import { csvReport } from "../../../src/load/report/csv.ts";
import { htmlReport } from "../../../src/load/report/html.ts";
import { jsonReport } from "../../../src/load/report/json.ts";
import { textReport } from "../../../src/load/report/text.ts";
import { histogramOf, type RunResult } from "../../../src/load/measure/result.ts";
import { progressLine } from "../../../src/load/report/progress.ts";
import { knownLatency, plan, simulate, simulatedTarget } from "../fixtures.ts";
import { VirtualTime } from "../virtual_time.ts";

const SCHEMA = new URL("../../../src/load/report/report.schema.json", import.meta.url);

async function frozenRun(rate?: number): Promise<RunResult> {
  const time = new VirtualTime();
  const target = simulatedTarget(time, 50, knownLatency, { byteLength: 80 }, 400);
  const loop = rate === undefined ? {} : { mode: "open", ratePerSecond: rate } as const;
  return (await simulate(time, target, plan({ durationMs: 15_000, ...loop }))).run;
}

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

Deno.test("jsonReport() matches its schema and round-trips", async () => {
  const validate = new Ajv2020({ strict: true, strictTuples: false, allowUnionTypes: true })
    .compile(
      JSON.parse(await Deno.readTextFile(SCHEMA)),
    );
  const runs = [await frozenRun(1000), await frozenRun()];
  const text = jsonReport(runs);
  assert.ok(validate(JSON.parse(text)), JSON.stringify(validate.errors));
  assert.deepEqual(parseReportFile(text).runs, JSON.parse(JSON.stringify(runs)));
  const again = histogramOf(parseReportFile(text).runs[0].latency);
  assert.equal(again.percentileNs(99) / 1000, runs[0].latency.percentilesUs.p99);
});

Deno.test("parseReportFile() names the fault of a file", () => {
  assert.throws(() => parseReportFile("{"), /not valid JSON/);
  assert.throws(() => parseReportFile("null"), /it has no runs/);
  assert.throws(
    () => parseReportFile('{"version":2,"runs":[]}'),
    /unsupported version 2, must be 1/,
  );
  assert.throws(() => parseReportFile('{"version":1,"runs":[{}]}'), /no latency or settings/);
});

Deno.test("csvReport() writes two tables, all rows as wide as their header", async () => {
  const run = { ...await frozenRun(1000), title: 'A "quoted", title' };
  const tables = csvReport([run, run]).split("\r\n\r\n").map((table) => table.trim().split("\r\n"));
  assert.deepEqual(tables.map((table) => table.length), [3, 1 + 2 * run.timeline.length]);
  assert.match(tables[0][0], /^title,method,server,.*,p99\.99_us,max_us,missed,/);
  assert.match(tables[0][1], /^"A ""quoted"", title",/);
  for (const table of tables) {
    const cells = (row: string) => row.replace(/"([^"]|"")*"/g, "x").split(",").length;
    assert.deepEqual(new Set(table.map(cells)).size, 1);
  }
});

Deno.test("htmlReport() loads nothing from the network and escapes its data", async () => {
  const title = `</script><script>alert("x")</script>`;
  const page = htmlReport([{ ...await frozenRun(1000), title }]);
  assert.doesNotMatch(page, /(src|href)=|url\(|@import|<link|fetch\(|XMLHttpRequest/);
  assert.doesNotMatch(page, /<script>alert/);
  assert.match(page, /&lt;script&gt;alert/);
});

Deno.test("compareRuns() marks improvements and names settings that differ", async () => {
  const before = await frozenRun();
  const after = await frozenRun(1000);
  const { figures, differences } = compareRuns(before, after);
  const of = (name: string) => figures.find((figure) => figure.name === name)!;
  assert.equal(of("Requests per second").better, false);
  assert.equal(of("p99").better, false);
  assert.equal(of("Failed requests").better, null);
  assert.deepEqual(differences, [
    "mode: closed before, open now",
    "ratePerSecond: none before, 1000 now",
  ]);
  const text = textReport(after, compareRuns(before, after));
  assert.match(text, /^ +before +now +change$/m);
  assert.match(text, /^ +p99 .* worse$/m);
  const page = htmlReport([after], [compareRuns(before, after)]);
  assert.match(page, /latency before/);
  assert.match(page, /<span class="worse">\+.* % worse/);
});

Deno.test("matchingRun() prefers the same method", async () => {
  const echo = await frozenRun();
  const crypto = {
    ...echo,
    title: "Crypto Service",
    settings: { ...echo.settings, method: "/c/S" },
  };
  const file = { version: 1, runs: [echo, crypto] } as const;
  assert.equal(matchingRun(file, crypto), crypto);
  const other = { ...echo, title: "Other", settings: { ...echo.settings, method: "/o/O" } };
  assert.equal(matchingRun(file, other), undefined);
  assert.equal(matchingRun({ version: 1, runs: [echo] }, other), echo);
});

Deno.test("progressLine() shows elapsed time, rate, latency and failures", () => {
  const live = { total: 12_345, failed: 2, rateNow: 999.7, p50Us: 89, p99Us: 1205 };
  assert.equal(
    progressLine({ elapsedMs: 12_345, durationMs: 30_000 }, live),
    "12 s of 30 s · 12,345 calls · 1,000/s · p50 89 μs · p99 1.21 ms · 2 failed",
  );
  assert.equal(
    progressLine({ elapsedMs: -500, requests: 1000 }, {
      ...live,
      total: 0,
      p50Us: null,
      p99Us: null,
    }),
    "warming up, 500 ms left · 0 of 1,000 calls · 1,000/s · p50 - · p99 - · 2 failed",
  );
});
