/**
 * Stages of the conformance run, and the table at its end.
 *
 * @module
 */

/** Counts of a stage. */
export interface Counts {
  /** Cases that passed. */
  passed: number;
  /** Cases in total. */
  total: number;
  /** Details to print unless everything passed. */
  report?: string;
  /** Why the stage could not run here. Such a stage counts neither as passed nor as failed. */
  skipped?: string;
}

/** Program that the run does not install itself. */
export type Program = "go" | "node" | "curl";

/** A suite in one configuration. */
export interface Stage {
  /** Name in the table and on the command line. */
  readonly name: string;
  /** Expected number of cases; fewer is a failure too. */
  readonly expected: number;
  /** Programs that must be installed. */
  readonly needs: readonly Program[];
  /** Time limit in seconds. */
  readonly limitSeconds: number;
  /** Whether it runs with `--all` alone, because it takes long and repeats another. Default false. */
  readonly onlyWithAll?: boolean;
  /** Whether it is about what Deno offers. Default false. */
  readonly onlyOnDeno?: boolean;
  /** Runs the suite. */
  run(limitMs: number): Promise<Counts>;
}

/** Result of a stage. */
export interface Row extends Counts {
  /** The stage. */
  stage: Stage;
  /** Duration. */
  seconds: number;
}

/** Whether all expected cases passed, or the stage could not run. */
export function isGreen({ passed, total, stage, skipped }: Row): boolean {
  return skipped !== undefined || (passed === total && total >= stage.expected);
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

/** Formats all stages as a Markdown table. */
export function table(rows: Row[]): string {
  const lines = rows.map((row) => [
    row.stage.name,
    `${row.passed} / ${Math.max(row.total, row.stage.expected)}`,
    row.seconds.toFixed(1),
    row.skipped !== undefined ? "skipped" : isGreen(row) ? "pass" : "FAIL",
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
