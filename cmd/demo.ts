/**
 * The demonstration: a server process, the checks of the client, and five seconds of load.
 *
 *     deno task demo
 *
 * @module
 */

import { type Channel, connect } from "../mod.ts";
import { Algorithm, CryptoService, KeyType } from "../proto/gen/vrpc/crypto/v1/crypto_pb.ts";
import { EchoService } from "../proto/gen/vrpc/echo/v1/echo_pb.ts";
import { addExamples } from "./shared/examples.ts";
import { program, readOptions, runProgram } from "./shared/program.ts";
import { table } from "./shared/table.ts";
import { settledWithin } from "./shared/waits.ts";

/** Load to run. */
interface Load {
  readonly name: string;
  /** Number of connections. */
  readonly connections: number;
  /** Number of calls in flight. */
  readonly inFlight: number;
  readonly durationMs: number;
  makeCall(channel: Channel): () => Promise<unknown>;
}

const PAYLOAD = new Uint8Array(64);

/** Deadline of each call. */
const CALL = { timeoutMs: 10_000 };
/** Longest wait for the server to listen. */
const START_TIMEOUT_MS = 60_000;
/** Longest wait for the server to end, above the time that it gives to open calls. */
const END_TIMEOUT_MS = 10_000;

const echo = (channel: Channel) => {
  const client = channel.client(EchoService);
  return () => client.echo({ payload: PAYLOAD }, CALL);
};

const sign = (channel: Channel) => {
  const client = channel.client(CryptoService);
  const request = {
    keyType: KeyType.ECDSA_P256,
    algorithm: Algorithm.ECDSA_SHA256,
    data: PAYLOAD,
  };
  return () => client.sign(request, CALL);
};

const LOADS: readonly Load[] = [
  { name: "echo, one at a time", connections: 1, inFlight: 1, durationMs: 1_500, makeCall: echo },
  { name: "echo, 100 open", connections: 10, inFlight: 100, durationMs: 2_000, makeCall: echo },
  { name: "P-256, 20 open", connections: 2, inFlight: 20, durationMs: 1_500, makeCall: sign },
];

/** Result of a load. */
interface Outcome {
  readonly callsPerSecond: number;
  readonly failed: number;
  /** Sorted latencies, in ms. */
  readonly latenciesMs: Float64Array;
}

async function run(load: Load, address: string): Promise<Outcome> {
  const channels = Array.from({ length: load.connections }, () => connect(address));
  await Promise.all(channels.map((channel) => channel.ready({ timeoutMs: 5_000 })));
  const latenciesMs: number[] = [];
  let failed = 0;
  const startMs = performance.now();
  const endMs = startMs + load.durationMs;
  const callRepeatedly = async (call: () => Promise<unknown>) => {
    for (let sentMs = startMs; sentMs < endMs;) {
      sentMs = performance.now();
      try {
        await call();
        latenciesMs.push(performance.now() - sentMs);
      } catch {
        failed++;
      }
    }
  };
  const callers = Array.from(
    { length: load.inFlight },
    (_, i) => callRepeatedly(load.makeCall(channels[i % channels.length])),
  );
  await Promise.all(callers);
  const seconds = (performance.now() - startMs) / 1000;
  await Promise.all(channels.map((channel) => channel.close()));
  return {
    callsPerSecond: latenciesMs.length / seconds,
    failed,
    latenciesMs: Float64Array.from(latenciesMs).sort(),
  };
}

function row(load: Load, { callsPerSecond, failed, latenciesMs }: Outcome): string[] {
  const percentile = (share: number) => {
    const at = Math.min(latenciesMs.length - 1, Math.floor(latenciesMs.length * share));
    return at < 0 ? "" : (latenciesMs[at] * 1000).toFixed(0);
  };
  return [
    load.name,
    callsPerSecond.toFixed(0),
    percentile(0.5),
    percentile(0.99),
    percentile(1),
    String(failed),
  ];
}

/** Starts a program of this directory with its standard output piped. */
function start(name: "server" | "client", args: string[]): Deno.ChildProcess {
  const script = new URL(`./${name}.ts`, import.meta.url).pathname;
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", script, ...args],
    stdout: name === "server" ? "piped" : "inherit",
    stderr: "inherit",
  }).spawn();
}

/** Reads the `listening ADDRESS` line and discards the rest of the output. */
async function listeningAddress(server: Deno.ChildProcess): Promise<string> {
  const [first, rest] = server.stdout.tee();
  rest.pipeTo(new WritableStream()).catch(() => {});
  let text = "";
  for await (const chunk of first.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const match = text.match(/^listening (\S+)$/m);
    if (match) return match[1];
  }
  throw new Error("The server ended before listening");
}

/** As {@link listeningAddress}. Rejects when the server does not listen in time. */
async function startedAddress(server: Deno.ChildProcess): Promise<string> {
  const address = listeningAddress(server);
  if (await settledWithin(address, START_TIMEOUT_MS)) return await address;
  throw new Error(`The server did not listen within ${START_TIMEOUT_MS} ms`);
}

/** Ends the server, by force if it does not end by itself. */
async function end(server: Deno.ChildProcess): Promise<void> {
  const status = server.status;
  const ended = await settledWithin(status, 0);
  if (!ended) server.kill("SIGTERM");
  if (!await settledWithin(status, END_TIMEOUT_MS)) server.kill("SIGKILL");
  await status;
}

async function main(): Promise<number> {
  readOptions(
    addExamples(
      program("demo", "Runs a server process, the checks of the client, and five seconds of load."),
      [["", "all of it"]],
    ),
  );
  // One server thread leaves the other cores to the load.
  const server = start("server", [
    "--addr",
    "127.0.0.1:0",
    "--workers",
    "1",
    "--log-level",
    "warn",
  ]);
  try {
    const address = await startedAddress(server);
    console.log(`Server on ${address} (one thread). Checks of the client:\n`);
    const { code } = await start("client", ["--addr", address]).status;
    if (code !== 0) return code;
    console.log("\nLoad from this process, 64-byte payloads:\n");
    const rows = [["load", "calls/s", "p50 µs", "p99 µs", "max µs", "failed"]];
    let failed = 0;
    for (const load of LOADS) {
      const outcome = await run(load, address);
      failed += outcome.failed;
      rows.push(row(load, outcome));
    }
    console.log(table(rows));
    return failed === 0 ? 0 : 1;
  } finally {
    await end(server);
  }
}

await runProgram("demo", main);
