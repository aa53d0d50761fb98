/**
 * Runs `deno test -A` with short output: a dot for a test, the failures, and at the end a line of its own,
 * `N passed, N failed`. Arguments are passed on, so `deno task test tests/hpack` runs a part.
 *
 * @module
 */

import { stripVTControlCharacters } from "node:util";

// Tests start programs: they must find a deno even where only this process's own path is known.
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
// An error outside of any test (a file that doesn't load) fails the run without a failed test.
console.log(`${passed} passed, ${code !== 0 && failed === 0 ? 1 : failed} failed`);
Deno.exit(code);
