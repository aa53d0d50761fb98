/**
 * gRPC's interoperability cases with grpc-go and grpc-js, in both directions.
 *
 * @module
 */

import { join } from "node:path";
import { makeCertificates } from "./certificates.ts";
import { ourProgram } from "./our_program.ts";
import { capture, freePort, type Served, start } from "./process.ts";
import type { Counts, Program, Stage } from "./stage.ts";
import { CACHE, install, ROOT, TOOLS } from "./tools.ts";

/** Cases of all implementations. */
const CASES = [
  "empty_unary",
  "large_unary",
  "client_streaming",
  "server_streaming",
  "ping_pong",
  "empty_stream",
  "timeout_on_sleeping_server",
  "cancel_after_begin",
  "cancel_after_first_response",
  "status_code_and_message",
  "special_status_message",
  "custom_metadata",
  "unimplemented_method",
  "unimplemented_service",
];
const SOAKS = ["rpc_soak", "channel_soak"];
const SOAK_FLAGS = [
  "--soak_iterations=1000",
  "--soak_num_threads=10",
  "--soak_max_failures=0",
  "--soak_per_iteration_max_acceptable_latency_ms=5000",
  "--soak_overall_timeout_seconds=180",
];

const program = (name: string) => join(ROOT, "tests/compat/interop", name);
const ours = (name: string, ...args: string[]) =>
  ourProgram(`tests/compat/interop/${name}`, ...args);

async function ourServer(tls: boolean): Promise<Served> {
  const files = tls ? await makeCertificates() : undefined;
  return await start(ours(
    "server.ts",
    "--addr",
    "127.0.0.1:0",
    ...(files ? ["--tls_cert", files.cert, "--tls_key", files.key] : []),
  ));
}

/** Runs the client of grpc-go: one process per case, whose exit code is the result. */
async function goClient(limitMs: number, tls: boolean, cases: string[]): Promise<Counts> {
  const client = await install(TOOLS.interopClient);
  await using server = await ourServer(tls);
  const { ca } = tls ? await makeCertificates() : { ca: "" };
  const port = server.address.slice(server.address.lastIndexOf(":") + 1);
  const reports: string[] = [];
  for (const name of cases) {
    const { code, output } = await capture([
      client,
      "--server_host=127.0.0.1",
      `--server_port=${port}`,
      `--test_case=${name}`,
      ...(tls ? ["--use_tls", "--use_test_ca", `--ca_file=${ca}`] : []),
      ...(SOAKS.includes(name) ? SOAK_FLAGS : []),
    ], { limitMs });
    if (code !== 0) reports.push(`${name}: ${output.slice(-1500)}`);
  }
  return counts(cases.length, reports);
}

