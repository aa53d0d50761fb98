// Environment variables of all programs: names, and values that can't be meant.

import assert from "node:assert/strict";
import { connect, serve } from "../../mod.ts";
import { addCrypto, addEcho } from "../../src/services/mod.ts";
import { type LineProcess, Processes } from "../fixtures/processes.ts";

/** Names without `VRPC_`. */
const BARE = [
  ...["SERVER_ADDR", "WORKER_THREADS", "LOG_LEVEL", "CONNECTIONS", "CONCURRENT_REQUESTS"],
  ...["THREADS", "REQUESTS", "TOTAL_REQUESTS", "RATE_LIMIT", "TRANSPORT", "SERVICE"],
  ...["BENCHMARK_TYPE", "DURATION", "ENCLAVE_ADDR", "HOST_ADDR"],
];

/** Names of the environment that programs had before, or that other programs use. */
const FOREIGN = {
  MODE: "production",
  DATA: "/data",
  OUT: "/no/such/folder/out",
  OUTPUT: "verbose",
  METHOD: "GET",
  WIRE: "copper",
  TIMEOUT: "none",
  TIMEOUT_MS: "none",
  CONNECT_TIMEOUT_MS: "none",
  TLS: "required",
  TLS_CERT: "/no/such/cert",
  TLS_KEY: "/no/such/key",
  TLS_CA: "/no/such/ca",
  GRACE_MS: "long",
  PID_FILE: "/no/such/folder/pid",
  METRICS_ADDR: "everywhere",
  LOG_FORMAT: "json",
  REFLECTION: "maybe",
  COMPRESS: "brotli",
  MAX_STREAMS: "lots",
  MAX_MESSAGE_BYTES: "1MB",
  MAX_BODY_BYTES: "1MB",
  CRYPTO_BACKEND: "hsm",
  ALLOW_CID: "nobody",
  BATCH: "large",
  SEED: "flower",
  PRESET: "unknown",
  PROGRESS: "some",
  COMPARE: "/no/such/report",
  FAIL_IF: "never",
  PROTO: "https",
  STREAMS: "wide",
  PAYLOAD: "heavy",
  WARMUP: "cold",
  ARRIVALS: "late",
  START_SERVER: "please",
};

const PROGRAMS = ["benchmark", "client", "demo", "enclave", "host", "server", "vrpc"];

for (const name of PROGRAMS) {
  Deno.test(`${name} --help names its variables: VRPC_..., or one of the names users asked for`, async () => {
    await using processes = new Processes();
    const child = processes.program(name, ["--help"], { env: FOREIGN });
    const help = (await Array.fromAsync(child.lines())).join("\n");
    assert.equal(await child.code(), 0);
    const found = [...help.matchAll(/env:\s+(\w+)/g)].map(([, variable]) => variable);
    assert.deepEqual(found.filter((one) => !one.startsWith("VRPC_") && !BARE.includes(one)), []);
    if (name !== "demo") assert.ok(found.length > 5, help);
  });
}

async function ended(
  child: LineProcess,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const stdout = (await Array.fromAsync(child.lines())).join("\n");
  return { code: await child.code(), stdout, stderr: await child.errors() };
}

Deno.test("programs take nothing from the variables of other programs", async () => {
  await using processes = new Processes();
  const server = processes.program("server", ["--addr", "127.0.0.1:0", "--workers", "1"], {
    env: FOREIGN,
  });
  const address = await server.address();
  const enclave = processes.program("enclave", ["--addr", "127.0.0.1:0"], { env: FOREIGN });
  const host = processes.program(
    "host",
    ["--addr", "127.0.0.1:0", "--enclave", await enclave.address()],
    { env: FOREIGN },
  );
  const url = await host.address();
  const page = await fetch(`${url}/healthz`);
  assert.equal(page.status, 200);
  await page.body?.cancel();
  const client = await ended(processes.program("client", ["--addr", address], { env: FOREIGN }));
  assert.equal(client.code, 0, client.stderr);
  assert.equal(client.stderr, "");
  const bench = ["--server", address, "-n", "5", "-c", "1"];
  const report = await ended(processes.program("benchmark", bench, { env: FOREIGN }));
  assert.equal(report.code, 0, report.stderr);
  assert.match(report.stdout, /^Successful requests: 5$/m);
  assert.equal(report.stderr, "");
});

Deno.test("a value that can't be meant is a warning and the default", async () => {
  await using processes = new Processes();
  const env = { WORKER_THREADS: "auto", LOG_LEVEL: "verbose", RUST_LOG: "loud" };
  const server = processes.program("server", ["--addr", "127.0.0.1:0"], { env });
  const address = await server.address();
  {
    await using channel = connect(address);
    await channel.ready();
  }
  server.kill("SIGTERM");
  const errors = (await ended(server)).stderr.split("\n");
  assert.equal(
    errors[0],
    "server: ignored WORKER_THREADS=auto of the environment: it must be a whole number from 1 to 256",
  );
  assert.match(
    errors[1],
    /^server: ignored LOG_LEVEL=verbose of the environment: it must be one of/,
  );
  assert.match(errors[2], /^server: ignored RUST_LOG=loud of the environment: it must have one of/);
});

Deno.test("SERVER_ADDR, ENCLAVE_ADDR, HOST_ADDR and CONNECTIONS that can't be meant are ignored", async () => {
  await using processes = new Processes();
  const first = (name: string, env: Record<string, string>, args: string[] = []) =>
    ended(processes.program(name, ["--connect-timeout-ms", "300", ...args], { env }));
  // Nothing may listen on the default port: it is enough that the program chose it.
  const client = await first("client", { SERVER_ADDR: "https://api.example/v1" });
  assert.match(client.stderr, /^client: ignored SERVER_ADDR=https:\/\/api\.example\/v1 of the env/);
  assert.doesNotMatch(client.stderr, /invalid/);
  const help = (name: string, env: Record<string, string>) =>
    ended(processes.program(name, ["--help"], { env }));
  const cases: [program: string, variable: string, value: string][] = [
    ["enclave", "ENCLAVE_ADDR", "arn:aws:nitro"],
    ["host", "ENCLAVE_ADDR", "arn:aws:nitro"],
    ["host", "HOST_ADDR", "example"],
    ["host", "CONNECTIONS", "postgres://"],
    ["server", "SERVER_ADDR", "10.0.0.1"],
  ];
  for (const [program, variable, value] of cases) {
    // The help still names the variable, and shows the default.
    const { code, stdout } = await help(program, { [variable]: value });
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`env:\\s+${variable}\\b`), program);
  }
});

Deno.test("a flag decides without a warning, and is an error itself", async () => {
  await using server = await serve("127.0.0.1:0", (router) => {
    addEcho(router);
    addCrypto(router);
  });
  await using processes = new Processes();
  const env = { SERVER_ADDR: "nowhere", SERVICE: "payments" };
  const good = await ended(
    processes.program("benchmark", [
      ...["--server", server.addresses[0], "--service", "echo", "-n", "5", "-c", "1"],
    ], { env }),
  );
  assert.equal(good.code, 0, good.stderr);
  assert.equal(good.stderr, "");
  const bad = await ended(processes.program("benchmark", ["--service", "payments"], { env }));
  assert.equal(bad.code, 2);
  assert.match(bad.stderr, /'payments' is invalid\. It must be echo, crypto or both/);
});
