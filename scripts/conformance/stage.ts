/**
 * Stages of the conformance run, and the table at its end.
 *
 * @module
 */

/** What a stage counted. */
export interface Counts {
  /** Cases that passed. */
  passed: number;
  /** Cases that there are. */
  total: number;
  /** Shown when not everything passed. */
  report?: string;
}

/** A program that is not installed by the run itself. */
export type Program = "go" | "node" | "curl";

/** One suite in one setting. */
export interface Stage {
  /** As shown in the table, and as given on the command line. */
  readonly name: string;
  /** How many cases there must be: fewer is a failure as well. */
  readonly expected: number;
  /** Programs that must be installed beforehand. */
  readonly needs: readonly Program[];
  /** Time limit in seconds. */
  readonly limitSeconds: number;
  /** Runs it. */
  run(limitMs: number): Promise<Counts>;
}

/** What came of a stage. */
export interface Row extends Counts {
  /** The stage. */
  stage: Stage;
  /** How long it took. */
  seconds: number;
}

/** Whether a stage has nothing to complain about. */
export function isGreen({ passed, total, stage }: Row): boolean {
  return passed === total && total >= stage.expected;
}

/** Runs a stage; a stage that throws counts as failed. */
export async function runStage(stage: Stage): Promise<Row> {
  const startMs = performance.now();
  let counts: Counts;
  try {
    counts = await stage.run(stage.limitSeconds * 1000);
  } catch (error) {
    const report = error instanceof Error ? error.stack ?? error.message : String(error);
    counts = { passed: 0, total: stage.expected, report };
  }
  return { ...counts, stage, seconds: (performance.now() - startMs) / 1000 };
}

/** The table of all stages, as Markdown. */
export function table(rows: Row[]): string {
  const lines = rows.map((row) => [
    row.stage.name,
    `${row.passed} / ${Math.max(row.total, row.stage.expected)}`,
    row.seconds.toFixed(1),
    isGreen(row) ? "pass" : "FAIL",
  ]);
  const head = ["suite", "passed", "seconds", "result"];
  const widths = head.map((title, column) =>
    Math.max(title.length, ...lines.map((line) => line[column].length))
  );
  const show = (cells: string[]) =>
    `| ${
      cells.map((cell, i) => i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])).join(
        " | ",
      )
    } |`;
  const rule = `| ${
    widths.map((width, i) => i === 0 ? "-".repeat(width) : "-".repeat(width - 1) + ":").join(" | ")
  } |`;
  return [show(head), rule, ...lines.map(show)].join("\n");
}
