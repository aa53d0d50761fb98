/**
 * The report as one self-contained HTML page: style, data, script and the charting library (uPlot) are
 * inlined.
 *
 * @module
 */

import uplotCss from "uplot/dist/uPlot.min.css" with { type: "text" };
import uplotScript from "uplot/dist/uPlot.iife.min.js" with { type: "text" };
import { printableJson } from "../../call/printable.ts";
import type { Comparison } from "./compare.ts";
import { escapeHtml } from "./html_text.ts";
import type { RoundComparison } from "./rounds.ts";
import { roundsSection } from "./rounds_html.ts";
import pageCss from "./page/page.css" with { type: "text" };
import pageScript from "./page/page.js" with { type: "text" };
import { type Chart, chartsOf } from "./charts.ts";
import { limitText, stageText, weightText } from "./parts.ts";
import type {
  FlowSummary,
  LatencySummary,
  LimitSummary,
  PartSummary,
  RunResult,
} from "../measure/result.ts";
import { bytes, count, microseconds, seconds } from "../measure/units.ts";

/**
 * Renders the runs as a page; `comparisons[i]`, if present, is overlaid on `results[i]`. A comparison over rounds comes
 * before them.
 */
export function htmlReport(
  results: readonly RunResult[],
  comparisons: readonly (Comparison | undefined)[] = [],
  rounds?: RoundComparison,
): string {
  const charts = results.map((result, i) => chartsOf(result, comparisons[i]?.before));
  const title = results.map((result) => result.title).join(", ") + " benchmark";
  // An unescaped "<" in the data could end the script element.
  const data = printableJson(charts).replaceAll("<", "\\u003c");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<title>${escapeHtml(title)}</title>
<style>${uplotCss}</style>
<style>${pageCss}</style>
</head>
<body>
<main>
${rounds ? roundsSection(rounds) : ""}
${results.map((result, i) => runSection(result, charts[i], i, comparisons[i])).join("\n")}
</main>
<script type="application/json" id="charts">${data}</script>
<script>${uplotScript}</script>
<script>${pageScript}</script>
</body>
</html>
`;
}

function runSection(
  result: RunResult,
  charts: readonly Chart[],
  index: number,
  comparison?: Comparison,
): string {
  return `<section class="run">
<h1>${escapeHtml(result.title)} benchmark</h1>
<p class="quiet">${escapeHtml(subtitle(result))}</p>
${tiles(result, comparison)}
<ul class="notes">${result.notes.map((note) => `<li>${escapeHtml(note)}</li>`).join("")}</ul>
<div class="charts">${charts.map((chart, i) => chartCard(chart, index, i)).join("")}</div>
<div class="tables">
${latencyTable(result)}
${limitTable(result.limit)}
${partTable("Stages", result.stages, result.settings.stages.map(stageText))}
${partTable("Methods", result.methods, result.settings.methods.map(weightText))}
${result.flow ? flowTables(result.flow) : ""}
${comparison ? comparisonTable(comparison) : ""}
${failureTable(result)}
${settingsTable(result)}
</div>
</section>`;
}

function subtitle({ settings, environment }: RunResult): string {
  const load = settings.ratePerSecond === null
    ? "closed loop"
    : `${settings.mode} loop at ${count(settings.ratePerSecond)} calls/s`;
  return `${settings.method} at ${settings.server} · ${load} · ${settings.connections} connections × ` +
    `${settings.streams} calls in flight · ${environment.startedAt}`;
}

function tiles(result: RunResult, comparison?: Comparison): string {
  const { percentilesUs, maxUs } = result.latency;
  const entries: [name: string, value: string, figure?: string][] = [
    ["Requests per second", count(result.requestsPerSecond), "Requests per second"],
    ["Median latency", latencyText(percentilesUs.p50), "p50"],
    ["99th percentile", latencyText(percentilesUs.p99), "p99"],
    ["Slowest", latencyText(maxUs), "Max latency"],
    ["Success rate", `${(result.successRate * 100).toFixed(2)} %`],
    ["Requests", requestsText(result)],
  ];
  const tile = ([name, value, figureName]: (typeof entries)[number]) => {
    const failing = name === "Success rate" && result.failedRequests > 0 ? " failing" : "";
    const figure = comparison?.figures.find((f) => f.name === figureName);
    const change = figure ? ` <span class="small">${changeMark(figure)}</span>` : "";
    return `<div class="tile${failing}"><span class="quiet small">${name}</span>` +
      `<b>${escapeHtml(value)}</b>${change}</div>`;
  };
  return `<div class="tiles">${entries.map(tile).join("")}</div>`;
}

function latencyText(us: number | null): string {
  return us === null ? "none" : microseconds(us);
}

function requestsText({ totalRequests, failedRequests }: RunResult): string {
  return count(totalRequests) + (failedRequests === 0 ? "" : `, ${count(failedRequests)} failed`);
}

function changeMark(figure: Comparison["figures"][number]): string {
  const { changePercent, better } = figure;
  if (changePercent === null && better === null) return "–";
  const text = changePercent === null
    ? "new"
    : `${changePercent >= 0 ? "+" : ""}${changePercent.toFixed(1)} %`;
  if (better === null) return `<span class="quiet">${text}</span>`;
  const word = better ? "better" : "worse";
  return `<span class="${word}">${text} ${word}</span>`;
}

function chartCard(chart: Chart, run: number, index: number): string {
  return `<div class="card"><h2>${escapeHtml(chart.title)}</h2><p>${escapeHtml(chart.hint)}</p>` +
    `<div class="plot" id="plot-${run}-${index}" role="img" aria-label="${
      escapeHtml(chart.title)
    }"></div></div>`;
}

