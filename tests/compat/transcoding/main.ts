/**
 * Makes what the comparison of transcoders needs, then compares.
 *
 *     deno task test:transcoding
 *
 * @module
 */

import { makeTools } from "./tools.ts";

if (import.meta.main) {
  await makeTools((what, reason) => console.error(`${what} can't be had: ${reason}`));
  const test = new URL("./transcoding_test.ts", import.meta.url).pathname;
  const args = ["test", "-A", "--quiet", test];
  const { code } = await new Deno.Command(Deno.execPath(), { args }).spawn().status;
  Deno.exit(code);
}
