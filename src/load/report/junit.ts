/**
 * The report as JUnit XML, for CI: each run is a test suite, and each condition of `--fail-if` a test case.
 *
 * @module
 */

import type { RunResult } from "../measure/result.ts";
import { count, microseconds } from "../measure/units.ts";
import type { Condition } from "./fail_if.ts";
import { escapeHtml } from "./html_text.ts";

/** Renders the runs. A condition that holds is a failure, and so is a run in which no call succeeded. */
export function junitReport(
  results: readonly RunResult[],
  conditions: readonly Condition[],
): string {
  const suites = results.map((result) => suite(result, conditions));
  const sum = (of: (one: Suite) => number) => suites.reduce((all, one) => all + of(one), 0);
  const counts = attributes({
    tests: sum(({ tests }) => tests),
    failures: sum(({ failures }) => failures),
    time: seconds(results.reduce((all, { durationMs }) => all + durationMs, 0)),
  });
  const xml = suites.map((one) => one.xml).join("");
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites${counts}>\n${xml}</testsuites>\n`;
}

interface Suite {
  readonly tests: number;
  readonly failures: number;
  readonly xml: string;
}

interface Case {
  readonly name: string;
  readonly failure?: string;
}

function suite(result: RunResult, conditions: readonly Condition[]): Suite {
  const cases = casesOf(result, conditions);
  const failures = cases.filter(({ failure }) => failure !== undefined).length;
  const { environment, durationMs, title } = result;
  const head = attributes({
    name: title,
    tests: cases.length,
    failures,
    errors: 0,
    skipped: 0,
    time: seconds(durationMs),
    timestamp: environment.startedAt.replace(/\.\d+Z$/, ""),
  });
  const xml = `<testsuite${head}>\n<properties>\n${propertiesOf(result)}</properties>\n${
    cases.map((one) => caseXml(one, title, durationMs)).join("")
  }</testsuite>\n`;
  return { tests: cases.length, failures, xml };
}

function casesOf(result: RunResult, conditions: readonly Condition[]): Case[] {
  const { successfulRequests, totalRequests } = result;
  const called: Case = {
    name: "calls succeed",
    failure: successfulRequests > 0
      ? undefined
      : `not one of ${count(totalRequests)} calls succeeded`,
  };
  const checks = conditions.map((condition): Case => {
    const { holds, found } = condition.check(result);
    return { name: `not ${condition.text}`, failure: holds ? `found ${found}` : undefined };
  });
  return [called, ...checks];
}

function caseXml({ name, failure }: Case, className: string, durationMs: number): string {
  const head = attributes({ name, classname: className, time: seconds(durationMs) });
  if (failure === undefined) return `<testcase${head}/>\n`;
  const reason = attributes({ message: failure, type: "condition" });
  return `<testcase${head}><failure${reason}/></testcase>\n`;
}

function propertiesOf({ settings, latency, ...result }: RunResult): string {
  const us = (value: number | null) => value === null ? "none" : microseconds(value);
  const all: Record<string, string | number> = {
    server: settings.server,
    method: settings.method,
    wire: settings.wire,
    calls: result.totalRequests,
    failed: result.failedRequests,
    "calls per second": result.requestsPerSecond.toFixed(2),
    ...Object.fromEntries(
      Object.entries(latency.percentilesUs).map(([name, value]) => [name, us(value)]),
    ),
    ...Object.fromEntries(
      Object.entries(settings.tags).map(([key, value]) => [`tag ${key}`, value]),
    ),
  };
  return Object.entries(all)
    .map(([name, value]) => `<property${attributes({ name, value })}/>\n`).join("");
}

function attributes(all: Record<string, string | number>): string {
  return Object.entries(all).map(([name, value]) => ` ${name}="${escapeHtml(String(value))}"`)
    .join("");
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}
