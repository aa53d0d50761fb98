/**
 * Runs the adapter's own tests, then grpc-js's own suite against it: `deno task test:grpc-js [--source FOLDER]`. The
 * suite's source is a checkout of github.com/grpc/grpc-node in `.cache/grpc-node`; without one, only the own tests run.
 * Fails if a case fails that `expected.ts` does not explain, or passes although it should not.
 *
 * @module
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { EXPECTED_FAILURES, FILES } from "./expected.ts";
import { type CaseResult, judge } from "./judge.ts";
import { prepareSuite } from "./prepare.ts";

const ROOT = join(import.meta.dirname!, "../../../..");

async function run(args: string[]): Promise<{ success: boolean; text: string }> {
  const command = new Deno.Command(Deno.execPath(), { args, cwd: ROOT, stderr: "inherit" });
  const { success, stdout } = await command.output();
  return { success, text: new TextDecoder().decode(stdout) };
}

/** Runs the files of the suite. */
async function runSuite(source: string): Promise<CaseResult[]> {
  const target = join(ROOT, ".cache/grpc-js-suite");
  const tests = await prepareSuite(source, target);
  const flags = ["run", "-A", "--quiet", "--no-check", "--no-lock"];
  const config = ["--config", join(target, "deno.json")];
  const runner = join(import.meta.dirname!, "run.ts");
  const { text } = await run([...flags, ...config, runner, tests, ...FILES]);
  const lines = text.split("\n").filter((line) => line.startsWith("case "));
  return lines.map((line) => JSON.parse(line.slice("case ".length)));
}

const { values } = parseArgs({
  args: Deno.args,
  options: { source: { type: "string", default: join(ROOT, ".cache/grpc-node") } },
});
const own = await run(["test", "-A", "--quiet", "--no-check", "tests/grpc_js"]);
console.log(own.text);
let passed = own.success;
try {
  await Deno.stat(join(values.source, "packages/grpc-js/test"));
  passed = judge("grpc-js's suite", await runSuite(values.source), EXPECTED_FAILURES) && passed;
} catch (error) {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
  console.log(`grpc-js's suite is skipped: ${values.source} has no checkout of grpc/grpc-node`);
}
Deno.exit(passed ? 0 : 1);
