/**
 * Compiles all programs and runs the results: in an empty folder, with an empty environment and thus without Deno on
 * the PATH. The last line is "N passed, N failed, N skipped".
 *
 *     deno task test:compile
 *
 * Uses the oldest supported Deno, because a runtime of compiled programs can be had for that version without a download
 * from Deno's own site; with `DENORT_BIN` in the environment, this Deno and that runtime.
 *
 * @module
 */

import { join } from "node:path";
import { Processes } from "../../tests/fixtures/processes.ts";
import { readArguments } from "../arguments.ts";
import { compile, PROGRAMS } from "./program.ts";
import { fetchDeno, fetchRuntime, OLDEST_DENO } from "../wheels.ts";
import { STEPS } from "./steps.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const FOLDER = "build/compiled";
/** Starts of a program whose median is printed. */
const STARTS = 5;
const USAGE = `
deno task test:compile

  Compiles all programs, and runs them in an empty folder and environment.
`;

/** Returns the Deno that compiles and the runtime of the programs. */
async function tools(): Promise<{ deno: string; runtime: string }> {
  const runtime = Deno.env.get("DENORT_BIN");
  if (runtime !== undefined) return { deno: Deno.execPath(), runtime };
  if (Deno.build.target !== "x86_64-unknown-linux-gnu") {
    throw new Error(`there is no runtime of compiled programs for ${Deno.build.target}`);
  }
  return { deno: await fetchDeno(OLDEST_DENO), runtime: await fetchRuntime() };
}

/** Prints the median time from the start of a compiled program to its version. */
async function measureStart(name: string): Promise<void> {
  const times: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    const startMs = performance.now();
    await new Deno.Command(join(ROOT, FOLDER, name), { args: ["--version"], clearEnv: true })
      .output();
    times.push(performance.now() - startMs);
  }
  const median = times.sort((a, b) => a - b)[STARTS >> 1];
  console.log(`       ${name} --version: ${median.toFixed(0)} ms (median of ${STARTS})`);
}

let passed = 0;
let failed = 0;
let skipped = 0;

/** Runs one step; a text that it returns is the reason why it cannot run here. */
async function run(name: string, step: () => Promise<string | void>): Promise<void> {
  const startMs = performance.now();
  try {
    const reason = await step();
    if (reason === undefined) {
      passed++;
      console.log(`ok     ${name} (${((performance.now() - startMs) / 1000).toFixed(1)} s)`);
    } else {
      skipped++;
      console.log(`skipped ${name}: ${reason}`);
    }
  } catch (error) {
    failed++;
    console.log(`FAILED ${name}: ${error instanceof Error ? error.message : error}`);
  }
}

async function compileAll({ deno, runtime }: { deno: string; runtime: string }): Promise<void> {
  for (const name of PROGRAMS) {
    await run(`compile ${name}`, async () => {
      const { bytes, workers } = await compile(name, { deno, runtime, folder: FOLDER });
      console.log(`       ${name}: ${(bytes / 1e6).toFixed(0)} MB, workers: ${workers.length}`);
      await measureStart(name);
    });
  }
}

/** Runs the programs in an empty folder, which they have to leave empty. */
async function runAll(): Promise<void> {
  for (const [name, step] of STEPS) {
    await run(name, async () => {
      const folder = await Deno.makeTempDir({ prefix: "vrpc-compiled-" });
      try {
        await using processes = new Processes();
        const reason = await step({
          folder,
          start: (program, ...args) =>
            processes.start([
              ...["/usr/bin/env", "--ignore-environment", `--chdir=${folder}`],
              ...[join(ROOT, FOLDER, program), ...args],
            ]),
        });
        const left = [...Deno.readDirSync(folder)].map((entry) => entry.name);
        if (left.length > 0) throw new Error(`files were left behind: ${left.join(", ")}`);
        return reason;
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    });
  }
}

readArguments(USAGE, {});
try {
  const found = await tools();
  await compileAll(found);
  if (failed === 0) await runAll();
} catch (error) {
  skipped++;
  console.log(`skipped: ${error instanceof Error ? error.message : error}`);
}
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
Deno.exit(failed === 0 ? 0 : 1);
