/**
 * CPU time per call of a server with two workers against one with a single worker, on two cores. Workers are
 * isolates with their own listening sockets on one port (SO_REUSEPORT): they share nothing, and should cost the
 * same per call.
 *
 *     deno task bench:workers [--rounds 9] [--seconds 2] [--cores 0,1] [--policy batch] [--per-second N]
 *
 * Both servers run throughout on both cores. h2load loads them alternately: 10 connections with 10 calls in flight,
 * 64-byte echo. The figure is the CPU time per call of the server process from /proc/PID/stat, with compilation and
 * garbage collection. Two workers may cost at most 1.15 times as much as one, else the exit code is 1. The ratio is
 * the median over the rounds of the ratio within a round, whose two measurements are close in time.
 *
 * Fairness on two cores, one of which h2load needs:
 *
 * - Rates do not count: one worker leaves a core to h2load, two share theirs with it. They are printed to show the
 *   state of the machine. CPU time is charged to the right process, except for additional thread switches.
 * - Profiles (perf) of both servers show the same time in JavaScript; the difference is in the kernel, in waking
 *   threads. A worker on the core of h2load preempts it at the first connection with data and finds 17 calls at a
 *   time; with a core to itself it finds 33. Load from other machines would not cause this, so the servers run
 *   under SCHED_BATCH, which does not preempt. `--policy other` is the default of the scheduler.
 * - The load is as high as the servers can take. At a fixed lower rate (`--per-second`), ten connections that are
 *   ready together cost one worker one wake-up and two workers two, about 6 µs each in a virtual machine. Idle
 *   threads of any server pay that, busy ones do not.
 * - The kernel assigns connections to workers by hash, rarely 5 and 5. At least 5 rounds even that out.
 * - Two workers compile everything twice and get half of the calls each, so they warm up for twice as long.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { machine } from "../processes.ts";
import { echoServer } from "../peers/peers.ts";
import { median } from "../peers/report.ts";
import { type Running, startServer, versionOf } from "../peers/tools.ts";
import { h2load } from "../peers/h2load.ts";
import type { Sample } from "../peers/sample.ts";

const LIMIT = 1.15;
const LEAST_ROUNDS = 5;
const WARM_UP_SECONDS = 3;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "9" },
    seconds: { type: "string", default: "2" },
    cores: { type: "string", default: "0,1" },
    policy: { type: "string", default: "batch" },
    "per-second": { type: "string" },
  },
});
const rounds = Math.max(LEAST_ROUNDS, Number(values.rounds));
const seconds = Number(values.seconds);
const { cores } = values;

for (const tool of ["taskset", "chrt", "h2load"]) {
  if (await versionOf([tool, "--version"]) !== undefined) continue;
  console.error(`${tool} is missing: install Debian's util-linux and nghttp2-client`);
  Deno.exit(2);
}

const load = h2load(10, 10, 64, { perSecond: Number(values["per-second"] ?? 0) });
const start = (workers: number) =>
  startServer(["chrt", `--${values.policy}`, "0", ...echoServer(workers)], cores);
await using one = await start(1);
await using two = await start(2);
const servers: { workers: number; server: Running; samples: Sample[] }[] = [
  { workers: 1, server: one, samples: [] },
  { workers: 2, server: two, samples: [] },
];
console.log(`${machine()}, ${await versionOf(["h2load", "--version"])}`);
console.log(`64-byte echo, 10 connections × 10 in flight, ${rounds} rounds of ${seconds} s`);
const full = h2load(10, 10, 64);
for (const { workers, server } of servers) {
  await full(server, WARM_UP_SECONDS * workers, { core: cores });
}
for (let round = 1; round <= rounds; round++) {
  // The order alternates, because the first in a round may find the machine in another state.
  for (const { workers, server, samples } of round % 2 ? servers : servers.toReversed()) {
    const sample = await load(server, seconds, { core: cores });
    samples.push(sample);
    console.log(
      `round ${round}, ${workers} worker${workers > 1 ? "s" : ""}: ${
        sample.cpuUs.toFixed(3)
      } µs CPU per call, ${Math.round(sample.rate)} calls/s`,
    );
  }
}
const [single, double] = servers.map(({ samples }) => samples.map((sample) => sample.cpuUs));
const ratio = median(double.map((cpuUs, round) => cpuUs / single[round]));
const over = ratio > LIMIT;
console.log(
  `medians: 1 worker ${median(single).toFixed(3)} µs, 2 workers ${median(double).toFixed(3)} µs; ` +
    `ratio ${ratio.toFixed(3)}, limit ${LIMIT}: ${over ? "too much" : "ok"}`,
);
if (over) Deno.exitCode = 1;
