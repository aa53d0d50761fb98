/**
 * One large stream beside small calls, on the same connection and on another one.
 *
 * @module
 */

import { BEHIND_OTHERS, SERVER_V8_FLAGS } from "../../../bench/processes.ts";
import { type Channel, connect } from "../../../mod.ts";
import { LineProcess } from "../../fixtures/processes.ts";
import { Findings, type Outcome, percentile, startServer } from "./outcome.ts";

const STREAM_BYTES = 100 * 1024 * 1024;
const PIECE_BYTES = 64 * 1024;
const CALLS = 100;
const ROUNDS = 10;
/** Allowed factor on the latency of small calls. */
const LIMIT = 3;

/** Figures of one round. */
interface Round {
  readonly callsMs: number[];
  /** Lateness of a bare timer in this process: the delay added by the machine. */
  readonly lateMs: number[];
  /** Rate of the stream in bytes per second; 0 without a stream. */
  readonly bytesPerSecond: number;
}

/** Makes small calls, 100 in flight, without and beside a stream of 100 MiB in both directions. */
export async function bulk(wire: "grpc" | "lean"): Promise<Outcome> {
  const found = new Findings();
  await using server = await startServer();
  await using channel = connect(server.address, { wire, poolSize: 1 });
  await channel.ready();
  await smallCalls(channel);

  const idle: number[] = [];
  for (let round = 0; round < ROUNDS; round++) idle.push(...await smallCalls(channel));
  // Excludes compilation here too.
  await beside(channel, largeStream(channel));
  const same = await rounds(() => beside(channel, largeStream(channel)));
  const other = await rounds(async () => {
    // The measuring client gets priority on the shared core: only the server is under test.
    const child = new LineProcess([
      ...BEHIND_OTHERS,
      ...[Deno.execPath(), "run", "--quiet", "-A", "--no-check", SERVER_V8_FLAGS],
      new URL(import.meta.url).pathname,
      ...[server.address, wire],
    ]);
    // Excludes the start of the process.
    await child.line(/^started$/);
    const rate = child.line(/^\d.*$/).then(([text]) => Number(text));
    const round = await beside(channel, rate);
    await child.code();
    return round;
  });

  const idleMs = percentile(idle, 0.99);
  found.note(
    `small calls when idle: p50 ${percentile(idle, 0.5).toFixed(2)} ms, p99 ${
      idleMs.toFixed(2)
    } ms`,
  );
  for (const [where, round] of [["another", other], ["the same", same]] as const) {
    const p99Ms = percentile(round.callsMs, 0.99);
    const line = `p99 beside the stream on ${where} connection: ${p99Ms.toFixed(2)} ms ` +
      `(${(p99Ms / idleMs).toFixed(1)} times), ` +
      `the stream at ${(round.bytesPerSecond / 2 ** 20).toFixed(0)} MiB/s each way`;
    found.check(p99Ms <= LIMIT * idleMs, `${line}, ${round.callsMs.length} calls`);
    found.note(
      `  p50 of these ${
        percentile(round.callsMs, 0.5).toFixed(2)
      } ms; a bare timer of this process ` +
        `was ${percentile(round.lateMs, 0.99).toFixed(2)} ms late at p99`,
    );
  }
  return found;
}

async function rounds(one: () => Promise<Round>): Promise<Round> {
  const all: Round[] = [];
  for (let i = 0; i < ROUNDS; i++) all.push(await one());
  return {
    callsMs: all.flatMap((round) => round.callsMs),
    lateMs: all.flatMap((round) => round.lateMs),
    bytesPerSecond: percentile(all.map((round) => round.bytesPerSecond), 0.5),
  };
}

/** Makes small calls during the stream. */
async function beside(channel: Channel, stream: Promise<number>): Promise<Round> {
  let running = true;
  stream.finally(() => running = false);
  const lateMs: number[] = [];
  const timers = (async () => {
    while (running) {
      const startMs = performance.now();
      await new Promise((resolve) => setTimeout(resolve, 1));
      lateMs.push(performance.now() - startMs - 1);
    }
  })();
  const callsMs = await smallCalls(channel, () => running);
  const bytesPerSecond = await stream;
  await timers;
  return { callsMs, lateMs, bytesPerSecond };
}

/** Makes sequential small calls while `go` returns true, at most {@link CALLS}. */
async function smallCalls(channel: Channel, go: () => boolean = () => true): Promise<number[]> {
  const callsMs: number[] = [];
  for (let i = 0; i < CALLS && go(); i++) {
    const startMs = performance.now();
    await channel.call("/vrpc.echo.v1.EchoService/Echo", new Uint8Array([0x0a, 0x01, 0x2a]));
    callsMs.push(performance.now() - startMs);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return callsMs;
}

/** Sends the large stream and reads it back; resolves to its rate. */
async function largeStream(channel: Channel): Promise<number> {
  // An EchoStreamRequest: the tag of the payload, its length as a varint, the payload.
  const piece = new Uint8Array(4 + PIECE_BYTES);
  piece.set([0x0a, 0x80, 0x80, 0x04]);
  const count = STREAM_BYTES / PIECE_BYTES;
  const startMs = performance.now();
  await using session = channel.session("/vrpc.echo.v1.EchoService/EchoStream");
  const sending = (async () => {
    for (let i = 0; i < count; i++) await session.send(piece);
    session.closeSend();
  })();
  let received = 0;
  for await (const _ of session) received++;
  await sending;
  if (received !== count) throw new Error(`${received} messages came back, ${count} were sent`);
  return STREAM_BYTES / ((performance.now() - startMs) / 1000);
}

if (import.meta.main) {
  const [address, wire] = Deno.args;
  const channel = connect(address, { wire: wire === "lean" ? "lean" : "grpc", poolSize: 1 });
  await channel.ready();
  await largeStream(channel);
  console.log("started");
  console.log(await largeStream(channel));
  Deno.exit(0);
}
