/**
 * Runs `deno test -A` with short output: a dot for each test, the failures, and a last line
 * `N passed, N failed`, with `, N skipped` behind it where tests were. Arguments are passed on: `deno task test tests/hpack` runs a part.
 * With an older Deno the types are not checked, and the tests that it cannot run are skipped.
 *
 * @module
 */

import { stripVTControlCharacters } from "node:util";
import { reasonsOf } from "./skipped_tests.ts";

// For tests that start programs where deno is not on the PATH.
const env = { VRPC_DENO: Deno.execPath() };

const reasons = reasonsOf(Deno.version.deno);
for (const reason of reasons) console.log(reason);
// Types of Deno's API that are newer than the version are unknown to it.
const forOlder = ["--no-check", "--preload", "scripts/skipped_tests.ts"];
const args = [
  "test",
  "-A",
  "--quiet",
  "--reporter=dot",
  ...reasons.length > 0 ? forOlder : [],
  ...Deno.args,
];
const child = new Deno.Command(Deno.execPath(), { args, env, stdout: "piped" }).spawn();

let tail = "";
for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
  await Deno.stdout.write(new TextEncoder().encode(chunk));
  tail = (tail + chunk).slice(-4096);
}
const { code } = await child.status;

const summary = stripVTControlCharacters(tail)
  .match(/(\d+) passed.*?\| (\d+) failed(?:.*?\| (\d+) ignored)?/s);
const [passed, failed, skipped] = summary
  ? [Number(summary[1]), Number(summary[2]), Number(summary[3] ?? 0)]
  : [0, 1, 0];
// An error outside of tests, such as a file that does not load, counts as one failure.
const failures = code !== 0 && failed === 0 ? 1 : failed;
console.log(`${passed} passed, ${failures} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
Deno.exit(code);
