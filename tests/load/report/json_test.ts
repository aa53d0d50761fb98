import assert from "node:assert/strict";
import { Ajv2020 } from "ajv/dist/2020.js";
import { histogramOf } from "../../../src/load/measure/result.ts";
import { parseReportFile } from "../../../src/load/report/compare.ts";
import { jsonReport } from "../../../src/load/report/json.ts";
import { frozenRun, stagedRun } from "../fixtures.ts";

const SCHEMA = new URL("../../../src/load/report/report.schema.json", import.meta.url);

Deno.test("jsonReport() matches its schema and round-trips", async () => {
  const validate = new Ajv2020({ strict: true, strictTuples: false, allowUnionTypes: true })
    .compile(
      JSON.parse(await Deno.readTextFile(SCHEMA)),
    );
  const runs = [await frozenRun(1000), await frozenRun(), await stagedRun()];
  const text = jsonReport(runs);
  assert.ok(validate(JSON.parse(text)), JSON.stringify(validate.errors));
  assert.deepEqual(parseReportFile(text).runs, JSON.parse(JSON.stringify(runs)));
  const again = histogramOf(parseReportFile(text).runs[0].latency);
  assert.equal(again.percentileNs(99) / 1000, runs[0].latency.percentilesUs.p99);
});
