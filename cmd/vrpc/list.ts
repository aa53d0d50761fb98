/**
 * Text form of lists of methods.
 *
 * @module
 */

import { printable, printableJson } from "../../src/call/printable.ts";
import type { Format } from "./error_text.ts";
import type { ListedMethod } from "./lookup.ts";

/** Widest column that others are aligned to. */
const MAX_WIDTH = 100;

/**
 * Formats methods as aligned columns, or with `json` as one object on each line. Where a row is wider than `width`
 * characters, each method takes several lines.
 */
export function listText(
  methods: readonly ListedMethod[],
  format: Format,
  width = Infinity,
): string {
  if (format === "json") return methods.map((method) => printableJson(method)).join("\n");
  const columns = methods.map(({ name, kind, requestType, responseType, description }) =>
    [name, kind, `${requestType} → ${responseType}`, description].map(printable)
  );
  // A peer's longest cell must not widen every line without bound.
  const widths = [0, 1, 2].map((i) =>
    columns.reduce((width, column) => Math.max(width, Math.min(column[i].length, MAX_WIDTH)), 0)
  );
  const rows = columns.map((column) =>
    column.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ").trimEnd()
  );
  if (rows.every((row) => row.length <= width)) return rows.join("\n");
  return columns.map(([name, ...cells]) =>
    [name, ...cells.filter((cell) => cell !== "").map((cell) => `  ${cell}`)].join("\n")
  ).join("\n");
}
