import assert from "node:assert/strict";
import { csvReport } from "../../../src/load/report/csv.ts";
import { htmlReport } from "../../../src/load/report/html.ts";
import { jsonReport } from "../../../src/load/report/json.ts";
import { textReport } from "../../../src/load/report/text.ts";
import { Status } from "../../../mod.ts";
import { compareRuns, parseReportFile } from "../../../src/load/report/compare.ts";
import { failingRun, frozenRun, plan, simulate, simulatedTarget, stagedRun } from "../fixtures.ts";
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

Deno.test("reports of a run without a success say so, show no latency, and count failures by code", async () => {
  const failed = await failingRun((i) => i % 4 === 0 ? Status.INTERNAL : Status.NOT_FOUND);
  const good = await frozenRun();
  const text = textReport(failed, compareRuns(good, failed));
  assert.deepEqual(text.split("\n").slice(1, 10), [
    "Total requests: 1000",
    "Successful requests: 0",
    "Failed requests: 1000",
    "Success rate: 0.00%",
    "Duration: 1.000s",
    "Requests per second: 0.00",
    "Average latency: none",
    "Min latency: none",
    "Max latency: none",
  ]);
  assert.match(text, /^ +Failed calls$/m);
  assert.match(text, /^ {2}NOT_FOUND: 750, first at .*: not today$/m);
  assert.match(text, /^ {2}INTERNAL: 250, first at .*: not today$/m);
  assert.match(
    text,
    /^Note: Not one call succeeded \(750 NOT_FOUND, 250 INTERNAL\): there are no lat/m,
  );
  assert.match(text, /^ {2}Failed: NOT_FOUND +0 +750 +new worse$/m);
  assert.match(text, /^ {2}p99 +\S+ \S+ +none +-$/m);
  assert.doesNotMatch(text, /NaN|Infinity|null|undefined/);

  const { latency, requestsPerSecond } = parseReportFile(jsonReport([failed])).runs[0];
  assert.equal(requestsPerSecond, 0);
  assert.equal(latency.count, 0);
  const { count: _, buckets, percentilesUs, ...figures } = latency;
  assert.deepEqual(buckets, []);
  for (const value of [...Object.values(figures), ...Object.values(percentilesUs)]) {
    assert.equal(value, null);
  }

  for (const comparisons of [[], [compareRuns(good, failed)], [compareRuns(failed, failed)]]) {
    const page = htmlReport([failed], comparisons).replace(/<script[^]*?<\/script>/g, "");
    assert.match(page, /Median latency<\/span><b>none<\/b>/);
    assert.match(page, /<b>1,000, 1,000 failed<\/b>/);
    assert.match(page, /<td>NOT_FOUND<\/td><td>750<\/td>/);
    assert.doesNotMatch(page, /NaN|Infinity|null|undefined/);
  }
  assert.match(csvReport([failed]).split("\r\n")[1], /,NOT_FOUND=750 INTERNAL=250,/);
});

Deno.test("a run is compared with one in which nothing succeeded", async () => {
  const failed = await failingRun(() => Status.INTERNAL);
  const { figures } = compareRuns(failed, await frozenRun());
  const of = (name: string) => figures.find((figure) => figure.name === name)!;
  assert.deepEqual([of("p99").before, of("p99").changePercent, of("p99").better], [
    "none",
    null,
    null,
  ]);
  assert.deepEqual([of("Failed: INTERNAL").before, of("Failed: INTERNAL").after], ["1,000", "0"]);
  assert.equal(of("Failed: INTERNAL").better, true);
});

Deno.test("only calls without a connection make the note that the server could not be reached", async () => {
  const note = /could not be reached/;
  const byHandler = await failingRun(() => Status.UNAVAILABLE, () => false);
  assert.doesNotMatch(byHandler.notes.join("\n"), note);
  assert.equal(byHandler.unreachable, null);
  assert.equal(byHandler.failures[0].code, "UNAVAILABLE");
  const gone = await failingRun((i) => i < 500 ? undefined : Status.UNAVAILABLE, () => true);
  assert.match(gone.notes.join("\n"), /could not be reached from 0\.5\d\ds on, and no call succ/);
  assert.equal(gone.unreachable!.count, 500);
  assert.equal(parseReportFile(jsonReport([gone])).runs[0].unreachable!.count, 500);
});

Deno.test("a peer's text can neither forge a line of a report nor steer a terminal", async () => {
  const run = await frozenRun(1000);
  const text = "gone\nFailed requests: 0\x1b]0;x\x07\x9b2J\u202e<script>\u2028";
  const failure = { code: "UNKNOWN", count: 1, firstAtMs: 0, lastAtMs: 0, message: text };
  const hostile = { ...run, title: text, failures: [failure], notes: [text] };
  const escaped = "gone\\u000aFailed requests: 0\\u001b]0;x\\u0007\\u009b2J\\u202e";
  for (
    const report of [
      textReport(hostile),
      csvReport([hostile]),
      htmlReport([hostile], []),
      jsonReport([hostile]),
    ]
  ) {
    const characters = report.replace(/[\r\n\t]/g, "");
    // deno-lint-ignore no-control-regex -- control characters are what must not be there
    assert.doesNotMatch(characters, /[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/);
    assert.ok(report.includes(escaped) || report.includes(JSON.stringify(text).slice(1, 20)));
    assert.equal(report.match(/^Failed requests/gm)?.length ?? 0, report.startsWith("===") ? 1 : 0);
  }
  assert.equal(JSON.parse(jsonReport([hostile])).runs[0].title, text);
  assert.doesNotMatch(htmlReport([hostile]), /<script>\\u2028/);
});

Deno.test("textReport() shows stages, methods and tags", async () => {
  const text = textReport(await stagedRun());
  assert.match(text, /^Load: open loop, 2 stages up to 1000 calls\/s, uniform arrivals$/m);
  assert.match(text, /^Tags: build=7 <b>, region=eu$/m);
  assert.match(text, /^ {2}calm +2 s at 100\/s +100 +0 +0 +10 ms +10 ms +10 ms$/m);
  assert.match(text, /^ {2}peak +1 s at 1,000\/s +1,000 +0 +0 +30 ms +30 ms +30 ms$/m);
  assert.match(text, /^ {2}shop\.v1\.Orders\/M2 +weight 2 +\d+ +0 +0 /m);
});
