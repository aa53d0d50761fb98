/**
 * Table and chart of the documentation, from results of `bench:peers`:
 *
 *     deno run -A bench/peers/summary.ts [--decisive] [--chart docs/peers.svg] build/peers/peers.json …
 *
 * Prints a Markdown table: the figures of this project, and for each peer its figure and how many times ours it is,
 * so below 1, in bold, the peer is better. `--decisive` leaves only the rows that decide, which are those of the
 * README and the chart. Of a workload that is in several files, the last one counts.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { chart } from "./chart.ts";
import { medianOf, type Row } from "./report.ts";
import type { Sample } from "./sample.ts";

/** Contents of `peers.json`. */
interface Result {
  readonly date: string;
  readonly machine: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly loadVersion?: string;
  readonly versions: Record<string, string>;
  readonly skipped: string[];
  readonly rows: Row[];
}

/** Row of the table; lower figures are better in all of them. */
interface Line {
  readonly workload: string;
  readonly label: string;
  /** Default `cpuUs`. */
  readonly key?: keyof Sample;
  /** Whether the row is one of those that decide. */
  readonly decisive?: boolean;
}

const LINES: Line[] = [
  { workload: "unary-1x1", label: "64 B, one call at a time", decisive: true },
  { workload: "unary-10x1", label: "64 B, 10 connections × 1 in flight" },
  { workload: "unary-10x10", label: "64 B, 10 × 10", decisive: true },
  { workload: "unary-100x10", label: "64 B, 100 × 10" },
  { workload: "orders-1", label: "nested 0.3 KB echo, 10 × 10" },
  { workload: "orders-10", label: "nested 3 KB echo, 10 × 10", decisive: true },
  { workload: "orders-list", label: "nested 30 KB list reply, 10 × 10", decisive: true },
  { workload: "tls-1x1", label: "TLS, 0.3 KB, one call at a time", decisive: true },
  { workload: "tls-10x10", label: "TLS, 0.3 KB, 10 × 10", decisive: true },
  { workload: "tls-100x10", label: "TLS, 0.3 KB, 100 × 10" },
  { workload: "mtls-1x1", label: "mutual TLS, 0.3 KB, one call at a time" },
  { workload: "mtls-10x10", label: "mutual TLS, 0.3 KB, 10 × 10" },
  { workload: "mtls-100x10", label: "mutual TLS, 0.3 KB, 100 × 10" },
  { workload: "async", label: "asynchronous handler, 64 B, 10 × 10" },
  { workload: "turn", label: "handler that waits a turn, 64 B, 10 × 10", decisive: true },
  { workload: "interceptors", label: "two interceptors, 64 B, 10 × 10" },
  { workload: "deadline", label: "deadline on every call, 64 B, 10 × 10" },
  { workload: "metadata", label: "20 fields there and back, 64 B, 10 × 10", decisive: true },
  { workload: "gzip", label: "gzip, nested 3 KB echo, 10 × 10", decisive: true },
  { workload: "connect-json-h1", label: "Connect, 64 B in JSON, HTTP/1.1, 10 × 10 pipelined" },
  { workload: "connect-json-h1-100", label: "Connect, 64 B in JSON, HTTP/1.1, 100 × 1" },
  { workload: "connect-json-h2", label: "Connect, 64 B in JSON, HTTP/2, 10 × 10" },
  { workload: "connect-proto-h1", label: "Connect, 64 B in protobuf, HTTP/1.1, 10 × 10 pipelined" },
  { workload: "connect-proto-h1-100", label: "Connect, 64 B in protobuf, HTTP/1.1, 100 × 1" },
  { workload: "connect-proto-h2", label: "Connect, 64 B in protobuf, HTTP/2, 10 × 10" },
  { workload: "unary-1m", label: "1 MiB, 4 × 1", decisive: true },
  { workload: "mixed", label: "mixed sizes, at capacity", decisive: true },
  {
    workload: "mixed",
    label: "mixed sizes, 60 % of capacity: p50 of the small calls, µs",
    key: "p50Us",
  },
  {
    workload: "mixed",
    label: "mixed sizes, 60 % of capacity: p99 of the small calls, µs",
    key: "p99Us",
    decisive: true,
  },
  {
    workload: "mixed",
    label: "mixed sizes, 60 % of capacity: p99.9 of the small calls, µs",
    key: "p999Us",
  },
  { workload: "pingpong", label: "one stream, ping-pong", decisive: true },
  { workload: "pump", label: "one stream, pumped", decisive: true },
  { workload: "pump-10", label: "ten streams, pumped" },
  { workload: "chunks", label: "server stream of 16 KiB messages" },
  { workload: "idle-1000", label: "1,000 connections, a call a second each", decisive: true },
  { workload: "crowd", label: "10,000 connections, 2,000 calls a second", decisive: true },
  {
    workload: "crowd",
    label: "10,000 connections: memory of each, KB",
    key: "perConnectionKb",
    decisive: true,
  },
  { workload: "crowd", label: "10,000 connections: CPU to accept one", key: "connectCpuUs" },
  { workload: "clients", label: "client, 64 B, 100 in flight", decisive: true },
  { workload: "clients-nested", label: "client, nested 3 KB, 100 in flight", decisive: true },
];

