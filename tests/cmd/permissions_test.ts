// Every program works with the permissions of its task and no others.
// docs/deployment.md lists the same.

import assert from "node:assert/strict";
import { join } from "node:path";
import config from "../../deno.json" with { type: "json" };
import { connect } from "../../mod.ts";
import { createAuthority } from "../../src/transport/certs.ts";
import { type LineProcess, Processes } from "../fixtures/processes.ts";

const ROOT = join(import.meta.dirname!, "../..");
const ECHO = "/vrpc.echo.v1.EchoService/Echo";

/** Returns the permissions of a program, from its task. */
function permissions(program: string): string[] {
  const task = (config.tasks as Record<string, string>)[program];
  return task.split(" ").filter((word) => word.startsWith("--allow-"));
}

function start(processes: Processes, program: string, args: string[]): LineProcess {
  return processes.program(program, args, { permissions: permissions(program) });
}

/** Creates a folder with certificates for both sides. */
async function folder() {
  const path = await Deno.makeTempDir();
  const authority = await createAuthority();
  const server = await authority.issueServer();
  const client = await authority.issueClient({ names: ["client.test"] });
  const files = { ca: authority.cert, cert: server.cert, key: server.key };
  for (
    const [name, text] of Object.entries({ ...files, ccert: client.cert, ckey: client.key })
  ) {
    await Deno.writeTextFile(join(path, name), text);
  }
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

const serverTls = (path: string) => [
  ...["--tls-cert", join(path, "cert"), "--tls-key", join(path, "key")],
  ...["--tls-client-ca", join(path, "ca")],
];
const clientTls = (path: string) => [
  ...["--tls-ca", join(path, "ca"), "--tls-server-name", "localhost"],
  ...["--tls-cert", join(path, "ccert"), "--tls-key", join(path, "ckey")],
];

Deno.test("no task of a program has all permissions, and tasks of one program have the same", () => {
  const known = new Map<string, string>();
  for (const [name, task] of Object.entries(config.tasks)) {
    const program = task.match(/ cmd\/(\w+)\.ts/)?.[1];
    if (program === undefined || program === "demo") continue;
    assert.doesNotMatch(task, / (-A|--allow-all) /, name);
    assert.match(task, / --no-prompt /, name);
    const flags = task.split(" ").filter((word) => word.startsWith("--allow-")).join(" ");
    assert.equal(flags, known.get(program) ?? flags, name);
    known.set(program, flags);
  }
  assert.deepEqual([...known.keys()].sort(), [
    ...["benchmark", "cli", "client", "enclave", "host", "server"],
  ]);
});

Deno.test("docs/deployment.md lists the permissions of the tasks", async () => {
  const page = await Deno.readTextFile(join(ROOT, "docs/deployment.md"));
  for (const program of ["benchmark", "client", "enclave", "host", "server", "vrpc"]) {
    const row = page.split("\n").find((line) =>
      line.startsWith("|") && line.includes(`\`${program}\``) && line.includes("--allow-net")
    );
    assert.ok(row, program);
    assert.deepEqual(row.match(/--allow-\w+/g), permissions(program), program);
  }
});

Deno.test("server and client: threads, TLS, a Unix socket, a file for the pid, metrics, signing", async () => {
  await using files = await folder();
  await using processes = new Processes();
  const socket = join(files.path, "socket");
  const server = start(processes, "server", [
    ...["--addr", "127.0.0.1:0", "--addr", `unix:${socket}`, "--workers", "2"],
    ...["--pid-file", join(files.path, "pid"), "--metrics-addr", "127.0.0.1:0"],
    ...["--crypto-backend", "auto", "--log-level", "warn", ...serverTls(files.path)],
  ]);
  const tcp = await server.address();
  const [, url] = await server.line(/^metrics (\S+)$/);
  for (const target of [tcp, `unix:${socket}`]) {
    const client = start(processes, "client", ["--addr", target, ...clientTls(files.path)]);
    assert.equal(await client.code(), 0, await client.errors());
  }
  const vrpc = start(processes, "vrpc", [...clientTls(files.path), "list", tcp]);
  assert.equal(await vrpc.code(), 0, await vrpc.errors());
  assert.match(await (await fetch(url)).text(), /grpc_server_call_started_total/);
  assert.match(await Deno.readTextFile(join(files.path, "pid")), /^\d+\n$/);
  server.kill("SIGTERM");
  assert.equal(await server.code(), 0);
  // Also logs whether libcrypto was found.
  assert.doesNotMatch(await server.errors(), /--allow-|NotCapable|Requires/);
});

Deno.test("enclave and host: over a Unix socket with mutual TLS", async () => {
  await using files = await folder();
  await using processes = new Processes();
  const socket = `unix:${join(files.path, "socket")}`;
  const enclave = start(processes, "enclave", [
    ...["--addr", socket, "--log-level", "warn", "--metrics-addr", "127.0.0.1:0"],
    ...serverTls(files.path),
  ]);
  await enclave.address();
  const host = start(processes, "host", [
    ...["--addr", "127.0.0.1:0", "--enclave", socket, "--log-level", "warn"],
    ...clientTls(files.path),
  ]);
  const url = await host.address();
  const response = await fetch(`${url}/echo`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"xid":"hello"}',
  });
  assert.equal(await response.text(), '{"dix":"olleh"}');
  assert.match(await (await fetch(`${url}/metrics`)).text(), /grpc_client_attempt_started_total/);
  for (const process of [host, enclave]) {
    process.kill("SIGTERM");
    assert.equal(await process.code(), 0);
    assert.doesNotMatch(await process.errors(), /--allow-|NotCapable|Requires/);
  }
});

