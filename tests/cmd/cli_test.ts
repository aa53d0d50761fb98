import assert from "node:assert/strict";
import { join } from "node:path";
import { addEcho, addHealth, addReflection } from "../../src/services/mod.ts";
import { testServer } from "../../src/testing/mod.ts";
import { Processes } from "../fixtures/processes.ts";
import { runProgram } from "../fixtures/run_program.ts";

const CLI = join(import.meta.dirname!, "../../cmd/cli.ts");
const cli = (...args: string[]) => runProgram("cmd/cli.ts", args);

Deno.test("vrpc --version has the version, the runtime and the commit", async () => {
  const { stdout, code } = await cli("--version");
  assert.equal(code, 0);
  assert.match(stdout, /^vrpc \d+\.\d+\.\d+ \(Deno \d+\.\d+\.\d+, V8 \S+, \w+ \w+\)/);
  const git = await new Deno.Command("git", {
    args: ["rev-parse", "HEAD"],
    cwd: join(CLI, "../.."),
  })
    .output();
  // An export of the sources is no checkout.
  if (!git.success) return;
  const commit = new TextDecoder().decode(git.stdout).slice(0, 12);
  assert.ok(stdout.trimEnd().endsWith(`, commit ${commit}`), stdout);
});

Deno.test("vrpc --help lists the commands with examples; none at all is a mistake", async () => {
  const help = await cli("--help");
  assert.equal(help.code, 0);
  for (const name of ["call", "serve", "bench", "enclave", "host", "health", "completion"]) {
    assert.match(help.stdout, new RegExp(`^  ${name} `, "m"));
  }
  assert.match(help.stdout, /^Examples:\n {2}vrpc serve /m);
  const none = await cli();
  assert.equal(none.code, 2);
  assert.equal(none.stderr, help.stdout);
});

Deno.test("vrpc suggests a command", async () => {
  const { stderr, code } = await cli("cal", "127.0.0.1:1");
  assert.equal(code, 2);
  assert.equal(stderr, 'vrpc: Unknown command "cal"; did you mean call? (see vrpc --help)\n');
});

Deno.test("vrpc calls, with flags before the command, too", async () => {
  await using test = await testServer((router) => {
    addEcho(router);
    addHealth(router);
    addReflection(router);
  }, { address: "127.0.0.1:0" });
  const method = "vrpc.echo.v1.EchoService/Echo";
  const call = await cli("call", test.address, method, '{"payload":"aGk="}');
  assert.equal(call.code, 0, call.stderr);
  assert.equal(JSON.parse(call.stdout).payload, "aGk=");
  const list = await cli("--wire", "grpc", "list", test.address);
  assert.match(list.stdout, /EchoService/);
  assert.equal((await cli("health", test.address)).code, 0);
});

Deno.test("vrpc serve runs the server with its options", async () => {
  await using processes = new Processes();
  const server = processes.start([
    ...[Deno.execPath(), "run", "--quiet", "-A", CLI],
    ...["serve", "--addr", "127.0.0.1:0"],
  ]);
  const [, address] = await server.line(/^listening (\S+)$/);
  assert.match((await cli("list", address)).stdout, /EchoService/);
});

Deno.test("bash completes commands, options and shells", async () => {
  const { stdout: script } = await cli("completion", "bash");
  const complete = async (...words: string[]) => {
    const code = `${script}
vrpc() { "$DENO" run --quiet -A "$CLI" "$@"; }
COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")})
COMP_CWORD=${words.length - 1}
_vrpc
printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = await new Deno.Command("bash", {
      args: ["-c", code],
      env: { DENO: Deno.execPath(), CLI },
    }).output();
    assert.equal(new TextDecoder().decode(stderr), "");
    return new TextDecoder().decode(stdout).trim().split("\n");
  };
  assert.deepEqual(await complete("vrpc", "he"), ["health"]);
  assert.deepEqual(await complete("vrpc", "completion", ""), ["bash", "zsh", "fish"]);
  assert.deepEqual(await complete("vrpc", "serve", "--unix"), ["--unix-mode"]);
});

Deno.test("every shell gets a script with all commands; others are refused", async () => {
  for (const shell of ["bash", "zsh", "fish"]) {
    const { stdout, code } = await cli("completion", shell);
    assert.equal(code, 0);
    for (const name of ["call", "bench", "completion"]) assert.match(stdout, new RegExp(name));
  }
  const { stderr, code } = await cli("completion", "tcsh");
  assert.equal(code, 2);
  assert.equal(stderr, "vrpc: completion takes one of bash, zsh or fish\n");
});