function latencyTable(result: RunResult): string {
  const columns: [string, LatencySummary][] = [["Latency", result.latency]];
  if (result.serviceTime) columns.push(["Service time", result.serviceTime]);
  if (result.serverTime) columns.push(["Server time", result.serverTime]);
  if (result.failedLatency) columns.push(["Failed calls", result.failedLatency]);
  const row = (name: string, of: (summary: LatencySummary) => number | null) => [
    name,
    ...columns.map(([, summary]) => latencyText(of(summary))),
  ];
  return tableCard("Latency", ["", ...columns.map(([name]) => name)], [
    row("average", (s) => s.meanUs),
    row("min", (s) => s.minUs),
    ...Object.keys(result.latency.percentilesUs).map((name) =>
      row(name, (s) => s.percentilesUs[name])
    ),
    row("max", (s) => s.maxUs),
  ]);
}

function limitTable(limit: LimitSummary | null): string {
  if (limit === null) return "";
  const rows = limit.trials.map(({ ratePerSecond, holds, found }) => [
    count(ratePerSecond),
    holds ? "holds" : "fails",
    found,
  ]);
  const title = `Limit of ${limit.condition}: ${limitText(limit)}`;
  return tableCard(title, ["calls/s", "", "measured"], rows);
}

function partTable(title: string, parts: readonly PartSummary[], whats: readonly string[]): string {
  if (parts.length === 0) return "";
  const rows = parts.map(({ latency, ...part }, i) => [
    part.name,
    whats[i] ?? "",
    count(part.requestsPerSecond),
    count(part.failedRequests),
    count(part.missed),
    latencyText(latency.percentilesUs.p50),
    latencyText(latency.percentilesUs.p99),
    latencyText(latency.maxUs),
  ]);
  return tableCard(title, ["", "", "calls/s", "failed", "missed", "p50", "p99", "max"], rows);
}

function flowTables(flow: FlowSummary): string {
  const what = `${count(flow.totalRequests)} ended, ${count(flow.cutOff)} cut off by the end`;
  const checks = flow.checks.map(({ name, passed, failed }) => [
    name,
    `${(passed / (passed + failed) * 100).toFixed(2)} %`,
    count(passed),
    count(failed),
  ]);
  return partTable("Flows", [flow], [what]) +
    (checks.length === 0 ? "" : tableCard("Checks", ["", "", "passed", "failed"], checks));
}

