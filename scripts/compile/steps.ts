/**
 * What compiled programs have to do.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { ReportFile } from "../../src/load/measure/result.ts";
import { selfSigned } from "../../src/transport/certs.ts";
import type { LineProcess } from "../../tests/fixtures/processes.ts";

/** Where a step runs. */
export interface Place {
  /** Empty folder in which the programs run. */
  readonly folder: string;
  /** Starts a compiled program. */
  start(program: string, ...args: string[]): LineProcess;
}

/** A step: resolves to the reason if it cannot run here, and throws if it fails. */
export type Step = (place: Place) => Promise<string | void>;

const QUIET = ["--log-level", "error"];
const LOOPBACK = ["--addr", "127.0.0.1:0", ...QUIET];

/** All steps, by name. */
export const STEPS: readonly (readonly [string, Step])[] = [
  ["client: all checks of a server with two threads", clientChecks],
  ["benchmark: two threads against a server, and a server of its own", benchmark],
  ["vrpc: list, call and openapi", commands],
  ["vrpc: serve, bench, version and completion", subCommands],
  ["enclave and host: over a Unix socket", enclaveAndHost],
  ["server: signs by FFI with libcrypto", signing],
  ["server and client: TLS", tls],
];

/** Resolves to what a program prints; throws an Error unless it ends with `code`. */
async function output(program: LineProcess, code = 0): Promise<string> {
  let text = "";
  for await (const line of program.lines()) text += `${line}\n`;
  assert.equal(await program.code(), code, text + await program.errors());
  return text;
}

/** Starts a server, and resolves to it and its address. */
async function serve(
  { start }: Place,
  threads: number,
): Promise<{ server: LineProcess; address: string }> {
  const startMs = performance.now();
  const server = start("server", ...LOOPBACK, "--workers", `${threads}`);
  const address = await server.address();
  const ms = performance.now() - startMs;
  console.log(`       server with ${threads} threads: listens after ${ms.toFixed(0)} ms`);
  return { server, address };
}

/** Resolves to what a server prints if it ends instead of listening. */
async function failureToListen(server: LineProcess): Promise<string | undefined> {
  try {
    await server.address();
  } catch {
    return (await server.errors()).trim();
  }
}

async function drain(server: LineProcess): Promise<void> {
  server.kill("SIGTERM");
  assert.equal(await server.code(), 0);
  assert.equal(await server.errors(), "");
}

async function clientChecks(place: Place): Promise<void> {
  const { server, address } = await serve(place, 2);
  for (const wire of ["grpc", "lean", "connect", "grpc-web"]) {
    const text = await output(place.start("client", "--addr", address, "--wire", wire));
    assert.match(text, /^[1-9]\d* passed, 0 failed$/m, text);
  }
  await drain(server);
}

async function benchmark(place: Place): Promise<void> {
  const { server, address } = await serve(place, 1);
  const load = ["--connections", "2", "--threads", "2", "--requests", "200"];
  for (const to of [["--server", address], ["--start-server", "on", "--service", "both"]]) {
    const text = await output(place.start("benchmark", ...to, ...load, "--output", "json"));
    const { runs } = JSON.parse(text) as ReportFile;
    for (const { successfulRequests, failedRequests, settings } of runs) {
      assert.deepEqual([successfulRequests, failedRequests, settings.threads], [200, 0, 2], text);
    }
    assert.equal(runs.length, to.includes("both") ? 2 : 1);
  }
  await drain(server);
}

async function commands(place: Place): Promise<void> {
  const { server, address } = await serve(place, 1);
  const echo = "vrpc.echo.v1.EchoService/Echo";
  assert.match(await output(place.start("vrpc", "list", address)), /vrpc\.echo\.v1\.EchoService/);
  assert.match(
    await output(place.start("vrpc", "call", address, echo, '{"payload":"aGk="}')),
    /"payload":\s*"aGk="/,
  );
  assert.match(await output(place.start("vrpc", "openapi", address)), /"openapi":\s*"3\.1/);
  // NOT_FOUND is 5, UNIMPLEMENTED 12: 64 is added.
  await output(place.start("vrpc", "call", address, "vrpc.echo.v1.EchoService/None", "{}"), 76);
  await drain(server);
}

async function subCommands({ start }: Place): Promise<void> {
  const server = start("vrpc", "serve", ...LOOPBACK, "--workers", "2");
  const address = await server.address();
  const load = ["--connections", "2", "--threads", "2", "--requests", "200", "--output", "json"];
  const { runs } = JSON.parse(
    await output(start("vrpc", "bench", "--server", address, ...load)),
  ) as ReportFile;
  assert.equal(runs[0].successfulRequests, 200);
  assert.match(await output(start("vrpc", "health", address)), /^SERVING$/m);
  assert.match(
    await output(start("vrpc", "--version")),
    /^vrpc \S+ \(Deno .*\), commit [0-9a-f]{12}$/m,
  );
  assert.match(await output(start("vrpc", "completion", "zsh")), /^#compdef vrpc$/m);
  await drain(server);
}

async function enclaveAndHost({ start, folder }: Place): Promise<void> {
  const enclave = start("enclave", "--addr", `unix:${join(folder, "enclave")}`, ...QUIET);
  const host = start("host", ...["--addr", "127.0.0.1:0"], "--enclave", await enclave.address());
  const url = await host.address();
  const response = await fetch(`${url}/echo`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"xid":"hello"}',
  });
  assert.equal(await response.text(), '{"dix":"olleh"}');
  for (const program of [host, enclave]) {
    program.kill("SIGTERM");
    assert.equal(await program.code(), 0);
  }
}

async function signing(place: Place): Promise<string | void> {
  const server = place.start("server", ...LOOPBACK, "--crypto-backend", "libcrypto");
  const failure = await failureToListen(server);
  if (failure === undefined) return await drain(server);
  assert.match(failure, /Cannot use libcrypto/);
  return failure;
}

async function tls({ folder, start }: Place): Promise<string | void> {
  const { cert, key } = await selfSigned();
  const files = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem") };
  await Deno.writeTextFile(files.cert, cert);
  await Deno.writeTextFile(files.key, key);
  try {
    const options = ["--tls-cert", files.cert, "--tls-key", files.key];
    const server = start("server", ...LOOPBACK, "--workers", "1", ...options);
    let address: string;
    try {
      address = await server.address();
    } catch {
      const errors = (await server.errors()).trim();
      assert.match(errors, /has no TLS servers on streams/);
      return errors;
    }
    await output(start("client", "--addr", address, "--tls-ca", files.cert));
    await drain(server);
  } finally {
    await Promise.all(Object.values(files).map((file) => Deno.remove(file)));
  }
}
