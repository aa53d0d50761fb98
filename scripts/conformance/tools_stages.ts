/**
 * Common tools against this project's server: grpcurl, ghz and curl.
 *
 * @module
 */

import { join } from "node:path";
import { makeCertificates } from "./certificates.ts";
import { ourProgram } from "./our_program.ts";
import { capture, start } from "./process.ts";
import type { Counts, Stage } from "./stage.ts";
import { install, ROOT, TOOLS } from "./tools.ts";

/** Command with its expected exit code and output. */
interface Check {
  command: string[];
  code: number;
  holds: RegExp;
}

const server = (...args: string[]) =>
  start(ourProgram("tests/compat/interop/server.ts", "--addr", "127.0.0.1:0", ...args));

async function runAll(checks: Check[], limitMs: number): Promise<Counts> {
  const failures: string[] = [];
  for (const { command, code, holds } of checks) {
    const outcome = await capture(command, { limitMs });
    if (outcome.code === code && holds.test(outcome.output)) continue;
    failures.push(
      `${command.slice(1).join(" ")}: exit code ${outcome.code} (${code}), ` +
        `no ${holds} in: ${outcome.output.slice(0, 1500)}`,
    );
  }
  return {
    passed: checks.length - failures.length,
    total: checks.length,
    report: failures.join("\n"),
  };
}

const SERVICE = "grpc.testing.TestService";

/** Exit code of grpcurl: 64 plus the status code. */
const grpcurlExit = (status: number) => 64 + status;

function grpcurlChecks(curl: (...args: string[]) => string[], address: string): Check[] {
  const proto = ["-import-path", join(ROOT, "proto"), "-proto", "grpc/testing/testing.proto"];
  const call = (method: string, data: string, ...options: string[]) =>
    curl(...options, "-d", data, address, `${SERVICE}/${method}`);
  return [
    { command: curl(address, "list"), code: 0, holds: /grpc\.testing\.TestService/ },
    { command: curl(address, "list", SERVICE), code: 0, holds: /TestService\.UnaryCall/ },
    { command: curl(address, "describe", SERVICE), code: 0, holds: /rpc FullDuplexCall/ },
    {
      command: curl(address, "describe", "grpc.testing.SimpleRequest"),
      code: 0,
      holds: /int32 response_size = 2/,
    },
    { command: call("UnaryCall", '{"responseSize":3}'), code: 0, holds: /"body": "AAAA"/ },
    {
      command: call("UnaryCall", '{"responseSize":3}', ...proto),
      code: 0,
      holds: /"body": "AAAA"/,
    },
    {
      command: call("StreamingOutputCall", '{"responseParameters":[{"size":3},{"size":6}]}'),
      code: 0,
      holds: /"AAAA"[^]*"AAAAAAAA"/,
    },
    {
      command: call("StreamingInputCall", '{"payload":{"body":"AAAA"}}{"payload":{"body":"AAAA"}}'),
      code: 0,
      holds: /"aggregatedPayloadSize": 6/,
    },
    {
      command: call(
        "FullDuplexCall",
        '{"responseParameters":[{"size":3}]}{"responseParameters":[{"size":6}]}',
      ),
      code: 0,
      holds: /"AAAA"[^]*"AAAAAAAA"/,
    },
    {
      command: call("UnaryCall", '{"responseStatus":{"code":9,"message":"not now"}}'),
      code: grpcurlExit(9),
      holds: /FailedPrecondition[^]*not now/,
    },
    { command: call("UnimplementedCall", "{}"), code: grpcurlExit(12), holds: /Unimplemented/ },
    {
      command: curl(address, "grpc.health.v1.Health/Check"),
      code: 0,
      holds: /"status": "SERVING"/,
    },
  ];
}

async function grpcurl(limitMs: number, tls: boolean): Promise<Counts> {
  const program = await install(TOOLS.grpcurl);
  const files = await makeCertificates();
  await using running = await server(
    ...(tls ? ["--tls_cert", files.cert, "--tls_key", files.key] : []),
  );
  const security = tls ? ["-cacert", files.ca] : ["-plaintext"];
  const curl = (...args: string[]) => [program, ...security, ...args];
  return await runAll(grpcurlChecks(curl, running.address), limitMs);
}

async function ghz(limitMs: number): Promise<Counts> {
  const program = await install(TOOLS.ghz);
  await using running = await server();
  const run = (method: string, data: string, total: number) => ({
    command: [
      program,
      "--insecure",
      "--call",
      `${SERVICE}.${method}`,
      "-n",
      String(total),
      "-c",
      "20",
      "-d",
      data,
      running.address,
    ],
    code: 0,
    holds: new RegExp(`\\[OK\\]\\s+${total} responses`),
  });
  return await runAll([
    run("UnaryCall", '{"responseSize":64}', 2000),
    run("StreamingOutputCall", '{"responseParameters":[{"size":64},{"size":64}]}', 500),
    run("FullDuplexCall", '[{"responseParameters":[{"size":64}]}]', 500),
  ], limitMs);
}

async function curl(limitMs: number): Promise<Counts> {
  await using running = await server();
  const get = (...args: string[]) => ["curl", "-sS", "-i", ...args, `http://${running.address}/`];
  return await runAll([
    { command: get("--http2-prior-knowledge"), code: 0, holds: /^HTTP\/2 200/ },
    { command: get("--http2-prior-knowledge", "-d", "x"), code: 0, holds: /^HTTP\/2 200/ },
  ], limitMs);
}

/** Stages with common tools. */
export const TOOLS_STAGES: Stage[] = [
  {
    name: "grpcurl, TCP",
    expected: 12,
    needs: ["go"],
    limitSeconds: 120,
    run: (limitMs) => grpcurl(limitMs, false),
  },
  {
    name: "grpcurl, TLS",
    expected: 12,
    needs: ["go"],
    limitSeconds: 120,
    run: (limitMs) => grpcurl(limitMs, true),
  },
  { name: "ghz", expected: 3, needs: ["go"], limitSeconds: 120, run: ghz },
  { name: "curl, HTTP/2", expected: 2, needs: ["curl"], limitSeconds: 60, run: curl },
];
