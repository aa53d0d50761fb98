/**
 * Runs `deno test -A` with short output: a dot for each test, the failures, and a last line
 * `N passed, N failed`. Arguments are passed on: `deno task test tests/hpack` runs a part.
 *
 * @module
 */

import { stripVTControlCharacters } from "node:util";

// For tests that start programs where deno is not on the PATH.
const env = { VRPC_DENO: Deno.execPath() };

const args = ["test", "-A", "--quiet", "--reporter=dot", ...Deno.args];
const child = new Deno.Command(Deno.execPath(), { args, env, stdout: "piped" }).spawn();

let tail = "";
for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
  await Deno.stdout.write(new TextEncoder().encode(chunk));
  tail = (tail + chunk).slice(-4096);
}
const { code } = await child.status;

const summary = stripVTControlCharacters(tail).match(/(\d+) passed.*?\| (\d+) failed/s);
const [passed, failed] = summary ? [Number(summary[1]), Number(summary[2])] : [0, 1];
// An error outside of tests, such as a file that does not load, counts as one failure.
console.log(`${passed} passed, ${code !== 0 && failed === 0 ? 1 : failed} failed`);
Deno.exit(code);
