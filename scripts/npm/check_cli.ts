/**
 * Checks the program `vrpc` of the npm package: each sub-command, on Node or Bun.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { Processes } from "../../tests/fixtures/processes.ts";

const ECHO = "vrpc.echo.v1.EchoService/Echo";

/** A sub-command that must end, and what it has to print. */
interface Command {
  readonly args: readonly string[];
  readonly prints: RegExp;
  readonly code?: number;
}

/** Sub-commands that call the server at `address`, which runs with the ready services. */
const commands = (address: string): readonly Command[] => [
  {
    args: ["--version"],
    prints: /^vrpc \d+\.\d+\.\d+ \((Node|Bun) \S+.*\)(, commit [0-9a-f]{12})?$/m,
  },
  { args: ["--help"], prints: /^Examples:$/m },
  { args: ["completion", "bash"], prints: /complete -o default -F _vrpc vrpc/ },
  { args: ["list", address], prints: /^\/vrpc\.echo\.v1\.EchoService\/Echo /m },
  { args: ["describe", address, "vrpc.echo.v1.EchoService"], prints: /^service EchoService \{$/m },
  { args: ["call", address, ECHO, '{"payload":"aGk="}'], prints: /"payload": ?"aGk="/ },
  { args: ["call", "--wire", "lean", address, ECHO, "{}"], prints: /"payload": ?""/ },
  { args: ["call", address, "vrpc.echo.v1.EchoService/None", "{}"], prints: /^$/, code: 76 },
  { args: ["openapi", address], prints: /"openapi": ?"3\.1/ },
  { args: ["health", address], prints: /^SERVING$/m },
  { args: ["client", "--addr", address], prints: /^[1-9]\d* passed, 0 failed$/m },
  {
    args: ["bench", "--server", address, "-c", "2", "-t", "2", "-n", "200"],
    prints: /200/,
  },
  { args: ["bench", "--start-server", "on", "-n", "200"], prints: /200/ },
];

/** Runs every sub-command as `program`. Throws for the first that fails. */
export async function checkCli(program: readonly string[]): Promise<void> {
  await using processes = new Processes();
  const output = async (args: readonly string[], code: number) => {
    const child = processes.start([...program, ...args]);
    let text = "";
    for await (const line of child.lines()) text += `${line}\n`;
    const actual = await child.code();
    assert.equal(actual, code, `vrpc ${args.join(" ")}: ${text}${await child.errors()}`);
    return text;
  };
  const server = processes.start([...program, "serve", "--addr", "127.0.0.1:0"]);
  const address = await server.address();
  for (const { args, prints, code = 0 } of commands(address)) {
    assert.match(await output(args, code), prints, `vrpc ${args.join(" ")}`);
  }
  server.kill("SIGTERM");
  assert.equal(await server.code(), 0, await server.errors());
  await checkEnclave(processes, program);
}

/** An enclave on a Unix socket, and the host in front of it. */
async function checkEnclave(processes: Processes, program: readonly string[]): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "vrpc-npm-cli-" });
  try {
    const enclave = processes.start([
      ...[...program, "enclave", "--addr", `unix:${join(folder, "enclave")}`],
    ]);
    const host = processes.start([
      ...[...program, "host", "--addr", "127.0.0.1:0", "--enclave", await enclave.address()],
    ]);
    const response = await fetch(`${await host.address()}/echo`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"xid":"hello"}',
    });
    assert.equal(await response.text(), '{"dix":"olleh"}');
    for (const one of [host, enclave]) {
      one.kill("SIGTERM");
      assert.equal(await one.code(), 0, await one.errors());
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