const { values, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: { decisive: { type: "boolean", default: false }, chart: { type: "string" } },
});
if (positionals.length === 0) {
  console.error("Give the files peers.json of one or more runs");
  Deno.exit(2);
}
const results: Result[] = [];
for (const file of positionals) results.push(JSON.parse(await Deno.readTextFile(file)));
const versions: Record<string, string> = Object.assign({}, ...results.map((one) => one.versions));
const rows = results.flatMap((result, index) => {
  const later = new Set(
    results.slice(index + 1).flatMap((one) => one.rows.map((row) => row.workload)),
  );
  return result.rows.filter((row) => !later.has(row.workload));
});

function figure(value: number): string {
  if (value >= 20) return Math.round(value).toLocaleString("en-US");
  return value.toFixed(value < 2 ? 2 : 1);
}

function cell(peer: string, { workload, key = "cpuUs" }: Line): string {
  const row = rows.find((one) => one.workload === workload && one.peer === peer);
  if (row === undefined) return "";
  const value = medianOf(row, key);
  if (Number.isNaN(value)) return "fails";
  if (row.ours) return figure(value);
  const ours = rows.find((one) => one.workload === workload && one.ours);
  const ratio = ours === undefined ? NaN : value / medianOf(ours, key);
  if (Number.isNaN(ratio)) return figure(value);
  const text = `${ratio >= 10 ? Math.round(ratio) : ratio.toFixed(2)}×`;
  return `${figure(value)} (${ratio < 1 ? `**${text}**` : text})`;
}

const lines = LINES.filter((line) =>
  (line.decisive || !values.decisive) && rows.some((row) => row.workload === line.workload)
);
const peers = [...new Set(rows.map((row) => row.peer))];
const table = [
  ["workload", ...peers],
  ["---", ...peers.map(() => "---:")],
  ...lines.map((line) => [line.label, ...peers.map((peer) => cell(peer, line))]),
].map((cells) => `| ${cells.join(" | ")} |`);
const runs = results.map((one) =>
  `${one.date}, ${one.machine}: medians of ${one.rounds} interleaved rounds of ${one.seconds} s`
);
// V8's flags are in the documentation.
const programs = peers.map((peer) => `${peer}: ${versions[peer].replace(/, --.*$/, "")}`);
console.log([...table, "", ...runs, programs.join("; ")].join("\n"));

if (values.chart !== undefined) {
  const ids = LINES.filter((line) => line.decisive).map((line) => line.workload);
  const { date, machine, loadVersion } = results[results.length - 1];
  const drawn = [...new Set(ids)].flatMap((id) => rows.filter((row) => row.workload === id));
  await Deno.writeTextFile(
    values.chart,
    chart(drawn, `${date}, ${machine}`, [
      programs.slice(0, 3).join("; "),
      [...programs.slice(3), loadVersion].join("; "),
    ]),
  );
  console.error(`wrote ${values.chart}`);
}
