/**
 * Makes what the comparison of transcoders needs, then compares. What can't be had is named, and counts as skipped.
 *
 *     deno task test:transcoding
 *
 * @module
 */

import { makeTools } from "./tools.ts";

/** Returns the closing line of CI for the output of `deno test`; undefined when that did not finish. */
export function closingLine(output: string): string | undefined {
  const found = /\| (\d+) passed[^|]*\| (\d+) failed(?:[^|\n]*\| (\d+) ignored)?/.exec(output);
  if (found === null) return undefined;
  const [, passed, failed, skipped] = found;
  return `${passed} passed, ${failed} failed${skipped === undefined ? "" : `, ${skipped} skipped`}`;
}

if (import.meta.main) {
  await makeTools((what, reason) => console.error(`${what} can't be had: ${reason}`));
  const folder = new URL(".", import.meta.url).pathname;
  const proxies = new URL("../proxies/documented_test.ts", import.meta.url).pathname;
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--quiet", folder, proxies],
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "inherit",
  }).output();
  const output = new TextDecoder().decode(stdout);
  console.log(output);
  const line = closingLine(output);
  if (line !== undefined) console.log(line);
  Deno.exit(code);
}
