// The help of every program and sub-command has examples, and their lines are such that the program takes them.

import assert from "node:assert/strict";
import type { Command } from "commander";
import { benchmarkCommand, withDataFlag } from "../../cmd/benchmark/options.ts";
import { attestCommand } from "../../cmd/vrpc/attest.ts";
import { vrpcCommand } from "../../cmd/vrpc/options.ts";
import { addEcho, addHealth, addReflection } from "../../src/services/mod.ts";
import { testServer } from "../../src/testing/mod.ts";
import { runProgram } from "../fixtures/run_program.ts";

const PROGRAMS = ["server", "client", "benchmark", "enclave", "host", "vrpc", "demo"];
/** Commands below another one. */
const NESTED = ["attest verify", "attest fetch"];
/** Sub-commands that are programs, which run as they are loaded: an unknown option behind the others ends them. */
const LOADED = new Set(["serve", "client", "enclave", "host", "server", "demo"]);
const UNKNOWN = "--no-such-option";

const cli = (...args: string[]) => runProgram("cmd/cli.ts", args);

/** Names of the sub-commands, from the help of all. */
async function subCommands(): Promise<string[]> {
  const { stdout } = await cli("--help");
  const list = /^Commands:\n((?: {2}.*\n)+)/m.exec(stdout)![1];
  return [...list.matchAll(/^ {2}(\w+) /gm)].map(([, name]) => name);
}

/** Command lines of the examples of a help. */
function exampleLines(help: string): string[] {
  const section = /^Examples:\n((?: {2}.*\n?)+)/m.exec(help);
  assert.ok(section !== null, `no examples: ${help}`);
  const lines = section[1].trimEnd().split("\n").map((line) => line.slice(2));
  // Each has a comment above it.
  assert.equal(lines.length % 2, 0, help);
  lines.forEach((line, i) => assert.equal(line.startsWith("# "), i % 2 === 0, help));
  return lines.filter((_, i) => i % 2 === 1);
}

/** The words that a shell passes to the program `name` for a line; files that it reads and writes are replaced. */
async function wordsOf(name: string, line: string): Promise<string[]> {
  const script = `${name}() { for word in "$@"; do printf '%s\\0' "$word" >&3; done; }
exec 3>&1 >/dev/null
${line.replace(/ [<>] [^(]\S*$/, " </dev/null")}`;
  const { stdout, stderr, success } = await new Deno.Command("bash", { args: ["-c", script] })
    .output();
  assert.ok(success, `${line}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout).split("\0").slice(0, -1);
}

function parses(command: Command, words: readonly string[]): void {
  const quiet = { writeErr() {}, writeOut() {}, outputError() {} };
  for (
    const one of [
      command,
      ...command.commands,
      ...command.commands.flatMap((c) => c.commands),
    ]
  ) {
    one.configureOutput(quiet);
  }
  command.parse(words as string[], { from: "user" });
}

/** Throws if the command, whose name is first, does not take the words. */
async function check(words: readonly string[]): Promise<void> {
  const [name, ...rest] = words;
  if (LOADED.has(name)) {
    const path = name === "serve" ? "server" : name;
    const { code, stderr } = await runProgram(`cmd/${path}.ts`, [...rest, UNKNOWN]);
    assert.equal(code, 2);
    assert.equal(stderr, `error: unknown option '${UNKNOWN}'\n`);
  } else if (name === "bench" || name === "benchmark") {
    parses(benchmarkCommand(), withDataFlag(rest));
  } else if (name === "completion") {
    assert.equal((await cli(...words)).code, 0);
  } else if (name === "attest" || name === "pcrs") {
    parses(attestCommand(() => {}), words);
  } else if (name === "help") {
    assert.equal((await cli(...words)).code, 0);
  } else {
    parses(vrpcCommand(() => {}), words);
  }
}

Deno.test("the help of each sub-command has examples that it takes", async (t) => {
  // The help of `help` is that of the program.
  const names = (await subCommands()).filter((name) => name !== "help");
  assert.ok(names.length >= 15);
  for (const name of ["", ...names, ...NESTED]) {
    await t.step(`vrpc ${name}`.trim(), async () => {
      const { code, stdout } = await cli(...name.split(" ").filter(Boolean), "--help");
      assert.equal(code, 0);
      assert.match(stdout, new RegExp(`^Usage: vrpc ${name}`));
      for (const line of exampleLines(stdout)) {
        assert.ok(line.includes(`vrpc ${name}`.trim()), line);
        await check(await wordsOf("vrpc", line));
      }
    });
  }
});

Deno.test("the help of each program has examples that it takes", async (t) => {
  for (const name of PROGRAMS) {
    await t.step(name, async () => {
      const { code, stdout } = await runProgram(`cmd/${name}.ts`, ["--help"]);
      assert.equal(code, 0);
      for (const line of exampleLines(stdout)) {
        const words = await wordsOf(name, line);
        await check(name === "vrpc" ? words : [name, ...words]);
      }
    });
  }
});

Deno.test("vrpc help COMMAND is the help of the command", async () => {
  for (const name of ["call", "serve", "completion"]) {
    assert.equal((await cli("help", name)).stdout, (await cli(name, "--help")).stdout);
  }
  assert.match((await cli("help", "cal")).stderr, /did you mean call\?/);
});

Deno.test("examples that ask a server run as they are printed", async () => {
  await using test = await testServer((router) => {
    addEcho(router);
    addHealth(router);
    addReflection(router);
  }, { address: "127.0.0.1:0" });
  for (const name of ["list", "describe", "openapi", "health", "call"]) {
    const lines = exampleLines((await cli(name, "--help")).stdout)
      .filter((line) => !/shop|unix:|https:|--watch/.test(line));
    assert.ok(lines.length > 0, name);
    for (const line of lines) {
      const words = await wordsOf("vrpc", line.replace("127.0.0.1:50051", test.address));
      const { code, stdout, stderr } = await cli(...words);
      assert.deepEqual([code, stderr], [0, ""], line);
      assert.ok(stdout.length > 0, line);
    }
  }
});

Deno.test("--version of each program has the runtime and the commit", async () => {
  const { stdout } = await cli("--version");
  for (const name of PROGRAMS) {
    assert.equal((await runProgram(`cmd/${name}.ts`, ["--version"])).stdout, stdout, name);
  }
});
