/**
 * Very many open bidirectional streams with occasional messages.
 *
 * @module
 */

import { build } from "hdr-histogram-js";
import { connect, type Session } from "../../../mod.ts";
import { cpuMs } from "../../../bench/processes.ts";
import { Findings, inProcess, type Outcome, residentMib, startServer, until } from "./outcome.ts";

const PER_CONNECTION = 100;
const EVERY_MS = 10_000;
const PROCESSES = 2;
const LIMIT_MS = 1_000;
const OPEN_TIMEOUT_MS = 120_000;

/** Figures of one process of streams. */
interface Seen {
  readonly streams: number;
  readonly messages: number;
  readonly openedMs: number;
  readonly errors: Record<string, number>;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  /** Messages not returned before the next was due. */
  readonly late: number;
}

/** `connections` with 100 streams each, for `durationMs` from when all are open. */
export async function streams(
  connections: number,
  durationMs: number,
  wire: "grpc" | "lean",
): Promise<Outcome> {
  const found = new Findings();
  await using server = await startServer();
  const each = Math.ceil(connections / PROCESSES);
  const idleMib = await residentMib(server.pid);
  let mostMib = 0;
  const watch = setInterval(
    async () => mostMib = Math.max(mostMib, await residentMib(server.pid)),
    1_000,
  );
  const startMs = performance.now();
  const startCpuMs = await cpuMs(server.pid);
  const seen = await Promise.all(Array.from(
    { length: PROCESSES },
    () =>
      inProcess<Seen>(import.meta.url, [server.address, String(each), String(durationMs), wire]),
  ));
  clearInterval(watch);
  const total = (key: "streams" | "messages" | "late") => seen.reduce((a, one) => a + one[key], 0);
  const worst = (key: keyof Seen) => Math.max(...seen.map((one) => one[key] as number));
  const cpu = (await cpuMs(server.pid) - startCpuMs) / (performance.now() - startMs);

  const wanted = each * PROCESSES * PER_CONNECTION;
  found.check(total("streams") === wanted, `${total("streams")} of ${wanted} streams open`);
  found.note(`opened in ${(worst("openedMs") / 1000).toFixed(1)} s`);
  found.note(
    `${total("messages")} messages in ${(durationMs / 60_000).toFixed(1)} min, ` +
      `${(total("messages") / (durationMs / 1000)).toFixed(0)} each second`,
  );
  const errors = seen.flatMap(({ errors }) => Object.entries(errors));
  found.check(
    errors.length === 0,
    errors.length === 0 ? "no error" : errors.map(([t, n]) => `${n} × ${t}`).join("; "),
  );
  found.check(total("late") === 0, `${total("late")} messages not back within ${EVERY_MS} ms`);
  found.check(
    worst("p999Ms") < LIMIT_MS,
    `round trips: p50 ${worst("p50Ms").toFixed(1)} ms, p99 ${worst("p99Ms").toFixed(1)} ms, ` +
      `p99.9 ${worst("p999Ms").toFixed(1)} ms (limit ${LIMIT_MS}), ` +
      `longest ${worst("maxMs").toFixed(0)} ms`,
  );
  found.note(
    `server: ${idleMib.toFixed(0)} MiB resident when idle, ${mostMib.toFixed(0)} MiB at most, ` +
      `${(cpu * 100).toFixed(0)} % of a core`,
  );
  return found;
}

// An EchoStreamRequest whose payload is one byte.
const MESSAGE = new Uint8Array([0x0a, 0x01, 0x2a]);

interface Stream {
  readonly session: Session;
  /** Send time of the message in flight; 0 without one. */
  sentMs: number;
}

/** Runs in a child process. */
async function hold(
  address: string,
  connections: number,
  durationMs: number,
  wire: "grpc" | "lean",
): Promise<Seen> {
  // Microseconds, up to a minute.
  const histogram = build({ lowestDiscernibleValue: 1, highestTrackableValue: 60_000_000 });
  const errors = new Map<string, number>();
  const open: Stream[] = [];
  let answered = 0;
  let messages = 0;
  let late = 0;
  let ending = false;

  const receive = async (stream: Stream) => {
    try {
      for await (const _ of stream.session) {
        if (stream.sentMs === 0) {
          // The reply to the opening message.
          answered++;
          continue;
        }
        histogram.recordValue(Math.max(1, Math.round((performance.now() - stream.sentMs) * 1000)));
        stream.sentMs = 0;
        messages++;
      }
      if (!ending) throw new Error("A stream ended");
    } catch (error) {
      if (ending) return;
      const text = (error as Error).message.replace(/\d+/g, "#");
      errors.set(text, (errors.get(text) ?? 0) + 1);
    }
  };

  const startMs = performance.now();
  for (let from = 0; from < connections; from += 20) {
    await Promise.all(Array.from({ length: Math.min(20, connections - from) }, async () => {
      const channel = connect(address, { wire, poolSize: 1 });
      await channel.ready({ timeoutMs: 60_000 });
      for (let i = 0; i < PER_CONNECTION; i++) {
        const session = channel.session("/vrpc.echo.v1.EchoService/EchoStream");
        const stream = { session, sentMs: 0 };
        receive(stream);
        open.push(stream);
      }
    }));
  }
  // All streams are open when each has replied.
  for (const { session } of open) session.send(MESSAGE).catch(() => {});
  await until(() => Promise.resolve(answered === open.length || errors.size > 0), OPEN_TIMEOUT_MS);
  const openedMs = performance.now() - startMs;

  // Spread evenly over the period: a slice of the streams every 10 ms.
  const endMs = performance.now() + durationMs;
  const beginMs = performance.now();
  let next = 0;
  while (performance.now() < endMs) {
    const due = Math.floor(((performance.now() - beginMs) / EVERY_MS) * open.length);
    for (; next < due; next++) {
      const stream = open[next % open.length];
      if (stream.sentMs !== 0) {
        late++;
        continue;
      }
      stream.sentMs = performance.now();
      stream.session.send(MESSAGE).catch(() => {});
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  ending = true;
  const at = (share: number) => histogram.getValueAtPercentile(share) / 1000;
  return {
    streams: answered,
    messages,
    openedMs,
    errors: Object.fromEntries(errors),
    p50Ms: at(50),
    p99Ms: at(99),
    p999Ms: at(99.9),
    maxMs: histogram.maxValue / 1000,
    late: late + open.filter(({ sentMs }) => sentMs !== 0).length,
  };
}

if (import.meta.main) {
  const [address, connections, durationMs, wire] = Deno.args;
  const seen = await hold(
    address,
    Number(connections),
    Number(durationMs),
    wire === "lean" ? "lean" : "grpc",
  );
  console.log(JSON.stringify(seen));
  Deno.exit(0);
}
