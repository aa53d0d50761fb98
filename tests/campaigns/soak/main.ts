/**
 * The soak: mixed load on both wires for a long time, between two processes whose heaps and descriptors must not
 * grow. Exits with 1 when they grow or a call ends unexpectedly.
 *
 *     deno task soak --minutes 60
 *
 * Each round is load, then silence, a forced collection on both sides, and a line of figures.
 *
 * @module
 */

import { type ChannelOptions, connect } from "../../../mod.ts";
import { childProcess } from "../../../bench/processes.ts";
import { number, readArguments, whole } from "../../../scripts/arguments.ts";
import { type Figures, measure } from "./figures.ts";
import { channelJobs, churnJobs, type Counts, type Job, repeat, retrying } from "./load.ts";
import { growth } from "./verdict.ts";

const USAGE = `
deno task soak [--minutes N] [--rounds N]

  --minutes N    how long; default 10
  --rounds N     how often memory is measured, 6 or more; default 2 each minute, 12 at least
`;

const { values: { minutes, ...values } } = readArguments(USAGE, {
  minutes: number(10, 0.01, 100_000),
  rounds: whole(undefined, 6, 1_000_000),
});
const rounds = values.rounds ?? Math.max(12, Math.round(minutes * 2));

/** Time for calls in flight to end before memory is measured. */
const SETTLE_MS = 1_500;

await using server = await childProcess(new URL("server.ts", import.meta.url), [], [
  "--v8-flags=--expose-gc",
]);
const { addresses: [plain, secure, figures], ca } = JSON.parse(server.line);

const counts: Counts = { calls: 0, cancelled: 0, churned: 0, unexpected: new Map() };
// One signal for all calls, which must not keep listeners.
const { signal } = new AbortController();
const tls = { ca, serverName: "localhost" };

const ways: [address: string, options: ChannelOptions][] = [
  [plain, { wire: "grpc" }],
  [plain, { wire: "lean" }],
  [plain, { wire: "grpc", batch: true, compress: true }],
  [secure, { wire: "grpc", tls }],
  [secure, { wire: "lean", tls }],
];
const channels = ways.map(([address, options]) =>
  connect(address, { ...options, serviceConfig: retrying })
);
const jobs: Job[] = [
  ...channels.flatMap((channel) => channelJobs(channel, counts, signal)),
  ...ways.slice(0, 2).flatMap(([address, options]) => churnJobs(address, options, counts)),
  churnJobs(secure, { wire: "grpc", tls }, counts)[0],
];

await using meter = connect(figures, { wire: "lean" });
/** Unexpected failures already printed, so that each is printed in its round only. */
const told = new Map<string, number>();
const mine: Figures[] = [];
const theirs: Figures[] = [];
const roundMs = Math.max(1_000, (minutes * 60_000) / rounds - SETTLE_MS);
const startMs = performance.now();

console.log("minute  calls  cancelled  churned   client heap+buffers, rss, fds   server");
for (let round = 0; round < rounds; round++) {
  const endMs = performance.now() + roundMs;
  await Promise.all(jobs.map((job) => repeat(job, endMs, counts)));
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const reply = await meter.call("/figures", new Uint8Array());
  theirs.push(JSON.parse(new TextDecoder().decode(reply)));
  mine.push(await measure());
  const minute = ((performance.now() - startMs) / 60_000).toFixed(1);
  console.log(
    [
      minute.padStart(6),
      counts.calls,
      counts.cancelled,
      counts.churned,
      "",
      shown(mine[round]),
      "",
      shown(theirs[round]),
    ].join("  "),
  );
  for (const [text, count] of counts.unexpected) {
    if (count !== told.get(text)) console.log(`        ${count} × ${text}`);
    told.set(text, count);
  }
}

await Promise.all(channels.map((channel) => channel.close()));
const problems = [
  ...growth("client", mine),
  ...growth("server", theirs),
  ...[...counts.unexpected].map(([text, count]) => `${count} × ${text}`),
];
for (const problem of problems) console.log(`FAILED ${problem}`);
if (problems.length === 0) {
  console.log(`ok: flat over ${rounds} rounds, ${counts.calls} calls behind one signal`);
}
await meter.close();
await server[Symbol.asyncDispose]();
Deno.exit(problems.length === 0 ? 0 : 1);

function shown({ heapBytes, externalBytes, residentBytes, descriptors }: Figures): string {
  const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(2);
  return `${mib(heapBytes)}+${mib(externalBytes)} MiB, ${
    mib(residentBytes)
  } MiB, ${descriptors} fds`;
}