/** Starts the server of grpc-go, and dials its port until it accepts: it prints nothing when it listens. */
async function goServer(tls: boolean): Promise<Served> {
  const server = await install(TOOLS.interopServer);
  const port = freePort();
  const files = tls ? await makeCertificates() : undefined;
  const child = new Deno.Command(server, {
    args: [
      `--port=${port}`,
      ...(files
        ? ["--use_tls", `--tls_cert_file=${files.cert}`, `--tls_key_file=${files.key}`]
        : []),
    ],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const address = `127.0.0.1:${port}`;
  const deadline = performance.now() + 30_000;
  while (true) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      break;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  const stop = async () => {
    child.kill("SIGKILL");
    await child.status;
  };
  return { address, pid: child.pid, output: () => "", [Symbol.asyncDispose]: stop };
}

/** Runs a client program of this project, which prints `PASS name` or `FAIL name: reason`. */
async function runClient(limitMs: number, command: string[]): Promise<Counts> {
  const { output } = await capture(command, { limitMs });
  const passed = output.match(/^PASS /gm)?.length ?? 0;
  const failed = output.match(/^FAIL /gm)?.length ?? 0;
  return {
    passed,
    total: passed + failed,
    report: failed > 0 || passed === 0 ? output.slice(-6000) : undefined,
  };
}

async function ourClient(limitMs: number, tls: boolean, cases: string): Promise<Counts> {
  await using server = await goServer(tls);
  const { ca } = tls ? await makeCertificates() : { ca: "" };
  return await runClient(
    limitMs,
    ours(
      "client.ts",
      "--addr",
      server.address,
      "--test_case",
      cases,
      ...(tls ? ["--tls_ca", ca] : []),
      "--soak_per_iteration_max_acceptable_latency_ms=5000",
    ),
  );
}

async function compressionCases(limitMs: number): Promise<Counts> {
  await using server = await ourServer(false);
  return await runClient(
    limitMs,
    ours("client.ts", "--addr", server.address, "--test_case", "compression"),
  );
}

async function grpcJsClient(limitMs: number, tls: boolean): Promise<Counts> {
  await using server = await ourServer(tls);
  const { ca } = tls ? await makeCertificates() : { ca: "" };
  return await runClient(
    limitMs,
    ours("grpc_js_client.ts", "--addr", server.address, ...(tls ? ["--tls_ca", ca] : [])),
  );
}

async function grpcJsServer(limitMs: number, tls: boolean): Promise<Counts> {
  const { ca, cert, key } = await makeCertificates();
  await using server = await start(
    tls
      ? ["node", await bundle("grpc_js_server.ts"), "--tls_cert", cert, "--tls_key", key]
      : ours("grpc_js_server.ts"),
  );
  return await runClient(
    limitMs,
    ours("client.ts", "--addr", server.address, ...(tls ? ["--tls_ca", ca] : [])),
  );
}

/** Bundles a program into one file for Node: the TLS server of grpc-js does not work on Deno. */
async function bundle(name: string): Promise<string> {
  const file = join(CACHE, name.replace(/ts$/, "mjs"));
  const command = [Deno.execPath(), "bundle", "--platform", "deno", "-o", file, program(name)];
  const { code, output } = await capture(command, { limitMs: 120_000 });
  if (code !== 0) throw new Error(`Cannot bundle ${name}: ${output}`);
  return file;
}

function counts(total: number, failures: string[]): Counts {
  return {
    total,
    passed: total - failures.length,
    report: failures.length > 0 ? failures.join("\n") : undefined,
  };
}

type Direction = (limitMs: number, tls: boolean) => Promise<Counts>;

const overBoth = (
  name: string,
  needs: readonly Program[],
  expected: number,
  run: Direction,
): Stage[] =>
  [false, true].map((tls) => ({
    name: `${name}, ${tls ? "TLS" : "TCP"}`,
    expected,
    needs,
    limitSeconds: 180,
    run: (limitMs: number) => run(limitMs, tls),
  }));

/** Stages with other implementations of gRPC as the peer. */
export const INTEROP_STAGES: Stage[] = [
  ...overBoth(
    "interop, grpc-go client, our server",
    ["go"],
    CASES.length,
    (ms, tls) => goClient(ms, tls, CASES),
  ),
  ...overBoth(
    "interop, our client, grpc-go server",
    ["go"],
    CASES.length,
    (ms, tls) => ourClient(ms, tls, "all"),
  ),
  {
    name: "interop, compression, ours both ends",
    expected: 4,
    needs: [],
    limitSeconds: 60,
    run: compressionCases,
  },
  ...overBoth(
    "soak, grpc-go client, our server",
    ["go"],
    SOAKS.length,
    (ms, tls) => goClient(ms, tls, SOAKS),
  ),
  ...overBoth(
    "soak, our client, grpc-go server",
    ["go"],
    SOAKS.length,
    (ms, tls) => ourClient(ms, tls, SOAKS.join(",")),
  ),
  ...overBoth("interop, grpc-js client, our server", [], CASES.length, grpcJsClient),
  ...overBoth("interop, our client, grpc-js server", ["node"], CASES.length, grpcJsServer),
];
