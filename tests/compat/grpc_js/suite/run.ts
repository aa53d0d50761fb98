/**
 * Runs prepared tests of grpc-js with mocha. Arguments: the folder of tests, then names of files. Writes a line of JSON
 * for each case: `{ title, error? }`.
 *
 * @module
 */

import { join } from "node:path";
import { pathToFileURL } from "node:url";

interface Case {
  fullTitle(): string;
}

interface Runner {
  on(event: "pass", listener: (test: Case) => void): Runner;
  on(event: "fail", listener: (test: Case, error: Error) => void): Runner;
}

interface MochaModule {
  default: new (options: { ui: string; timeout: number; reporter: unknown }) => {
    suite: { emit(event: "pre-require", context: unknown, file: string, mocha: unknown): void };
    run(done: () => void): Runner;
  };
}

/** A reporter that writes nothing. */
class Silent {}

// The configuration of the prepared folder has it; this project's has not.
const name = "mocha";
const { default: Mocha } = await import(name) as MochaModule;
const [folder, ...files] = Deno.args;
const mocha = new Mocha({ ui: "bdd", timeout: 4_000, reporter: Silent });
for (const file of files) {
  const path = join(folder, `test-${file}.ts`);
  mocha.suite.emit("pre-require", globalThis, path, mocha);
  await import(pathToFileURL(path).href);
}
const report = (test: Case, error?: Error) => {
  console.log(`case ${JSON.stringify({ title: test.fullTitle(), error: error?.message })}`);
};
mocha.run(() => setTimeout(() => Deno.exit(0), 100))
  .on("pass", (test) => report(test))
  .on("fail", (test, error) => report(test, error));
