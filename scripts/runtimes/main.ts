/**
 * Runs the tests on Node or Bun, from the sources that Deno runs: `build.ts` makes JavaScript of them, and each file of
 * tests runs in a process of its own. `skips.ts` has the tests that are left out. The last line is
 * "N passed, N failed, N skipped".
 *
 *     deno task test:node
 *     deno task test:node --version 24 tests/calls
 *     deno task test:bun tests/rpc
 *
 * @module
 */

import { join } from "node:path";
import { choice, readArguments, refuse, whole } from "../arguments.ts";
import { run } from "../commands.ts";
import { build, ROOT } from "./build.ts";
import { MARK } from "./host/mark.ts";
import type { Outcome } from "./host/tests.ts";
import { programOf } from "./programs.ts";
import { type Skip, type SkippedOn, SKIPS } from "./skips.ts";

const FILE_LIMIT_MS = 600_000;
const USAGE = `
deno task test:node [OPTIONS] [PATH…]
deno task test:bun [OPTIONS] [PATH…]

Runs the tests in files whose paths begin with one of PATH; without, all.

  --version N   major version of Node from npm; default: the node on the PATH
  --jobs N      processes at a time (default 2)
  --retries N   how often a file with failures runs again, alone, once the others are done (default 0): on a busy
                machine time limits of tests pass; what fails each time is counted
`;

interface FileResult {
  readonly file: string;
  readonly outcomes: Outcome[];
  /** What happened outside of tests. */
  readonly failure?: string;
  readonly printed: string;
  readonly ms: number;
}

const covers = (tests: string, file: string) => file === tests || file.startsWith(`${tests}/`);

/** Returns the entries of the table for a file. */
function skipsOf(file: string, names: readonly SkippedOn[]): Skip[] {
  return SKIPS.filter(({ tests, on }) =>
    covers(tests, file) && (on === undefined || names.some((name) => on.includes(name)))
  );
}

async function runFile(
  program: string,
  folder: string,
  names: readonly SkippedOn[],
  file: string,
): Promise<FileResult> {
  const skips = skipsOf(file, names);
  const whole = skips.find(({ named }) => named === undefined);
  if (whole !== undefined) {
    const outcomes = [{ name: "all", ms: 0, skipped: whole.reason }];
    return { file, outcomes, printed: "", ms: 0 };
  }
  const startMs = performance.now();
  const compiled = join(folder, file.replace(/\.ts$/, ".js"));
  const runner = join(folder, "scripts/runtimes/host/run_file.js");
  const table = JSON.stringify(
    skips.map(({ named, step = null, reason }) => [named, reason, step]),
  );
  const sourceMaps = names.includes("node") ? ["--enable-source-maps"] : [];
  const child = new Deno.Command(program, {
    args: [...sourceMaps, runner, compiled, table],
    cwd: folder,
    signal: AbortSignal.timeout(FILE_LIMIT_MS),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const { code, signal, stdout, stderr } = await child.output();
  const outcomes: Outcome[] = [];
  let running: string | undefined;
  let done = false;
  const decoder = new TextDecoder();
  const printed = decoder.decode(stdout).split("\n").filter((line) => {
    if (!line.startsWith(MARK)) return line !== "";
    const read = JSON.parse(line.slice(MARK.length));
    if ("start" in read) running = read.start;
    else if ("done" in read) done = true;
    else outcomes.push(read);
    return false;
  });
  const failure = done
    ? undefined
    : `ended by ${signal ?? `code ${code}`}, in test "${running ?? "(loading)"}"`;
  const all = [...printed, decoder.decode(stderr)].join("\n").trim();
  return { file, outcomes, failure, printed: all, ms: performance.now() - startMs };
}

function hasFailed({ outcomes, failure }: FileResult): boolean {
  return failure !== undefined || outcomes.some((outcome) => outcome.failure !== undefined);
}

function show(result: FileResult): void {
  const { file, outcomes, failure, printed, ms } = result;
  const failed = outcomes.filter((outcome) => outcome.failure !== undefined);
  const bad = hasFailed(result);
  const counts = `${outcomes.length} tests, ${(ms / 1000).toFixed(1)} s`;
  console.log(`${bad ? "FAILED" : "ok    "} ${file} (${counts})`);
  if (!bad) return;
  for (const { name, failure } of failed) console.log(`  FAILED ${name}\n    ${failure}`);
  if (failure !== undefined) console.log(`  ${failure}`);
  if (printed !== "") console.log(printed.slice(-3_000));
}

const { values, names: paths } = readArguments(USAGE, {
  runtime: choice(["node", "bun"], "node"),
  version: whole(undefined, 20, 99),
  jobs: whole(2, 1, 64),
  retries: whole(0, 0, 10),
}, "any");
const version = values.version === undefined ? undefined : String(values.version);
const program = await programOf(values.runtime, version).catch((error) => {
  console.log(`skipped: cannot have ${values.runtime}: ${error.message}`);
});
if (program === undefined) {
  console.log("0 passed, 0 failed, 1 skipped");
  Deno.exit(0);
}
const shown = (await run(program, ["--version"], ".")).trim();
// Each kind of runtime has a folder of its own, so that both can run at once.
const folder = join(ROOT, "build", `tests-${values.runtime}${version ?? ""}`);
const files = (await build(folder)).filter((file) =>
  paths.length === 0 || paths.some((path) => file.startsWith(path))
);
if (files.length === 0) refuse(`No file of tests begins with ${paths.join(" or ")}`);
console.log(`${values.runtime} ${shown}: ${files.length} files`);
const names: SkippedOn[] = shown.startsWith("v20.") ? ["node", "node 20"] : [values.runtime];
const results = new Map<string, FileResult>();
const queue = [...files];
await Promise.all(Array.from({ length: values.jobs }, async () => {
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) await runAndShow(file);
}));
for (let round = 0; round < values.retries; round++) {
  for (const { file } of [...results.values()].filter(hasFailed)) {
    console.log(`again: ${file}`);
    await runAndShow(file);
  }
}
const all = [...results.values()];
const outcomes = all.flatMap((result) => result.outcomes);
const skipped = outcomes.filter((outcome) => outcome.skipped !== undefined);
const failed = outcomes.filter((outcome) => outcome.failure !== undefined).length +
  all.filter((result) => result.failure !== undefined).length;
const passed = outcomes.filter(({ failure, skipped }) => (failure ?? skipped) === undefined).length;
for (const [reason, count] of countBy(skipped.map((outcome) => outcome.skipped!))) {
  console.log(`skipped ${count}: ${reason}`);
}
console.log(`${passed} passed, ${failed} failed, ${skipped.length} skipped`);
Deno.exitCode = failed === 0 ? 0 : 1;

async function runAndShow(file: string): Promise<void> {
  const result = await runFile(program!, folder, names, file);
  results.set(file, result);
  show(result);
}

function countBy(reasons: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return counts;
}
