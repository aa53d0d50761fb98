/**
 * Compares load generators on one server: this project's benchmark, ghz and h2load, on one core, with the server
 * on the other. Where the server is the limit, the rates must agree; where the generator is, less CPU time per
 * call is better.
 *
 *     deno run -A bench/programs/generators.ts [SECONDS [REPEATS]]
 *
 * The generators alternate, and the best run of each counts, because other load only makes runs slower.
 *
 * Needs h2load (nghttp2) and taskset; without ghz on the PATH or in `VRPC_GHZ` it is skipped.
 *
 * @module
 */

import { create, toBinary } from "@bufbuild/protobuf";
import { EchoRequestSchema } from "../../proto/gen/vrpc/echo/v1/echo_pb.ts";
import { buildGo } from "../peers/peers.ts";
import { run, startServer, versionOf } from "../peers/tools.ts";

const SECONDS = Number(Deno.args[0] ?? 5);
const REPEATS = Number(Deno.args[1] ?? 3);
const CORE = { server: 0, generator: 1 };
const ROOT = new URL("../../", import.meta.url).pathname;
const PAYLOAD = new Uint8Array(64).fill(97);
const SHAPES = [{ connections: 10, streams: 1 }, { connections: 10, streams: 10 }, {
  connections: 100,
  streams: 10,
}];
const GHZ = Deno.env.get("VRPC_GHZ") ?? "ghz";

interface Measured {
  readonly perSecond: number;
  readonly cpuUs: number;
}

interface Service {
  readonly server: string;
  readonly command: string[];
  readonly env?: Record<string, string>;
  readonly method: string;
  readonly proto: string;
  readonly protoPath: string;
}

type Shape = (typeof SHAPES)[number];

/** Runs a generator on its core; returns its output and its total CPU time in seconds. */
async function timed(command: string[]): Promise<{ stdout: string; cpuSeconds: number }> {
  const times = await Deno.makeTempFile();
  try {
    const script = 'exec 3>&2; TIMEFORMAT="%U %S"; { time "$@" 2>&3; } 2>"$TIMES"';
    const stdout = await run(
      ["taskset", "-c", String(CORE.generator), "bash", "-c", script, "bash", ...command],
      { env: { TIMES: times, NO_COLOR: "1" } },
    );
    const [user, system] = (await Deno.readTextFile(times)).trim().split(" ").map(Number);
    return { stdout, cpuSeconds: user + system };
  } finally {
    await Deno.remove(times);
  }
}

function message(): Uint8Array {
  // The payload is field 1 of both services.
  return toBinary(EchoRequestSchema, create(EchoRequestSchema, { payload: PAYLOAD }));
}

async function ours(service: Service, address: string, shape: Shape): Promise<Measured> {
  const { stdout, cpuSeconds } = await timed([
    ...[Deno.execPath(), "run", "-A", `${ROOT}cmd/benchmark.ts`, "--server", address],
    ...["--method", service.method, "--proto", service.proto, "--proto-path", service.protoPath],
    ...["--data", JSON.stringify({ payload: PAYLOAD.toBase64() }), "--threads", "1"],
    ...["--connections", String(shape.connections), "--streams", String(shape.streams)],
    ...["--duration", `${SECONDS}s`, "--output", "json"],
  ]);
  const { runs: [result] } = JSON.parse(stdout);
  if (result.failedRequests > 0) throw new Error(`${result.failedRequests} calls failed`);
  return {
    perSecond: result.requestsPerSecond,
    cpuUs: (result.cpu.generatorMs ?? cpuSeconds * 1000) * 1000 / result.totalRequests,
  };
}

async function h2load(service: Service, address: string, shape: Shape): Promise<Measured> {
  const body = await Deno.makeTempFile();
  try {
    const encoded = message();
    const framed = new Uint8Array(5 + encoded.length);
    new DataView(framed.buffer).setUint32(1, encoded.length);
    framed.set(encoded, 5);
    await Deno.writeFile(body, framed);
    const { stdout, cpuSeconds } = await timed([
      ...["h2load", "-t", "1", "-c", String(shape.connections), "-m", String(shape.streams)],
      ...["-D", String(SECONDS), "-d", body, "-H", "te: trailers"],
      ...["-H", "content-type: application/grpc", `http://${address}/${service.method}`],
    ]);
    const perSecond = Number(/finished in [\d.]+s, ([\d.]+) req\/s/.exec(stdout)?.[1]);
    const calls = Number(/(\d+) succeeded/.exec(stdout)?.[1]);
    return { perSecond, cpuUs: cpuSeconds * 1e6 / calls };
  } finally {
    await Deno.remove(body);
  }
}

async function ghz(service: Service, address: string, shape: Shape): Promise<Measured> {
  const { stdout, cpuSeconds } = await timed([
    ...[GHZ, "--insecure", "--cpus", "1", "--format", "json"],
    ...["--proto", service.proto, "--import-paths", service.protoPath],
    ...["--call", service.method, "-d", JSON.stringify({ payload: PAYLOAD.toBase64() })],
    ...["-c", String(shape.connections * shape.streams)],
    ...["--connections", String(shape.connections), "-z", `${SECONDS}s`, address],
  ]);
  const report = JSON.parse(stdout);
  return { perSecond: report.rps, cpuUs: cpuSeconds * 1e6 / report.count };
}

const services: Service[] = [
  {
    server: "vrpc",
    command: [Deno.execPath(), "run", "-A", `${ROOT}cmd/server.ts`, "--addr", "127.0.0.1:0"],
    env: { WORKER_THREADS: "1", LOG_LEVEL: "error" },
    method: "vrpc.echo.v1.EchoService/Echo",
    proto: `${ROOT}proto/vrpc/echo/v1/echo.proto`,
    protoPath: `${ROOT}proto`,
  },
  {
    server: "grpc-go",
    command: [await buildGo(), "server", "127.0.0.1:0"],
    env: { GOMAXPROCS: "1" },
    method: "bench.Echo/Unary",
    proto: `${ROOT}bench/peers/echo.proto`,
    protoPath: `${ROOT}bench/peers`,
  },
];
const generators = {
  "vrpc benchmark": ours,
  h2load,
  ...(await versionOf([GHZ, "--version"]) !== undefined && { ghz }),
};

console.log("| server | connections × streams | generator | calls/s | generator CPU a call |");
console.log("| --- | --- | --- | ---: | ---: |");
for (const service of services) {
  await using server = await startServer(service.command, CORE.server, service.env);
  for (const shape of SHAPES) {
    const best = new Map<string, Measured>();
    for (let i = 0; i < REPEATS; i++) {
      for (const [name, measure] of Object.entries(generators)) {
        const found = await measure(service, server.address, shape);
        const before = best.get(name);
        best.set(name, {
          perSecond: Math.max(found.perSecond, before?.perSecond ?? 0),
          cpuUs: Math.min(found.cpuUs, before?.cpuUs ?? Infinity),
        });
      }
    }
    for (const [name, { perSecond, cpuUs }] of best) {
      const load = `${shape.connections} × ${shape.streams}`;
      const cells = [service.server, load, name, Math.round(perSecond), `${cpuUs.toFixed(1)} μs`];
      console.log(`| ${cells.join(" | ")} |`);
    }
  }
}
