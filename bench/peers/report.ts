/**
 * Tables with medians, spreads and ratios of the samples.
 *
 * @module
 */

import type { Sample } from "./sample.ts";

/** Row of a table: samples of a peer at a workload. */
export interface Row {
  workload: string;
  name: string;
  unit: string;
  bytes?: number;
  peer: string;
  ours: boolean;
  samples: Sample[];
  /** Reason for missing samples. */
  failure?: string;
}

/** Returns the median. */
export function median(numbers: number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

const pick = (row: Row, key: keyof Sample) =>
  row.samples.map((sample) => sample[key]).filter((value) => value !== undefined);

/** Returns the median of one figure of a row; NaN without samples. */
export const medianOf = (row: Row, key: keyof Sample): number => median(pick(row, key));

function spread(row: Row, key: keyof Sample, digits: number): string {
  const values = pick(row, key);
  if (values.length === 0) return "–";
  const show = (value: number) =>
    digits === 0 ? Math.round(value).toLocaleString("en-US") : value.toFixed(digits);
  return `${show(median(values))} (${show(Math.min(...values))}–${show(Math.max(...values))})`;
}

/** Columns that only some workloads have. */
const FURTHER: { key: keyof Sample; title: string; digits: number }[] = [
  { key: "p50Us", title: "p50 µs", digits: 0 },
  { key: "p99Us", title: "p99 µs", digits: 0 },
  { key: "p999Us", title: "p99.9 µs", digits: 0 },
  { key: "residentMb", title: "memory MB", digits: 0 },
  { key: "perConnectionKb", title: "KB per connection", digits: 1 },
  { key: "connectCpuUs", title: "CPU µs per connection", digits: 0 },
  { key: "replyBytes", title: "bytes per reply", digits: 0 },
  { key: "loadShare", title: "busy share of the load", digits: 2 },
  { key: "refused", title: "refused", digits: 0 },
];

/** Formats a Markdown table per workload. */
export function tables(rows: Row[]): string {
  const parts: string[] = [];
  for (const workload of new Set(rows.map((row) => row.workload))) {
    const group = rows.filter((row) => row.workload === workload);
    parts.push(`### ${group[0].name}`, "", ...table(group), "");
  }
  return parts.join("\n");
}

function table(group: Row[]): string[] {
  const ours = group.find((row) => row.ours && row.samples.length > 0);
  const further = FURTHER.filter(({ key }) => group.some((row) => pick(row, key).length > 0));
  const titles = [
    ...[`${group[0].unit}/s`, "ours against it", "CPU µs each", "ours against it"],
    ...(group[0].bytes ? ["MB/s"] : []),
    ...further.map(({ title }) => title),
  ];
  const lines = [line("", titles), line("---", titles.map(() => "---:"))];
  for (const row of group) {
    if (row.samples.length === 0) {
      const reason = row.failure ?? "no figures";
      lines.push(line(row.peer, titles.map((_, index) => index === 0 ? reason : "")));
      continue;
    }
    lines.push(line(row.ours ? `**${row.peer}**` : row.peer, [
      spread(row, "rate", 0),
      row === ours ? "" : ratioOf(ours, row, "rate"),
      spread(row, "cpuUs", 1),
      row === ours ? "" : ratioOf(ours, row, "cpuUs"),
      ...(row.bytes ? [String(Math.round(medianOf(row, "rate") * row.bytes / 1e6))] : []),
      ...further.map(({ key, digits }) => spread(row, key, digits)),
    ]));
  }
  return lines;
}

const line = (first: string, cells: string[]) => `| ${[first, ...cells].join(" | ")} |`;

/** Returns how many times better than a peer this project is, so below 1 the peer is better. */
function ratioOf(ours: Row | undefined, row: Row, key: "rate" | "cpuUs"): string {
  if (!ours) return "";
  const [a, b] = [medianOf(ours, key), medianOf(row, key)];
  return `${(key === "rate" ? a / b : b / a).toFixed(2)}×`;
}
