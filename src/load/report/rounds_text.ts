/**
 * Comparison over rounds as text.
 *
 * @module
 */

import { printable } from "../../call/printable.ts";
import { changeText, figureText, type RoundComparison, verdictText } from "./rounds.ts";
import { alignedTable } from "./table.ts";

/** Renders a comparison as text with a line feed at the end. */
export function roundsText(comparison: RoundComparison): string {
  const { before, after, differencePercent, figures } = comparison;
  const rows = figures.map((figure) => [
    figure.name,
    figureText(figure, figure.before),
    figureText(figure, figure.after),
    changeText(figure.changePercent),
    `${changeText(figure.intervalPercent[0])} to ${changeText(figure.intervalPercent[1])}`,
    verdictText(figure, differencePercent),
  ]);
  const lines = [
    `=== Comparison over ${figures[0]?.rounds ?? 0} rounds ===`,
    `A: ${before}`,
    `B: ${after}`,
    "",
    ...(rows.length === 0
      ? ["Not enough calls succeeded to compare."]
      : alignedTable([["", "A", "B", "change", "99 % interval", ""], ...rows])),
  ];
  return lines.map(printable).join("\n") + "\n";
}
