/**
 * Compares this project with grpc-go, tonic, grpc-js, connect-node and connect-go: the same echo service, servers on one core,
 * load on another, rounds interleaved.
 *
 *     deno task bench:peers [--rounds 3] [--seconds 3] [--peers vrpc,tonic] [--workloads pump,clients]
 *                           [--earlier CHECKOUT] [--out build/peers]
 *
 * Prints tables, and writes them as `peers.md` and `peers.json` after each round; `summary.ts` makes the table and the
 * chart of the documentation of them. Peers that can't be built are skipped with the reason.
 *
 * @module
 */

import { cpus, release } from "node:os";
import { join } from "node:path";
import { anyText, choices, number, readArguments, refuse, whole } from "../../scripts/arguments.ts";
import { buildGo, buildPeers, earlierPeer, PEERS, RUNTIME_PEERS } from "./peers.ts";
import type { Peer } from "./peer.ts";
import { type Row, tables } from "./report.ts";
import type { Loaders, Sample, Workload } from "./sample.ts";
import { startServer, tlsArguments, versionOf } from "./tools.ts";
import { CLIENTS, measureClient, WORKLOADS } from "./workloads.ts";

const SERVER_CORE = 0;
const LOAD_CORE = 1;
const WARM_UP_SECONDS = 1;

const KNOWN = [...WORKLOADS, ...CLIENTS].map((workload) => workload.id);
const USAGE = `
deno task bench:peers [--rounds N] [--seconds N] [--peers A,B] [--workloads A,B]
                      [--earlier CHECKOUT] [--out FOLDER]

  --rounds N       default 3
  --seconds N      of each measurement; default 3
  --peers A,B      of ${PEERS.join(", ")}; default all these;
                   and ${RUNTIME_PEERS.join(", ")}
  --workloads A,B  of ${KNOWN.join(", ")}; default all
  --earlier DIR    another checkout of this project, as one more peer
  --out FOLDER     default build/peers
`;

const { values } = readArguments(USAGE, {
  rounds: whole(3, 1, 10_000),
  seconds: number(3, 0.1, 3_600),
  peers: { ...choices([...PEERS, ...RUNTIME_PEERS]), initial: PEERS },
  workloads: choices(KNOWN),
  earlier: anyText(undefined),
  out: anyText("build/peers"),
});
const { rounds, seconds, workloads: only } = values;

for (const tool of ["taskset", "h2load"]) {
  if (await versionOf([tool, "--version"]) === undefined) {
    console.error(`${tool} is missing: install Debian's util-linux and nghttp2-client`);
    Deno.exit(2);
  }
}
if (cpus().length < 2) {
  console.error("Two cores are needed: one for the server, one for the load");
  Deno.exit(2);
}

console.error("building …");
const { peers, skipped } = await buildPeers(values.peers);
if (peers.length === 0) refuse(`Cannot build any peer: ${skipped.join("; ")}`);
if (values.earlier !== undefined) peers.push(await earlierPeer(values.earlier));
const go = await buildGo().catch(() => undefined);
const workloads = WORKLOADS.filter((workload) => only.includes(workload.id));
const clientWorkloads = CLIENTS.filter((workload) => only.includes(workload.id));
const missing = [
  ...(go ? [] : ["go"]),
  ...(await versionOf(["which", "wrk"]) === undefined ? ["wrk"] : []),
];
const impossible = workloads.filter(({ needs }) => needs !== undefined && missing.includes(needs));
for (const { id, needs } of impossible) skipped.push(`${id}: needs ${needs}, which makes the load`);
for (const one of skipped) console.error(`skipped ${one}`);
const loaders: Loaders = { core: LOAD_CORE, go };

const rows: Row[] = [];
function rowOf(workload: { id: string; name: string; unit: string; bytes?: number }, peer: Peer) {
  let row = rows.find((one) => one.workload === workload.id && one.peer === peer.name);
  if (!row) {
    const { id, name, unit, bytes } = workload;
    row = { workload: id, name, unit, bytes, peer: peer.name, ours: peer.ours, samples: [] };
    rows.push(row);
  }
  return row;
}

