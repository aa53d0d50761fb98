/**
 * Runs nice-grpc's own tests on the adapter, with vitest on Node: `deno task test:nice-grpc [--source FOLDER]`. The source
 * is a checkout of github.com/deeplay-io/nice-grpc in `.cache/nice-grpc` whose fixtures have been generated (`yarn install`
 * there does it). Fails if a case fails that `expected.ts` does not explain, or passes although it should not.
 *
 * @module
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { NICE_GRPC_FAILURES } from "./expected.ts";
import { type CaseResult, judge } from "./judge.ts";
import { copyFolder, installAdapter, runProgram } from "./npm_folder.ts";

const ROOT = join(import.meta.dirname!, "../../../..");
const PACKAGE = "packages/nice-grpc";
const DEPENDENCIES = {
  "@bufbuild/protobuf": "^2.10.0",
  "abort-controller-x": "^0.5.0",
  "google-protobuf": "^3.21.4",
  "nice-grpc-common": "^2.0.4",
  vitest: "^3.1.1",
};

interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

async function runSuite(source: string): Promise<CaseResult[]> {
  const folder = join(ROOT, ".cache/nice-grpc-suite");
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  for (const name of ["src", "fixtures"]) {
    await copyFolder(join(source, PACKAGE, name), join(folder, name));
  }
  const config = "vitest.config.ts";
  await Deno.copyFile(join(source, PACKAGE, config), join(folder, config));
  await installAdapter(folder, DEPENDENCIES);
  const report = join(folder, "report.json");
  const args = ["vitest", "run", "--reporter=json", `--outputFile=${report}`];
  const { text } = await runProgram("npx", args, folder);
  const json = await Deno.readTextFile(report).catch(() => {
    throw new Error(`vitest wrote no report:\n${text.slice(-4_000)}`);
  });
  return (JSON.parse(json) as VitestReport).testResults.flatMap((file) => {
    const name = file.name.replace(/^.*__tests__\//, "").replace(/\.ts$/, "");
    return file.assertionResults.filter(({ status }) => status !== "pending").map((one) => ({
      title: `${name}: ${one.fullName}`,
      error: one.status === "passed" ? undefined : one.failureMessages.join("\n"),
    }));
  });
}

const { values } = parseArgs({
  args: Deno.args,
  options: { source: { type: "string", default: join(ROOT, ".cache/nice-grpc") } },
});
try {
  await Deno.stat(join(values.source, PACKAGE, "fixtures/grpc-js"));
} catch {
  console.log(`skipped: ${values.source} has no checkout of deeplay-io/nice-grpc with fixtures`);
  Deno.exit(0);
}
Deno.exit(judge("nice-grpc's suite", await runSuite(values.source), NICE_GRPC_FAILURES) ? 0 : 1);