function comparisonTable(comparison: Comparison): string {
  const rows = comparison.figures.map((figure) =>
    `<tr><td>${escapeHtml(figure.name)}</td><td>${escapeHtml(figure.before)}</td><td>${
      escapeHtml(figure.after)
    }</td><td>${changeMark(figure)}</td></tr>`
  );
  const differing = comparison.differences.map((text) => `<li>${escapeHtml(text)}</li>`).join("");
  return card(
    `Compared with the run of ${comparison.before.environment.startedAt}`,
    table(["", "before", "now", "change"], rows) +
      (differing === "" ? "" : `<p>Settings that differ:</p><ul class="notes">${differing}</ul>`),
  );
}

function failureTable(result: RunResult): string {
  if (result.failures.length === 0) return "";
  const rows = result.failures.map((f) =>
    `<tr><td>${escapeHtml(f.code)}</td><td>${count(f.count)}</td><td>${seconds(f.firstAtMs)}</td>` +
    `<td>${seconds(f.lastAtMs)}</td><td class="text">${escapeHtml(f.message)}</td></tr>`
  );
  return card(
    "Failures by status code",
    table(["code", "calls", "first", "last", "first message"], rows),
  );
}

function settingsTable(result: RunResult): string {
  const { settings, environment, cpu, schedule, durationMs } = result;
  const perSecond = (value: number) =>
    `${bytes(durationMs === 0 ? 0 : value / durationMs * 1000)}/s`;
  const cpuText = (ms: number | null) => ms === null ? "not readable" : seconds(ms);
  const rows: [string, string][] = [
    [
      "Transport and wire",
      `${settings.transport}, ${settings.wire}${settings.batch ? ", batched" : ""}`,
    ],
    ["Duration", seconds(durationMs)],
    ["Warm-up, left out", seconds(settings.warmupMs)],
    ["Threads", `${settings.threads} of ${settings.threadsAsked} asked for`],
    ["Request size", bytes(settings.requestBytes)],
    ["Payload sent", perSecond(result.bytes.sent)],
    ["Payload received", perSecond(result.bytes.received)],
    ["CPU time, generator", cpuText(cpu.generatorMs)],
    ["CPU time, server", cpuText(cpu.serverMs)],
    ["Ended while draining", count(result.drained)],
    ["Seed", String(settings.seed)],
    ["Run on", `${environment.runtime}, ${environment.system}, ${environment.cores} cores`],
  ];
  rows.push(
    ...Object.entries(settings.tags).map(([key, value]): [string, string] => [
      `Tag ${key}`,
      value,
    ]),
  );
  if (schedule) {
    rows.push(
      ["Calls due", count(schedule.due)],
      ["Missed", count(schedule.missed)],
      ["Late, no free stream", count(schedule.lateForStream)],
      ["Late, generator too slow", count(schedule.lateForGenerator)],
    );
  }
  return tableCard("Setup", ["", ""], rows);
}

function tableCard(title: string, head: readonly string[], rows: readonly (readonly string[])[]) {
  const cells = rows.map((row) =>
    `<tr>${row.map((cell) => `<td>${escapeHtml(cell)}</td>`).join("")}</tr>`
  );
  return card(title, table(head, cells));
}

function table(head: readonly string[], rows: readonly string[]): string {
  const names = head.some((name) => name !== "")
    ? `<thead><tr>${head.map((name) => `<th>${escapeHtml(name)}</th>`).join("")}</tr></thead>`
    : "";
  return `<div class="scroll"><table>${names}<tbody>${rows.join("")}</tbody></table></div>`;
}

function card(title: string, content: string): string {
  return `<div class="card${title === "Setup" ? " setup" : ""}"><h2>${
    escapeHtml(title)
  }</h2>${content}</div>`;
}
