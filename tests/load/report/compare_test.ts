import assert from "node:assert/strict";
import { compareRuns, matchingRun, parseReportFile } from "../../../src/load/report/compare.ts";
import { htmlReport } from "../../../src/load/report/html.ts";
import { textReport } from "../../../src/load/report/text.ts";
import { frozenRun } from "../fixtures.ts";

Deno.test("parseReportFile() names the fault of a file", () => {
  assert.throws(() => parseReportFile("{"), /not valid JSON/);
  assert.throws(() => parseReportFile("null"), /it has no runs/);
  assert.throws(
    () => parseReportFile('{"version":2,"runs":[]}'),
    /unsupported version 2, must be 1/,
  );
  assert.throws(() => parseReportFile('{"version":1,"runs":[{}]}'), /no latency or settings/);
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
