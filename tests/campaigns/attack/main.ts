// deno task attack [--seconds N] [--only TEXT] [--wire grpc|lean|websocket|web|http1]
//
// Starts the real server program (for http1 the host program with an enclave), and for each class of attack a process
// with attacking connections beside a well-behaved client at 50 calls per second. An attack is contained when the server
// survives, its resident memory grows by at most 64 MiB, its descriptors are closed, the client gets no error, and the
// client's p99 is at most three times that beside legitimate traffic of the same bytes per second. Exits with 1 when one
// is not contained.
// Bodies of JSON go to the host program, see json_attacks.ts.

import { anyText, choice, number, readArguments, refuse } from "../../../scripts/arguments.ts";
import { selfSigned } from "../../../src/transport/certs.ts";
import type { Attack } from "./attack.ts";
import { ATTACKS } from "./catalog.ts";
import { ALPN } from "./raw_connection.ts";
import { sleep } from "../../fixtures/waiting.ts";
import { handshakeBytes } from "./handshake_bytes.ts";
import { moveToOtherCore, runAttacker, runLegitimate, ServerProcess } from "./processes.ts";
import { JSON_ATTACKS, runJsonAttacks } from "./json_attacks.ts";
import type { AttackerReport } from "./report.ts";
import { Witness } from "./witness.ts";

const MAX_GROWTH_MIB = 64;
const WARM_UP_SECONDS = 1.5;
const WARM_UP_BYTES_PER_SECOND = 100_000_000;
const MAX_P99_FACTOR = 3;
// 64 KiB/s: a lower rate would have seconds without traffic.
const LEAST_POWER = 16;
const MAX_DESCRIPTORS_LEFT = 20;
// Silent connections are closed after 5 s, and their descriptors with them.
const SETTLE_MS = 7_000;

const USAGE = `
deno task attack [--seconds N] [--only TEXT] [--wire grpc|lean|websocket|web|http1]

  --seconds N    how long each attack lasts; default 10, with which the p99 is the fifth longest of 500 calls
  --only TEXT    attacks whose names contain it; default all
  --wire WIRE    grpc, lean, websocket, web (gRPC-Web and Connect over HTTP/1.1) or http1; default all
`;

const { values } = readArguments(USAGE, {
  seconds: number(10, 0.1, 3_600),
  only: anyText(undefined),
  wire: choice(["grpc", "lean", "websocket", "web", "http1"], undefined),
});
const { seconds } = values;

interface Round {
  readonly attack: Attack;
  readonly ca?: string;
}

interface Result extends Round {
  readonly report: AttackerReport;
  /** Bytes sent by the attacker, with TLS handshakes. */
  readonly bytesPerSecond: number;
  readonly growthMib: number;
  readonly p99Ms: number;
  /** The client's p99 beside legitimate traffic of the same bytes. */
  readonly legitimateMs: number;
  readonly errors: string[];
  readonly problems: string[];
}

// By wire, TLS and a power of two of bytes per second: measured once each.
const references = new Map<string, number>();

async function reference(server: ServerProcess, round: Round, bytesPerSecond: number) {
  const power = Math.max(LEAST_POWER, Math.round(Math.log2(Math.max(1, bytesPerSecond))));
  const { wire, victim = "server" } = round.attack;
  const key = `${victim} ${wire} ${round.ca === undefined ? "" : "TLS "}${power}`;
  const known = references.get(key);
  if (known !== undefined) return known;
  const task = { wire, hostname: "127.0.0.1", port: server.port, ca: round.ca };
  const witness = new Witness(task);
  await sleep(300);
  witness.take();
  await runLegitimate({ ...task, seconds }, 2 ** power);
  const { p99Ms } = witness.take();
  await witness.stop();
  references.set(key, p99Ms);
  return p99Ms;
}

async function descriptorsBack(server: ServerProcess, before: number): Promise<number> {
  const endMs = performance.now() + SETTLE_MS;
  for (;;) {
    const more = server.descriptors() - before;
    if (more <= MAX_DESCRIPTORS_LEFT || performance.now() > endMs || !server.alive) return more;
    await sleep(100);
  }
}

async function run(server: ServerProcess, round: Round): Promise<Result> {
  const { attack, ca } = round;
  const task = { wire: attack.wire, hostname: "127.0.0.1", port: server.port, ca };
  const witness = new Witness(task);
  await sleep(300);
  witness.take();
  const before = { mib: server.residentMib(), descriptors: server.descriptors() };
  let peakMib = before.mib;
  const sampler = setInterval(() => peakMib = Math.max(peakMib, server.residentMib()), 20);
  const report = await runAttacker({ ...task, name: attack.name, root: server.root, seconds });
  clearInterval(sampler);
  const { p99Ms, errors } = witness.take();
  const left = await descriptorsBack(server, before.descriptors);
  await witness.stop();
  const shakeBytes = ca === undefined || !server.alive
    ? 0
    : await handshakeBytes(server.port, ca, ALPN[attack.wire]);
  const bytesPerSecond = (report.bytesSent + report.connections * shakeBytes) / seconds;
  const legitimateMs = server.alive ? await reference(server, round, bytesPerSecond) : NaN;
  const growthMib = peakMib - before.mib;
  const problems: string[] = [];
  if (!server.alive) problems.push(`the server ended: ${server.stderr.slice(-3).join("")}`);
  if (growthMib > MAX_GROWTH_MIB) problems.push(`memory grew by ${growthMib.toFixed(0)} MiB`);
  if (left > MAX_DESCRIPTORS_LEFT) problems.push(`${left} descriptors are left`);
  if (errors.length > 0) problems.push(`${errors.length} errors: ${errors[0]}`);
  if (p99Ms > MAX_P99_FACTOR * legitimateMs) problems.push("p99 above its limit");
  return { ...round, report, bytesPerSecond, growthMib, p99Ms, legitimateMs, errors, problems };
}

