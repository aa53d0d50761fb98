/**
 * Runs the tests of one file on Node or Bun. Started by `main.ts` with the path of the file, and the names of tests to
 * skip with their reasons; prints a line of JSON behind {@link MARK} as each test starts and ends.
 *
 * @module
 */

import process from "node:process";
// These look for functions that Node lacks as they are loaded, before the tests get them.
import "../../../src/bytes/base64_text.ts";
import "../../../src/rpc/core/deferred.ts";
import "./deno.ts";
import { type Outcome, runTests } from "./tests.ts";
import { MARK } from "./mark.ts";

/** Patterns of the names of tests and of their steps, and the reason; without a pattern of steps, the tests do not run. */
type Entry = [test: string, reason: string, step: string | null];

function covers([test, , steps]: Entry, name: string, step: string | undefined): boolean {
  if (!new RegExp(test).test(name)) return false;
  return steps === null ? step === undefined : step !== undefined && new RegExp(steps).test(step);
}

const [file, skips = "[]"] = process.argv.slice(2);
const table: Entry[] = JSON.parse(skips);
const print = (line: { start: string } | Outcome) =>
  process.stdout.write(`\n${MARK}${JSON.stringify(line)}\n`);

await import("./polyfills.ts");
await import(file);
await runTests(
  (name, step) => table.find((entry) => covers(entry, name, step))?.[1],
  { onStart: (name) => print({ start: name }), onEnd: print },
);
process.stdout.write(`\n${MARK}${JSON.stringify({ done: true })}\n`, () => process.exit(0));
