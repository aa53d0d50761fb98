/**
 * The names of spans and metrics in docs/telemetry-and-logs.md, with which tests compare what a collector receives.
 *
 * @module
 */

import {
  DURATION_BUCKETS_S,
  RPC_DURATION_BUCKETS_S,
  SIZE_BUCKETS_BYTES,
} from "../../src/telemetry/mod.ts";

/** Names that are always there, and those that are there in some cases. */
export interface DocumentedNames {
  readonly required: string[];
  readonly optional: string[];
}

/** A metric as it is documented. */
export interface DocumentedMetric extends DocumentedNames {
  readonly kind: string;
  readonly unit: string;
  readonly bounds: readonly number[] | undefined;
  /** Whether it is there with `rpc/dup` alone. */
  readonly onlyOptIn: boolean;
}

const BOUNDS: Record<string, readonly number[]> = {
  rpc: RPC_DURATION_BUCKETS_S,
  latency: DURATION_BUCKETS_S,
  size: SIZE_BUCKETS_BYTES,
  "1–5": [1, 2, 3, 4, 5],
  "1–5, 10": [1, 2, 3, 4, 5, 10],
};

/** Returns the cells of the rows of the table under a heading of the page. */
function tableUnder(heading: string): string[][] {
  const page = Deno.readTextFileSync(
    new URL("../../docs/telemetry-and-logs.md", import.meta.url),
  );
  const at = page.indexOf(`\n${heading}\n`);
  if (at < 0) throw new Error(`The page has no heading ${heading}`);
  const section = page.slice(at + 1).split(/\n#+ /)[0];
  return section.split("\n").filter((line) => /^\| (`|server|client)/.test(line)).map((line) =>
    line.split("|").slice(1, -1).map((cell) => cell.trim())
  );
}

/** Reads a list of names, those in parentheses optional. */
function namesOf(cell: string): DocumentedNames {
  const names = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, name]) => name);
  const optional = [...cell.matchAll(/\(([^)]*)\)/g)].flatMap(([, inner]) => names(inner));
  return { required: names(cell.replace(/\([^)]*\)/g, "")), optional };
}

const plain = (cell: string) => cell.replaceAll("`", "");

/** Returns the metrics by name. */
export function documentedMetrics(): Map<string, DocumentedMetric> {
  return new Map(
    tableUnder("### Metrics, name by name").map(([name, kind, unit, buckets, labels, by]) => [
      plain(name),
      {
        kind,
        unit: plain(unit),
        bounds: BOUNDS[buckets],
        onlyOptIn: by.includes("rpc/dup"),
        ...namesOf(labels),
      },
    ]),
  );
}

/** Returns the attributes of spans by kind, and those of their events by name. */
export function documentedSpans(): Map<string, DocumentedNames> {
  return new Map(
    tableUnder("### Spans, name by name").map(([what, attributes]) => [
      what === "`rpc/dup` adds" ? what : plain(what),
      namesOf(attributes),
    ]),
  );
}