const COLUMNS = [-8, -44, 9, -46, 7, 8, 8, 9, 6] as const;

function line(cells: readonly string[]): string {
  return cells.map((cell, i) => {
    const width = COLUMNS[i] ?? 0;
    return width < 0 ? cell.padEnd(-width) : cell.padStart(width);
  }).join("  ");
}

function print(
  { attack, ca, report, bytesPerSecond, growthMib, p99Ms, legitimateMs, errors, problems }: Result,
): void {
  const answers = report.answers.map(([what, count]) => `${what} ×${count}`).join(", ");
  const closed = report.medianLifetimeMs === null
    ? "–"
    : `${report.medianLifetimeMs.toFixed(0)} ms`;
  console.log(line([
    ca === undefined ? attack.wire : `${attack.wire}+TLS`,
    attack.name,
    (bytesPerSecond / 2 ** 20).toFixed(2),
    answers === "" ? "–" : answers,
    closed,
    growthMib.toFixed(0),
    p99Ms.toFixed(1),
    legitimateMs.toFixed(1),
    String(errors.length),
    problems.length === 0 ? "contained" : `NOT CONTAINED: ${problems.join("; ")}`,
  ]));
}

const attacks = ATTACKS.filter(({ name, wire }) =>
  (values.wire === undefined || wire === values.wire) &&
  (values.only === undefined || name.includes(values.only))
);
const wantsJson = (name: string) =>
  values.wire === undefined && (values.only === undefined || name.includes(values.only));
if (attacks.length === 0 && !Object.keys(JSON_ATTACKS).some(wantsJson)) {
  refuse(`Cannot find an attack with "${values.only}" in its name`);
}
const certificate = await selfSigned();
const directory = await Deno.makeTempDir();
const certFile = `${directory}/cert.pem`;
const keyFile = `${directory}/key.pem`;
await Deno.writeTextFile(certFile, certificate.cert);
await Deno.writeTextFile(keyFile, certificate.key);
await moveToOtherCore();

console.log(
  `${attacks.length} attacks of ${seconds} s each; Deno ${Deno.version.deno}, ` +
    `${navigator.hardwareConcurrency} cores; p99 of a client at 50 calls/s, growth of resident memory\n`,
);
const head = [
  "wire",
  "attack",
  "MiB/s",
  "answers",
  "closed",
  "MiB",
  "p99 ms",
  "legit ms",
  "errors",
];
console.log(line([...head, ""]));
let failed = 0;
let running: ServerProcess | undefined;
try {
  for (const tls of [false, true]) {
    const chosen = attacks.filter((attack) =>
      attack.tls === "only" ? tls : !tls || attack.tls === true
    );
    if (chosen.length === 0) continue;
    const ca = tls ? certificate.cert : undefined;
    const start = ({ wire, victim }: Attack) =>
      victim === "attested"
        ? ServerProcess.startAttested({ certFile, keyFile })
        : wire === "http1"
        ? ServerProcess.startHost()
        : ServerProcess.start(tls ? { certFile, keyFile } : undefined);
    for (const attack of chosen) {
      // A new server each time: memory left by an earlier attack would hide the growth.
      const server = running = await start(attack);
      const { port } = server;
      // The warm-up allocates heap and compiled code that remain.
      const task = { wire: attack.wire, hostname: "127.0.0.1", port, ca, seconds: WARM_UP_SECONDS };
      await runLegitimate(task, WARM_UP_BYTES_PER_SECOND);
      const result = await run(server, { attack, ca });
      print(result);
      if (result.problems.length > 0) failed++;
      await server.stop();
    }
  }
  await runJsonAttacks(seconds, wantsJson, (result) => {
    const { name, bodiesPerSecond, p99Ms, legitimateMs, problems } = result;
    const outcome = problems.length === 0 ? "contained" : `NOT CONTAINED: ${problems.join("; ")}`;
    const rate = `${bodiesPerSecond.toFixed(1)} bodies/s`;
    const figures = [p99Ms.toFixed(1), legitimateMs.toFixed(1), String(problems.length)];
    console.log(line(["http", name, "", rate, "–", "–", ...figures, outcome]));
    if (problems.length > 0) failed++;
  });
} finally {
  await running?.stop();
  await Deno.remove(directory, { recursive: true });
}
console.log(failed === 0 ? "\nall contained" : `\n${failed} not contained`);
Deno.exit(failed === 0 ? 0 : 1);
