/**
 * Compiles `cmd/*.ts` to single-file programs in `build/`.
 *
 *     deno task compile [--target TARGET] [NAME…]
 *
 * With `DENORT_BIN` in the environment, that runtime is used instead of a download.
 *
 * @module
 */

import { anyText, readArguments } from "./arguments.ts";
import { compile, PROGRAMS } from "./compile/program.ts";

const USAGE = `
deno task compile [--target TARGET] [NAME …]

  NAME             of ${PROGRAMS.join(", ")}; default all
  --target TARGET  the system to compile for, as of deno compile: x86_64-unknown-linux-gnu,
                   aarch64-unknown-linux-gnu, x86_64-apple-darwin, aarch64-apple-darwin or
                   x86_64-pc-windows-msvc; default this one
`;

let failed = 0;
let made = 0;
const { values, names } = readArguments(USAGE, { target: anyText(undefined) }, PROGRAMS);
const told = new Set<string>();
for (const name of names.length > 0 ? names : PROGRAMS) {
  try {
    const { path, workers, bytes } = await compile(name, { target: values.target });
    made++;
    const including = workers.length > 0 ? ` with ${workers.join(", ")}` : "";
    console.log(`${path} (${(bytes / 1e6).toFixed(0)} MB)${including}`);
  } catch (error) {
    failed++;
    const text = error instanceof Error ? error.message : String(error);
    // A failing download fails for each program.
    if (!told.has(text)) console.error(text);
    told.add(text);
  }
}
console.log(`${made} passed, ${failed} failed`);
Deno.exit(failed === 0 ? 0 : 1);
