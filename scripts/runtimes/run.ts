/**
 * Runs a program of the checkout that is made for Deno on Node or Bun, such as the campaigns:
 *
 *     deno task soak:node --minutes 10
 *     deno run -A scripts/runtimes/run.ts bun tests/campaigns/faults/main.ts --rounds 3
 *
 * Programs that it starts by `deno run` run there as well. On Node they have the function `gc`.
 *
 * @module
 */

import { join } from "node:path";
import { build, ROOT } from "./build.ts";
import { programOf } from "./programs.ts";
import type { RuntimeName } from "./skips.ts";

const [name, path, ...args] = Deno.args;
if (name !== "node" && name !== "bun" || path === undefined) {
  console.error("run.ts: give node or bun, the path of a program, and its arguments");
  Deno.exit(2);
}
const program = await programOf(name satisfies RuntimeName, undefined);
const folder = join(ROOT, "build", `programs-${name}`);
await build(folder);
const runner = join(folder, "scripts/runtimes/host/run_program.js");
const flags = name === "node" ? ["--expose-gc"] : [];
const child = new Deno.Command(program, {
  args: [...flags, runner, join(folder, path.replace(/\.ts$/, ".js")), ...args],
}).spawn();
const { code } = await child.status;
Deno.exit(code);
