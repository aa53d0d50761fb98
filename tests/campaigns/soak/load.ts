/**
 * Load of the soak: every kind of call on both wires, in ways that show leaks.
 *
 * @module
 */

import {
  bytesCodec,
  type Channel,
  type ChannelOptions,
  connect,
  RpcError,
  type ServiceConfig,
  Status,
} from "../../../mod.ts";
import { dial } from "../../../src/transport/mod.ts";
import process from "node:process";
import { sleep } from "../../fixtures/waiting.ts";

/** Counts of outcomes. */
export interface Counts {
  /** Calls and streams that ended as expected. */
  calls: number;
  /** Calls cancelled on purpose. */
  cancelled: number;
  /** Connections opened and closed. */
  churned: number;
  /** Unexpected failures, by message. */
  readonly unexpected: Map<string, number>;
}

/** Work that is repeated until the end of the round. */
export type Job = () => Promise<void>;

const SIZES = [0, 16, 64, 200, 1_000, 4_000, 20_000];
const payloads = SIZES.map((size) => new Uint8Array(size).fill(size));
const anyPayload = () => payloads[Math.floor(Math.random() * payloads.length)];
const anyMs = (most: number) => Math.random() * most;
// Node 20 keeps about 1.2 KB of every signal of AbortSignal.any as long as its sources exist.
const DERIVED_SIGNALS = process.versions.node.startsWith("20.") ? 0 : 0.5;

/** For calls whose first attempt always fails. */
export const retrying: ServiceConfig = {
  methodConfig: [{
    name: [{ service: "soak" }],
    retryPolicy: {
      maxAttempts: 3,
      initialBackoff: "0.005s",
      maxBackoff: "0.01s",
      backoffMultiplier: 2,
      retryableStatusCodes: ["UNAVAILABLE"],
    },
  }],
};

/** Creates the jobs on one long-lived channel. All calls get `signal`, which never aborts. */
export function channelJobs(channel: Channel, counts: Counts, signal: AbortSignal): Job[] {
  const echo = async (i: number) => {
    const payload = anyPayload();
    const reply = await channel.call("/echo", payload, {
      signal,
      timeoutMs: i % 2 === 0 ? 60_000 : undefined,
      metadata: i % 10 === 0 ? { "x-round": String(Math.random()) } : undefined,
    });
    expect(reply.length === payload.length, "An echo has another length");
    counts.calls++;
  };
  const unary: Job = async () => {
    for (let i = 0; i < 20; i++) {
      await Promise.all(Array.from({ length: 20 }, (_, j) => echo(i + j)));
    }
  };
  const failing: Job = async () => {
    await expectStatus(channel.call("/fail", anyPayload(), { signal }), Status.FAILED_PRECONDITION);
    counts.calls++;
    await sleep(5);
  };
  const cancelled: Job = async () => {
    const giveUp = new AbortController();
    const both = Math.random() < DERIVED_SIGNALS
      ? AbortSignal.any([giveUp.signal, signal])
      : giveUp.signal;
    const call = channel.call("/slow", anyPayload(), { signal: both });
    setTimeout(() => giveUp.abort(), anyMs(30));
    await expectStatus(call, Status.CANCELLED);
    counts.cancelled++;
  };
  const late: Job = async () => {
    const call = channel.call("/slow", anyPayload(), { signal, timeoutMs: 1 + anyMs(30) });
    await expectStatus(call, Status.DEADLINE_EXCEEDED);
    counts.cancelled++;
  };
  const left: Job = async () => {
    let seen = 0;
    const wanted = 1 + anyMs(300);
    for await (const _ of channel.stream("/ticks", anyPayload(), { signal })) {
      if (++seen > wanted) break;
    }
    counts.cancelled++;
  };
  const chat: Job = async () => {
    await using session = channel.session("/chat", { signal });
    const count = 1 + Math.floor(anyMs(50));
    for (let i = 0; i < count; i++) {
      await session.send(anyPayload());
      expect(await session.receive() !== null, "A session ended early");
      await sleep(1);
    }
    session.closeSend();
    expect(await session.receive() === null, "A session did not end");
    counts.calls++;
  };
  const count = channel.method<Uint8Array, Uint8Array>({
    path: "/count",
    kind: "client_streaming",
    requestCodec: bytesCodec,
    responseCodec: bytesCodec,
  });
  const upload: Job = async () => {
    const messages = Array.from({ length: Math.floor(anyMs(100)) }, anyPayload);
    const [counted] = await count.clientStreaming(messages, { signal });
    expect(counted === messages.length, "An upload lost messages");
    counts.calls++;
    await sleep(5);
  };
  const again: Job = async () => {
    await channel.call("/soak/SecondTime", anyPayload(), { signal });
    counts.calls++;
    await sleep(5);
  };
  return [unary, unary, failing, cancelled, late, left, chat, upload, again];
}

/** Opens short-lived channels, and sockets that are silent or send invalid or partial data. */
export function churnJobs(address: string, options: ChannelOptions, counts: Counts): Job[] {
  const channels: Job = async () => {
    {
      await using channel = connect(address, options);
      await Promise.all([1, 2, 3].map(() => channel.call("/echo", anyPayload())));
      // Half of them close with a call in flight.
      if (Math.random() < 0.5) channel.call("/slow", anyPayload()).catch(() => {});
    }
    counts.churned++;
    await sleep(anyMs(20));
  };
  const sockets: Job = async () => {
    const stream = await dial(address);
    const talk = ["", "P", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "\0\0\0"];
    const text = talk[Math.floor(Math.random() * talk.length)];
    if (text !== "") await stream.write(new TextEncoder().encode(text)).catch(() => {});
    await sleep(anyMs(20));
    stream.close();
    counts.churned++;
  };
  return [channels, sockets];
}

/** Repeats a job until `endMs` on the clock of `performance.now`, and counts failures. */
export async function repeat(job: Job, endMs: number, counts: Counts): Promise<void> {
  while (performance.now() < endMs) {
    try {
      await job();
    } catch (error) {
      const { name, message } = error as Error;
      const text = `${name}: ${message.replace(/\d+/g, "#").slice(0, 160)}`;
      counts.unexpected.set(text, (counts.unexpected.get(text) ?? 0) + 1);
      await sleep(10);
    }
  }
}

function expect(holds: boolean, text: string): void {
  if (!holds) throw new Error(text);
}

async function expectStatus(call: Promise<unknown>, wanted: Status): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (error instanceof RpcError && error.code === wanted) return;
    throw error;
  }
  throw new Error(`A call that should end with status ${wanted} succeeded`);
}
