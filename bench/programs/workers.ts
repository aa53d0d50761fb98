/**
 * Two workers against one: what a call costs when a server uses both of two cores. Every worker is an
 * isolate of its own with a listening socket of its own on the same port (SO_REUSEPORT), so there is nothing
 * to share and to wait for; this shows that it is so.
 *
 *     deno task bench:workers [--rounds 9] [--seconds 2] [--cores 0,1] [--policy batch] [--per-second N]
 *
 * Both servers run all the time, may use both cores, and are loaded in turn by h2load with 10 connections
 * and 10 calls in flight on each, 64-byte echo. Judged is the server process's CPU time per call from
 * /proc/PID/stat, compiling and collecting included: two workers may take at most 1.15 times what one takes,
 * else the exit code is 1. The ratio is the median of the rounds' own ratios, as the two measurements of a
 * round are neighbours in time and find the machine in the same state.
 *
 * How to keep it fair on two cores, when h2load needs one of them:
 *
 * - The rates say nothing: one worker leaves h2load a core of its own, two must share theirs with it. They
 *   are printed to show what state the machine was in. CPU time is charged to whom it is due, but for the
 *   switches between threads that sharing causes, and for these see the next point.
 * - Profiles of both servers (perf) show the same time in JavaScript, and the difference in the kernel, in
 *   waking threads and putting them to sleep. A worker that shares its core with h2load is woken, ahead of
 *   h2load, by the first connection that h2load writes to: it finds 17 calls at a time where one worker with
 *   a core to itself finds 33. With load from other cores there would be no such preemption, so the servers
 *   run by SCHED_BATCH, which does without it, with one worker as with two. `--policy other` is the
 *   scheduler's default.
 * - Load is as much as the servers take. At a fixed rate below that (`--per-second`) the comparison says
 *   something else: ten connections that are ready at once take one worker a single wake-up and two workers
 *   two, at some 6 µs each in a virtual machine. Idle threads of any server pay that, busy ones don't.
 * - The kernel spreads connections over the workers by hash, rarely 5 and 5: over the rounds that evens out,
 *   so there are at least 5 rounds.
 * - Two workers compile everything twice and get half of the calls each: they warm up for twice as long.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { machine } from "../processes.ts";
import { echoServer } from "../peers/peers.ts";
import { median } from "../peers/report.ts";
import { type Running, startServer, versionOf } from "../peers/tools.ts";
import { h2load, type Sample } from "../peers/workloads.ts";

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
  // Whoever is first in a round may find the machine in another state.
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
