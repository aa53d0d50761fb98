/**
 * Runs `deno test -A` with short output: a dot for each test, the failures, why tests were skipped, and a last line
 * `N passed, N failed`, with `, N skipped` behind it where tests were. Arguments are passed on: `deno task test tests/hpack` runs a part.
 * With an older Deno the types are not checked, and the tests that it cannot run are skipped.
 *
 * @module
 */

import { stripVTControlCharacters } from "node:util";
import { reasonsOf } from "./skipped_tests.ts";
import { MarkLines, skipLines, skippedTests } from "./test_report.ts";

// For tests that start programs where deno is not on the PATH.
const env = { VRPC_DENO: Deno.execPath() };

const reasons = reasonsOf(Deno.version.deno);
for (const reason of reasons) console.log(reason);
// Types of Deno's API that are newer than the version are unknown to it.
const forOlder = ["--no-check", "--preload", "scripts/skipped_tests.ts"];
const report = await Deno.makeTempFile({ prefix: "vrpc-tests-", suffix: ".xml" });
const args = [
  "test",
  "-A",
  "--quiet",
  "--reporter=dot",
  `--junit-path=${report}`,
  ...reasons.length > 0 ? forOlder : [],
  ...Deno.args,
];
const child = new Deno.Command(Deno.execPath(), { args, env, stdout: "piped" }).spawn();

const marks = new MarkLines();
const encoder = new TextEncoder();
let tail = "";
let rest = "";
for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
  const lines = (rest + chunk).split("\n");
  rest = lines.pop()!;
  await Deno.stdout.write(encoder.encode(lines.map((line) => marks.line(line)).join("")));
  tail = (tail + chunk).slice(-4096);
}
if (rest !== "") console.log(rest);
const { code } = await child.status;

const summary = stripVTControlCharacters(tail)
  .match(/(\d+) passed.*?\| (\d+) failed(?:.*?\| (\d+) ignored)?/s);
const [passed, failed, skipped] = summary
  ? [Number(summary[1]), Number(summary[2]), Number(summary[3] ?? 0)]
  : [0, 1, 0];
for (const line of skipLines(skippedTests(await Deno.readTextFile(report)))) console.log(line);
await Deno.remove(report);
// An error outside of tests, such as a file that does not load, counts as one failure.
const failures = code !== 0 && failed === 0 ? 1 : failed;
console.log(`${passed} passed, ${failures} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
Deno.exit(code);
