/**
 * Comparison over rounds as a part of the HTML report: of each figure the change of every round as a dot, their mean and its
 * confidence interval, beside the verdict.
 *
 * @module
 */

import { escapeHtml } from "./html_text.ts";
import {
  changeText,
  figureText,
  type RoundComparison,
  type RoundFigure,
  verdictText,
} from "./rounds.ts";

/** Renders the comparison as a section. */
export function roundsSection(comparison: RoundComparison): string {
  const { before, after, differencePercent, figures } = comparison;
  const scale = scaleOf(comparison);
  const rows = figures.map((figure) => row(figure, differencePercent, scale)).join("");
  return `<section class="run">
<h1>Comparison over ${figures[0]?.rounds ?? 0} rounds</h1>
<p class="quiet">A: ${escapeHtml(before)}</p>
<p class="quiet">B: ${escapeHtml(after)}</p>
<div class="card rounds"><h2>Change from A to B</h2>
<p>Each dot is a round, the bar is the 99 % confidence interval of the change, and the shaded part is
less than ${differencePercent} %. A change is certain when its bar does not touch the line at 0. The scale
goes from −${scale.toFixed(0)} % to +${scale.toFixed(0)} %.</p>
${rows === "" ? "<p>Not enough calls succeeded to compare.</p>" : rows}</div>
</section>`;
}

/** Returns the change, in percent, at the ends of the scale: what all intervals and the shaded part need. */
function scaleOf({ figures, differencePercent }: RoundComparison): number {
  const ends = figures.flatMap(({ intervalPercent }) => intervalPercent.map(Math.abs));
  return Math.ceil(Math.min(100, Math.max(differencePercent * 2, ...ends) * 1.05));
}

function row(figure: RoundFigure, differencePercent: number, scale: number): string {
  const { name, changePercent, intervalPercent: [low, high], verdict, pairs } = figure;
  const at = (percent: number) => Math.min(100, Math.max(0, 50 + 50 * percent / scale));
  const part = (kind: string, from: number, to: number) =>
    `<i class="${kind}" style="left:${at(from).toFixed(2)}%;width:${
      (at(to) - at(from)).toFixed(2)
    }%"></i>`;
  const dots = pairs.filter(([a]) => a > 0).map(([a, b]) =>
    `<i class="dot" style="left:${at((b / a - 1) * 100).toFixed(2)}%"></i>`
  ).join("");
  const unbroken = (text: string) => text.replaceAll(" %", "\u00a0%");
  const word = unbroken(verdictText(figure, differencePercent));
  const kind = verdict === "different" ? word : "quiet";
  const values = `${figureText(figure, figure.before)} → ${figureText(figure, figure.after)}`;
  const change = unbroken(
    `${changeText(changePercent)} (${changeText(low)} to ${changeText(high)})`,
  );
  return `<div class="round"><b>${escapeHtml(name)}</b><span>${escapeHtml(values)}</span>` +
    `<span>${escapeHtml(change)}</span><span class="${kind}">${escapeHtml(word)}</span>` +
    `<div class="track" role="img" aria-label="${escapeHtml(`${name}: ${change}, ${word}`)}">` +
    part("band", -differencePercent, differencePercent) + `<i class="zero"></i>${dots}` +
    `${part(`interval ${kind}`, low, high)}<i class="mean" style="left:${
      at(changePercent).toFixed(2)
    }%"></i></div></div>`;
}
