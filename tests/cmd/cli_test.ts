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
  assert.match(help.stdout, /^Examples:\n {2}# .*\n {2}vrpc serve /m);
  const none = await cli();
  assert.equal(none.code, 2);
  assert.equal(none.stderr, help.stdout);
});

Deno.test("vrpc --help lists every command about a server", async () => {
  const commands = (help: string) =>
    [...help.slice(help.indexOf("\nCommands:\n")).matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) =>
      name
    );
  const listed = commands((await cli("--help")).stdout);
  const known = commands((await runProgram("cmd/vrpc.ts", ["--help"])).stdout);
  assert.ok(known.includes("channelz"), "the list of cmd/vrpc.ts is read");
  assert.deepEqual(known.filter((name) => !listed.includes(name)), []);
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

/** How each shell says what it completes the words with, one a line; `script` is that of `vrpc completion`. */
const COMPLETIONS: Readonly<Record<string, (script: string, words: readonly string[]) => string>> =
  {
    bash: (script, words) =>
      `${script}
vrpc() { "$DENO" run --quiet -A "$CLI" "$@"; }
COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")})
COMP_CWORD=${words.length - 1}
_vrpc
printf '%s\n' "\${COMPREPLY[@]}"`,
    zsh: (script, words) =>
      `compdef() {}
_files() { print files; }
${script}
vrpc() { "$DENO" run --quiet -A "$CLI" "$@"; }
compadd() { shift; for one in "$@"; do [[ $one == "\${words[CURRENT]}"* ]] && print -r -- $one; done; }
words=(${words.map((word) => `'${word}'`).join(" ")})
CURRENT=${words.length}
_vrpc; true`,
    fish: (script, words) =>
      `${script}
function vrpc; "$DENO" run --quiet -A "$CLI" $argv; end
complete -C '${words.join(" ")}' | cut -f1`,
  };

/** Whether the program of a shell is here. */
const hasShell = (shell: string) =>
  new Deno.Command("sh", { args: ["-c", `command -v ${shell}`], stdout: "null" }).outputSync()
    .success;

for (const [shell, program] of Object.entries(COMPLETIONS)) {
  const missing = !hasShell(shell);
  Deno.test({
    name: `${shell} completes commands, options and shells${
      missing ? ` (skipped: there is no ${shell})` : ""
    }`,
    ignore: missing,
    async fn() {
      const { stdout: script } = await cli("completion", shell);
      const complete = async (...words: string[]) => {
        const { stdout, stderr } = await new Deno.Command(shell, {
          args: ["-c", program(script, words)],
          env: { DENO: Deno.execPath(), CLI, NO_COLOR: "1" },
        }).output();
        assert.equal(new TextDecoder().decode(stderr), "");
        return new TextDecoder().decode(stdout).trim().split("\n").sort();
      };
      assert.deepEqual(await complete("vrpc", "hea"), ["health"]);
      assert.deepEqual(await complete("vrpc", "completion", ""), ["bash", "fish", "zsh"]);
      assert.deepEqual(await complete("vrpc", "attest", ""), ["fetch", "verify"]);
      assert.deepEqual(await complete("vrpc", "help", "ca"), ["call"]);
      assert.deepEqual(await complete("vrpc", "serve", "--unix"), ["--unix-mode"]);
      // An option of the program as a whole, and one of a command below another.
      assert.deepEqual(await complete("vrpc", "call", "--wi"), ["--wire"]);
      assert.ok((await complete("vrpc", "attest", "verify", "--pcr")).includes("--pcr8"));
    },
  });
}

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
