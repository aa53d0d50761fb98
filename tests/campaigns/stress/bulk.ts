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
/** How much longer the small calls may take. */
const LIMIT = 3;

/** What one round saw. */
interface Round {
  readonly callsMs: number[];
  /** How late a bare timer of this process was meanwhile: what the machine alone adds. */
  readonly lateMs: number[];
  /** Bytes of the stream each second; 0 when there was none. */
  readonly bytesPerSecond: number;
}

/** 100 small calls at a time, without and beside a stream of 100 MiB there and back. */
export async function bulk(wire: "grpc" | "lean"): Promise<Outcome> {
  const found = new Findings();
  await using server = await startServer();
  await using channel = connect(server.address, { wire, poolSize: 1 });
  await channel.ready();
  await smallCalls(channel);

  const idle: number[] = [];
  for (let round = 0; round < ROUNDS; round++) idle.push(...await smallCalls(channel));
  // Nor here is it what code costs that runs for the first time.
  await beside(channel, largeStream(channel));
  const same = await rounds(() => beside(channel, largeStream(channel)));
  const other = await rounds(async () => {
    // The one that measures goes first where the clients share a core: it is the server that is looked at.
    const child = new LineProcess([
      ...BEHIND_OTHERS,
      ...[Deno.execPath(), "run", "--quiet", "-A", "--no-check", SERVER_V8_FLAGS],
      new URL(import.meta.url).pathname,
      ...[server.address, wire],
    ]);
    // Not what a starting process does to the machine is measured.
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

/** Small calls while the stream lasts. */
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

/** Small calls, one after the other, as long as `go` says so: at most {@link CALLS}. */
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
