/**
 * Runs the suites that others wrote, and prints one table.
 *
 *     deno task conformance                 everything
 *     deno task conformance h2spec          the stages whose names start so
 *     deno task conformance --list          the names
 *
 * Exits 1 when anything falls short and 2 when Go, which builds the suites, is missing.
 *
 * @module
 */

import { join } from "node:path";
import { CONNECT_STAGES } from "./connect.ts";
import { H2SPEC_STAGES } from "./h2spec.ts";
import { HPACK_STAGES } from "./hpack.ts";
import { INTEROP_STAGES } from "./interop.ts";
import { capture } from "./process.ts";
import { isGreen, type Row, runStage, type Stage, table } from "./stage.ts";
import { TOOLS_STAGES } from "./tools_stages.ts";
import { CACHE, hasGo, ROOT, TOOLS } from "./tools.ts";

const STAGES: Stage[] = [
  ...HPACK_STAGES,
  ...H2SPEC_STAGES,
  ...CONNECT_STAGES,
  ...INTEROP_STAGES,
  ...TOOLS_STAGES,
];

const wanted = Deno.args.filter((arg) => !arg.startsWith("--"));
const chosen = STAGES.filter((stage) =>
  wanted.length === 0 ||
  wanted.some((name) => stage.name.toLowerCase().startsWith(name.toLowerCase()))
);

if (Deno.args.includes("--list")) {
  for (const stage of chosen) console.log(`${stage.name} (${stage.expected} cases)`);
  Deno.exit(0);
}
if (chosen.length === 0) {
  console.error(`Cannot find a stage called ${wanted.join(", ")}; see --list`);
  Deno.exit(2);
}
if (chosen.some((stage) => stage.needsGo) && !await hasGo()) {
  console.error(
    "The suites are built by Go, which is not installed here. Install Go 1.24 or newer " +
      "(https://go.dev/dl/, or your system's package golang-go) and run this again. " +
      "Without it these still run: deno task conformance hpack interop,_grpc-js",
  );
  Deno.exit(2);
}

await Deno.mkdir(join(CACHE, "logs"), { recursive: true });
const rows: Row[] = [];
for (const stage of chosen) {
  console.log(`\n== ${stage.name}`);
  const row = await runStage(stage);
  rows.push(row);
  console.log(
    `${row.passed} of ${row.total} passed in ${row.seconds.toFixed(1)} s` +
      (row.total < stage.expected ? `, ${stage.expected} are expected` : ""),
  );
  if (!isGreen(row) && row.report) console.log(row.report);
}

const go = await capture(["go", "version"], { limitMs: 10_000 }).catch(() => undefined);
const commit = await capture(["git", "rev-parse", "--short", "HEAD"], {
  cwd: ROOT,
  limitMs: 10_000,
})
  .catch(() => undefined);
const result = [
  table(rows),
  "",
  `${new Date().toISOString().slice(0, 10)}, commit ${commit?.output.trim() || "unknown"}, ` +
  `Deno ${Deno.version.deno}, ${go?.output.trim() ?? "no Go"}, ` +
  Object.values(TOOLS).map((tool) => `${tool.path} ${tool.version}`).join(", "),
].join("\n");
console.log(`\n${result}`);
await Deno.writeTextFile(join(CACHE, "conformance.md"), `${result}\n`);
Deno.exit(rows.every(isGreen) ? 0 : 1);
