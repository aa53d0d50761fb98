/**
 * Runs third-party conformance suites and prints one table.
 *
 *     deno task conformance                 everything
 *     deno task conformance h2spec          the stages whose names start with it
 *     deno task conformance --all           the stages that take longest as well
 *     deno task conformance --list          the names
 *
 * Exits with 1 when a stage fails, and with 2 when a required program is not installed: Go, which builds the
 * suites, or Node.
 *
 * @module
 */

import { join } from "node:path";
import { choice, flag, readArguments, refuse } from "../arguments.ts";
import { CONNECT_STAGES } from "./connect.ts";
import { H2SPEC_STAGES } from "./h2spec.ts";
import { HPACK_STAGES } from "./hpack.ts";
import { INTEROP_STAGES } from "./interop.ts";
import { useRuntime } from "./our_program.ts";
import { capture, which } from "./process.ts";
import { isGreen, type Program, type Row, runStage, type Stage, table } from "./stage.ts";
import { TOOLS_STAGES } from "./tools_stages.ts";
import { PROTOBUF_STAGES } from "./protobuf.ts";
import { CACHE, ROOT, TOOLS } from "./tools.ts";

const STAGES: Stage[] = [
  ...HPACK_STAGES,
  ...PROTOBUF_STAGES,
  ...H2SPEC_STAGES,
  ...CONNECT_STAGES,
  ...INTEROP_STAGES,
  ...TOOLS_STAGES,
];

const USAGE = `
deno task conformance [NAME …] [--runtime NAME] [--all] [--list]

  NAME     stages whose names start so, in upper or lower case; default all
  --runtime  where this project's programs run: deno (the default), node (the one on the PATH) or
             bun; on the other two without the stages that are about Deno
  --all    runs the stages with all compressions, too, which CI leaves out
  --list   prints their names and how many cases each has
`;

const { values, names: wanted } = readArguments(
  USAGE,
  { all: flag(false), list: flag(false), runtime: choice(["deno", "node", "bun"], "deno") },
  "any",
);
const startsWith = (stage: Stage, name: string) =>
  stage.name.toLowerCase().startsWith(name.toLowerCase());
for (const name of wanted) {
  if (!STAGES.some((stage) => startsWith(stage, name))) {
    refuse(`Unknown stage "${name}": see --list`);
  }
}
const { runtime } = values;
if (runtime !== "deno") await useRuntime(runtime);
const chosen = STAGES.filter((stage) =>
  (values.all || stage.onlyWithAll !== true) && (runtime === "deno" || stage.onlyOnDeno !== true)
).filter((stage) => wanted.length === 0 || wanted.some((name) => startsWith(stage, name)));

if (values.list) {
  for (const stage of chosen) console.log(`${stage.name} (${stage.expected} cases)`);
  Deno.exit(0);
}
const HOW_TO_INSTALL: Record<Program, string> = {
  go: "Go 1.25 or newer builds the suites: https://go.dev/dl/",
  node: "Node 20 or newer runs grpc-js's TLS server: https://nodejs.org/",
  curl: "curl with HTTP/2: Debian's package curl",
};
const missing: string[] = [];
for (const program of new Set(chosen.flatMap((stage) => stage.needs))) {
  if (await which(program) === undefined) missing.push(`${program}: ${HOW_TO_INSTALL[program]}`);
}
if (missing.length > 0) {
  console.error(`Not installed:\n${missing.join("\n")}`);
  Deno.exit(2);
}

await Deno.mkdir(CACHE, { recursive: true });
const rows: Row[] = [];
for (const stage of chosen) {
  console.log(`\n== ${stage.name}`);
  const row = await runStage(stage);
  rows.push(row);
  if (row.skipped !== undefined) {
    console.log(`skipped: ${row.skipped}`);
    continue;
  }
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
  `${runtime === "deno" ? "" : `our programs on ${runtime}, `}Deno ${Deno.version.deno}, ${
    go?.output.trim() ?? "no Go"
  }; ` +
  Object.values(TOOLS).map((tool) => `${tool.path.replace(/\/cmd\/.*/, "")} ${tool.version}`)
    .filter((text, index, all) => all.indexOf(text) === index).join(", "),
].join("\n");
console.log(`\n${result}`);
await Deno.writeTextFile(join(CACHE, "conformance.md"), `${result}\n`);
let [passed, failed] = [0, 0];
for (const row of rows) {
  if (row.skipped !== undefined) continue;
  passed += row.passed;
  failed += Math.max(row.total, row.stage.expected) - row.passed;
}
console.log(`\n${passed} passed, ${failed} failed`);
Deno.exit(rows.every(isGreen) ? 0 : 1);
