/**
 * Compares what load generators cost while they have little to do: this project's benchmark and ghz in an open loop at
 * 2,000 calls/s against a server of grpc-go. Prints the CPU time of their whole processes, without that of a run of no
 * length, and how late they sent their calls.
 *
 *     deno run -A bench/programs/idle_generators.ts [SECONDS [REPEATS]]
 *
 * The generators alternate, and the median of each counts. Without ghz on the PATH or in `VRPC_GHZ` it is skipped. The
 * lateness of ghz is that of its own times of start, beside a schedule that begins with its earliest call.
 *
 * @module
 */

import { buildGo } from "../peers/peers.ts";
import { run, startServer, versionOf } from "../peers/tools.ts";

const SECONDS = Number(Deno.args[0] ?? 10);
const REPEATS = Number(Deno.args[1] ?? 3);
const RATE = 2_000;
const CONNECTIONS = 10;
const ROOT = new URL("../../", import.meta.url).pathname;
const GHZ = Deno.env.get("VRPC_GHZ") ?? "ghz";
const METHOD = "bench.Echo/Unary";
const DATA = JSON.stringify({ payload: new Uint8Array(64).fill(97).toBase64() });

interface Measured {
  readonly cores: number;
  readonly calls: number;
  readonly lateMsP50: number;
  readonly lateMsP99: number;
  readonly latencyMsP99: number;
}

interface Detail {
  readonly timestamp: string;
  readonly latency: number;
}

/** Runs a command; returns its output and the CPU time of its process in seconds. */
async function timed(command: string[]): Promise<{ stdout: string; cpuSeconds: number }> {
  const times = await Deno.makeTempFile();
  try {
    const script = 'exec 3>&2; TIMEFORMAT="%U %S"; { time "$@" 2>&3; } 2>"$TIMES"';
    const stdout = await run(["bash", "-c", script, "bash", ...command], {
      env: { TIMES: times, NO_COLOR: "1" },
    });
    const [user, system] = (await Deno.readTextFile(times)).trim().split(" ").map(Number);
    return { stdout, cpuSeconds: user + system };
  } finally {
    await Deno.remove(times);
  }
}

/** Runs for `SECONDS`, and for almost no time, whose CPU time is that of starting. */
async function running(command: (seconds: number) => string[]) {
  const start = await timed(command(0.01));
  const whole = await timed(command(SECONDS));
  return { stdout: whole.stdout, cores: (whole.cpuSeconds - start.cpuSeconds) / SECONDS };
}

async function ours(address: string): Promise<Measured> {
  const { stdout, cores } = await running((seconds) => [
    ...[Deno.execPath(), "run", "-A", `${ROOT}cmd/benchmark.ts`, "--server", address],
    ...["--method", METHOD, "--proto", `${ROOT}bench/peers/echo.proto`, "--data", DATA],
    ...["--connections", String(CONNECTIONS), "--rate", String(RATE)],
    ...["--duration", `${seconds}s`, "--output", "json"],
  ]);
  const { runs: [{ schedule, totalRequests, latency }] } = JSON.parse(stdout);
  const { p50, p99 } = schedule.lateness.percentilesUs;
  return {
    cores,
    calls: totalRequests,
    lateMsP50: p50 / 1000,
    lateMsP99: p99 / 1000,
    latencyMsP99: latency.percentilesUs.p99 / 1000,
  };
}

async function ghz(address: string): Promise<Measured> {
  const { stdout, cores } = await running((seconds) => [
    ...[GHZ, "--insecure", "--async", "--format", "json", "--call", METHOD, "-d", DATA],
    ...["--proto", `${ROOT}bench/peers/echo.proto`, "--import-paths", `${ROOT}bench/peers`],
    ...["-c", String(CONNECTIONS), "--connections", String(CONNECTIONS), "--rps", String(RATE)],
    ...["-n", String(Math.ceil(RATE * seconds)), address],
  ]);
  const { details, latencyDistribution } = JSON.parse(stdout);
  const p99 = latencyDistribution.find((one: { percentage: number }) => one.percentage === 99);
  const late = latenessMs(details).sort((a, b) => a - b);
  return {
    cores,
    calls: details.length,
    lateMsP50: late[Math.floor(late.length * 0.5)],
    lateMsP99: late[Math.floor(late.length * 0.99)],
    latencyMsP99: p99.latency / 1e6,
  };
}

/** Returns how much later than every 1/RATE s each call began. ghz writes the time of the end of a call. */
function latenessMs(details: readonly Detail[]): number[] {
  const starts = details.map(({ timestamp, latency }) => epochMs(timestamp) - latency / 1e6)
    .sort((a, b) => a - b);
  const behind = starts.map((start, i) => start - starts[0] - i * 1000 / RATE);
  const first = behind.reduce((a, b) => Math.min(a, b), 0);
  return behind.map((ms) => ms - first);
}

/** Parses a time with nanoseconds. */
function epochMs(text: string): number {
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? "0";
  return Date.parse(text.replace(/\.\d+/, "")) + Number(`0.${fraction}`) * 1000;
}

function median(runs: readonly Measured[], of: (one: Measured) => number): number {
  return runs.map(of).sort((a, b) => a - b)[Math.floor(runs.length / 2)];
}

await using server = await startServer([await buildGo(), "server", "127.0.0.1:0"], "0,1");
const generators: [string, (address: string) => Promise<Measured>][] = [["benchmark", ours]];
if (await versionOf([GHZ, "--version"]) !== undefined) generators.push(["ghz", ghz]);
const runs = new Map<string, Measured[]>(generators.map(([name]) => [name, []]));
for (let i = 0; i < REPEATS; i++) {
  for (const [name, measure] of generators) runs.get(name)!.push(await measure(server.address));
}
console.log("| generator | calls | cores | late, p50 | late, p99 | latency, p99 |");
console.log("| --------- | ----- | ----- | --------- | --------- | ------------ |");
for (const [name, all] of runs) {
  const cells = [
    name,
    median(all, ({ calls }) => calls),
    median(all, ({ cores }) => cores).toFixed(3),
    ...(["lateMsP50", "lateMsP99", "latencyMsP99"] as const)
      .map((key) => `${median(all, (one) => one[key]).toFixed(3)} ms`),
  ];
  console.log(`| ${cells.join(" | ")} |`);
}
