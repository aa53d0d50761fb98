/**
 * Tables with medians, spreads and ratios of the samples.
 *
 * @module
 */

import type { Sample } from "./workloads.ts";

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

/** Formats a Markdown table per workload. */
export function tables(rows: Row[]): string {
  const parts: string[] = [];
  for (const workload of new Set(rows.map((row) => row.workload))) {
    const group = rows.filter((row) => row.workload === workload);
    const ours = group.find((row) => row.ours && row.samples.length > 0);
    parts.push(
      `### ${group[0].name}`,
      "",
      `| | ${group[0].unit}/s | ours against it | CPU µs each | ours against it | MB/s | ` +
        "p99 µs | memory MB |",
      "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    );
    for (const row of group) {
      if (row.samples.length === 0) {
        parts.push(`| ${row.peer} | ${row.failure ?? "no figures"} | | | | | | |`);
        continue;
      }
      const ratio = (key: "rate" | "cpuUs") => {
        if (!ours || row === ours) return "";
        const [a, b] = [medianOf(ours, key), medianOf(row, key)];
        return `${(key === "rate" ? a / b : b / a).toFixed(2)}×`;
      };
      const p99 = medianOf(row, "p99Us");
      const memory = medianOf(row, "residentMb");
      parts.push(
        `| ${row.ours ? `**${row.peer}**` : row.peer} | ${spread(row, "rate", 0)} | ${
          ratio("rate")
        } | ${spread(row, "cpuUs", 1)} | ${ratio("cpuUs")} | ${
          row.bytes ? Math.round(medianOf(row, "rate") * row.bytes / 1e6) : ""
        } | ${Number.isNaN(p99) ? "" : Math.round(p99)} | ${
          Number.isNaN(memory) ? "" : Math.round(memory)
        } |`,
      );
    }
    parts.push("");
  }
  return parts.join("\n");
}