Deno.test("benchmark: its own server, threads, crypto, a .proto file, a report", async () => {
  await using files = await folder();
  await using processes = new Processes();
  const out = join(files.path, "report.html");
  const own = start(processes, "benchmark", [
    ...["--start-server", "--service", "both", "--connections", "2", "--threads", "2"],
    ...["--requests", "50", "--out", out],
  ]);
  assert.equal(await own.code(), 0, await own.errors());
  assert.match(await Deno.readTextFile(out), /<html/);

  const server = start(processes, "server", ["--addr", "127.0.0.1:0", "--log-level", "error"]);
  const target = await server.address();
  await using channel = connect(target);
  await channel.call(ECHO, new Uint8Array());
  const proto = start(processes, "benchmark", [
    ...["--server", target, "--requests", "10", "--connections", "1", "--threads", "1"],
    ...["--method", ECHO.slice(1), "--data", "{}", "--proto-path", join(ROOT, "proto")],
    ...["--proto", join(ROOT, "proto/vrpc/echo/v1/echo.proto")],
  ]);
  assert.equal(await proto.code(), 0, await proto.errors());
});

Deno.test("without --allow-env every program uses its options, and reports mistakes in one line", async () => {
  await using processes = new Processes();
  const run = (program: string, args: string[]) =>
    processes.program(program, args, {
      env: { LOG_LEVEL: "loud", SERVER_ADDR: "nowhere" },
      permissions: ["--allow-net", "--allow-read"],
    });
  const server = run("server", ["--addr", "127.0.0.1:0", "--workers", "1", "--log-level", "error"]);
  const target = await server.address();
  const client = run("client", ["--addr", target]);
  assert.equal(await client.code(), 0, await client.errors());
  const list = run("vrpc", ["list", target]);
  assert.equal(await list.code(), 0, await list.errors());
  for (const program of ["benchmark", "client", "enclave", "host", "server", "vrpc"]) {
    const help = run(program, ["--help"]);
    assert.equal(await help.code(), 0, await help.errors());
    const wrong = run(program, program === "vrpc" ? ["list", "?"] : ["--log-level", "loud"]);
    assert.equal(await wrong.code(), 2, program);
    assert.equal((await wrong.errors()).trimEnd().split("\n").length, 1, program);
  }
});