async function record(row: Row, round: number, measure: () => Promise<Sample>): Promise<void> {
  try {
    const sample = await measure();
    row.samples.push(sample);
    console.error(
      `round ${round}  ${row.name}  ${row.peer}: ${Math.round(sample.rate)} ${row.unit}/s, ` +
        `${sample.cpuUs.toFixed(2)} µs`,
    );
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    row.failure = message.replace(/^.* ended with (?=\d+: )/s, "exit code ")
      .replaceAll(/[\s|]+/g, " ").slice(0, 240);
    console.error(`round ${round}  ${row.name}  ${row.peer}: ${row.failure}`);
  }
}

async function measureServer(workload: Workload, peer: Peer): Promise<Sample> {
  const { mode, connect, tls } = workload;
  const command = [
    ...peer.server,
    ...(connect === undefined ? [] : ["--connect", connect]),
    ...(mode === undefined ? [] : ["--mode", mode]),
    ...(tls === undefined ? [] : await tlsArguments(tls)),
  ];
  await using server = await startServer(command, SERVER_CORE, peer.env);
  if (workload.warmsUp) return await workload.measure(server, seconds, loaders);
  await workload.measure(server, WARM_UP_SECONDS, loaders);
  await new Promise((resolve) => setTimeout(resolve, 200));
  if (server.alive) return await workload.measure(server, seconds, loaders);
  // The server crashed when its first client disconnected: the new one is measured without a warm-up.
  await using another = await startServer(command, SERVER_CORE, peer.env);
  return await workload.measure(another, seconds, loaders);
}

// All clients call the same fast server, to compare the clients.
const target = peers.find((peer) => peer.name === "tonic") ??
  peers.find((peer) => peer.name === "grpc-go") ?? peers[0];
const callers = peers.filter((peer) => peer.clients !== undefined);

const startMs = performance.now();
const machine = `${cpus()[0].model.trim()}, ${cpus().length} cores, Linux ${release()}`;
const date = new Date().toISOString().slice(0, 10);
const loadVersion = await versionOf(["h2load", "--version"]);
await Deno.mkdir(values.out, { recursive: true });

/** Writes what was measured so far; returns the tables. */
async function write(rounds: number): Promise<string> {
  const about = [
    `${date}; ${machine}; ${loadVersion}`,
    `${rounds} interleaved rounds of ${seconds} s; median (lowest–highest); server on one core, ` +
    `load on another; the clients call ${target.name}`,
    peers.map((peer) => `${peer.name}: ${peer.version}`).join("; "),
    ...skipped.map((one) => `skipped: ${one.split("\n")[0]}`),
  ];
  const text = `${tables(rows)}\n${about.map((line) => `- ${line}`).join("\n")}\n`;
  const versions = Object.fromEntries(peers.map((peer) => [peer.name, peer.version]));
  const result = { date, machine, rounds, seconds, loadVersion, versions, skipped, rows };
  await Deno.writeTextFile(join(values.out, "peers.json"), JSON.stringify(result, null, 2));
  await Deno.writeTextFile(join(values.out, "peers.md"), text);
  return text;
}

for (let round = 1; round <= rounds; round++) {
  for (const workload of workloads) {
    if (impossible.includes(workload)) continue;
    const protocol = workload.connect === undefined ? "grpc" : "connect";
    for (const peer of peers.filter(({ protocols }) => protocols.includes(protocol))) {
      await record(rowOf(workload, peer), round, () => measureServer(workload, peer));
    }
  }
  for (const workload of clientWorkloads) {
    for (const peer of callers) {
      await record(rowOf(workload, peer), round, async () => {
        await using server = await startServer(target.server, SERVER_CORE, target.env);
        const command = peer.clients![workload.message];
        return await measureClient(command, peer.env, server, seconds, LOAD_CORE);
      });
    }
  }
  await write(round);
  const minutes = (performance.now() - startMs) / 60_000;
  console.error(`round ${round} of ${rounds} is done after ${minutes.toFixed(1)} minutes`);
}

console.log(await write(rounds));
console.error(`wrote ${values.out}/peers.json and peers.md`);
