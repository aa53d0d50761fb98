import assert from "node:assert/strict";
import { parseConditions } from "../../../src/load/report/fail_if.ts";
import { junitReport } from "../../../src/load/report/junit.ts";
import { failingRun, stagedRun } from "../fixtures.ts";
import { Status } from "../../../mod.ts";

interface Element {
  readonly name: string;
  readonly attributes: Record<string, string>;
  readonly children: Element[];
}

/** Reads XML without text between its elements; throws for anything that is not well-formed. */
function parsed(xml: string): Element {
  const root: Element = { name: "", attributes: {}, children: [] };
  const open = [root];
  const declaration = '<?xml version="1.0" encoding="UTF-8"?>';
  assert.ok(xml.startsWith(declaration));
  let rest = xml.slice(declaration.length).trim();
  while (rest !== "") {
    const match = /^<(\/?)([a-z]+)((?: [a-z]+="[^"<]*")*)(\/?)>\s*/.exec(rest);
    assert.ok(match, rest.slice(0, 80));
    const [all, close, name, text, empty] = match;
    if (close) {
      assert.equal(open.pop()!.name, name);
    } else {
      const attributes = Object.fromEntries(
        [...text.matchAll(/ ([a-z]+)="([^"]*)"/g)].map(([, key, value]) => {
          assert.doesNotMatch(value, /&(?!amp;|lt;|gt;|quot;)/);
          return [key, value];
        }),
      );
      const element = { name, attributes, children: [] };
      open.at(-1)!.children.push(element);
      if (!empty) open.push(element);
    }
    rest = rest.slice(all.length);
  }
  assert.equal(open.length, 1);
  return root.children[0];
}

Deno.test("junitReport() has a suite for each run and a case for each condition", async () => {
  const conditions = parseConditions("p99>20ms,failed>0");
  const suites = parsed(junitReport([await stagedRun(), await stagedRun()], conditions));
  assert.equal(suites.name, "testsuites");
  assert.deepEqual(
    [suites.attributes.tests, suites.attributes.failures, suites.attributes.time],
    ["6", "2", suites.attributes.time],
  );
  const [suite] = suites.children;
  assert.deepEqual(suite.children.map(({ name }) => name), [
    ...["properties", "testcase", "testcase", "testcase"],
  ]);
  const { name, tests, failures, errors, skipped, time, timestamp } = suite.attributes;
  assert.deepEqual([name, tests, failures, errors, skipped], ["Echo Service", "3", "1", "0", "0"]);
  assert.match(time, /^\d+\.\d{3}$/);
  assert.match(timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/);
  const [, slow, failed] = suite.children.slice(1);
  assert.equal(slow.attributes.name, "not p99&gt;20ms");
  assert.equal(slow.children[0].name, "failure");
  assert.equal(slow.children[0].attributes.message, "found 30 ms");
  assert.deepEqual(failed.children, []);
  const properties = suite.children[0].children.map(({ attributes }) => attributes);
  assert.ok(properties.some((one) => one.name === "tag build" && one.value === "7 &lt;b&gt;"));
});

Deno.test("junitReport() fails a run without one success", async () => {
  const run = await failingRun(() => Status.INTERNAL);
  const [suite] = parsed(junitReport([run], [])).children;
  assert.match(suite.children[1].children[0].attributes.message, /^not one of 1,000 calls/);
});
