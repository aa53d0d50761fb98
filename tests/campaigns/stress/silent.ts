/**
 * Silent connections from several processes: each must be closed soon, while the server continues to serve.
 *
 * @module
 */

import { connect } from "../../../mod.ts";
import { descriptors } from "../soak/figures.ts";
import { Findings, inProcess, type Outcome, percentile, startServer, until } from "./outcome.ts";

const PROCESSES = 4;
/** The server's limit of 5 s, plus one second. */
const LIMIT_MS = 6_000;
const CALL_EVERY_MS = 20;
// Faster connects would wait in the kernel's accept queue, or a second for the next SYN when it is full, which is not
// the time of the server.
const BATCH = 50;
const BATCH_EVERY_MS = 30;

/** Figures of one process of silent connections. */
interface Seen {
  readonly opened: number;
  readonly closed: number;
  readonly longestMs: number;
  readonly medianMs: number;
}

/** Opens `count` silent connections beside a caller. */
export async function silent(count: number): Promise<Outcome> {
  const found = new Findings();
  await using server = await startServer();
  await using channel = connect(server.address);
  await channel.ready();
  const before = await descriptors(server.pid);
  const idle = await callFor(channel, new Promise((resolve) => setTimeout(resolve, 3_000)));

  const each = Math.ceil(count / PROCESSES);
  const attack = Promise.all(Array.from(
    { length: PROCESSES },
    () => inProcess<Seen>(import.meta.url, [server.address, String(each)]),
  ));
  let most = 0;
  const watch = setInterval(
    async () => most = Math.max(most, await descriptors(server.pid)),
    100,
  );
  const beside = await callFor(channel, attack);
  clearInterval(watch);
  const seen = await attack;

  const opened = sum(seen.map((one) => one.opened));
  const closed = sum(seen.map((one) => one.closed));
  const longestMs = Math.max(...seen.map((one) => one.longestMs));
  const medianMs = percentile(seen.map((one) => one.medianMs), 0.5);
  found.check(opened === each * PROCESSES, `${opened} of ${each * PROCESSES} connections opened`);
  found.check(closed === opened, `${closed} of ${opened} closed by the server`);
  found.check(
    longestMs <= LIMIT_MS,
    `open for ${medianMs.toFixed(0)} ms in the median, ${longestMs.toFixed(0)} ms at most ` +
      `(limit ${LIMIT_MS})`,
  );
  found.check(beside.failed === 0, `${beside.ms.length} calls beside, ${beside.failed} failed`);
  found.note(
    `p99 of these calls ${percentile(beside.ms, 0.99).toFixed(1)} ms, ` +
      `idle ${percentile(idle.ms, 0.99).toFixed(1)} ms`,
  );
  const back = await until(async () => await descriptors(server.pid) <= before, 5_000);
  found.check(
    back,
    `descriptors of the server: ${before} before, ${most} at most, ` +
      `${await descriptors(server.pid)} after`,
  );
  return found;
}

/** Makes calls at a steady rate until `end` settles. */
async function callFor(
  channel: ReturnType<typeof connect>,
  end: Promise<unknown>,
): Promise<{ ms: number[]; failed: number }> {
  const ms: number[] = [];
  let failed = 0;
  let running = true;
  end.finally(() => running = false);
  while (running) {
    const startMs = performance.now();
    try {
      await channel.call("/vrpc.echo.v1.EchoService/Echo", new Uint8Array(), { timeoutMs: 10_000 });
      ms.push(performance.now() - startMs);
    } catch {
      failed++;
    }
    await new Promise((resolve) => setTimeout(resolve, CALL_EVERY_MS));
  }
  return { ms, failed };
}

function sum(values: number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

/** Runs in a child process: opens `count` connections and waits for their ends. */
async function beSilent(address: string, count: number): Promise<Seen> {
  const [, hostname, port] = address.match(/^(.+):(\d+)$/)!;
  const livedMs: number[] = [];
  const ends: Promise<void>[] = [];
  let opened = 0;
  while (opened < count) {
    const batch = Array.from({ length: Math.min(BATCH, count - opened) }, async () => {
      const conn = await Deno.connect({ hostname, port: Number(port) });
      const startMs = performance.now();
      ends.push((async () => {
        const end = await conn.read(new Uint8Array(1)).catch(() => null);
        if (end === null) livedMs.push(performance.now() - startMs);
        conn.close();
      })());
    });
    await Promise.all(batch);
    opened += batch.length;
    await new Promise((resolve) => setTimeout(resolve, BATCH_EVERY_MS));
  }
  const timeout = new Promise((resolve) => setTimeout(resolve, 20_000));
  await Promise.race([Promise.all(ends), timeout]);
  return {
    opened,
    closed: livedMs.length,
    longestMs: Math.max(...livedMs),
    medianMs: percentile(livedMs, 0.5),
  };
}

if (import.meta.main) {
  console.log(JSON.stringify(await beSilent(Deno.args[0], Number(Deno.args[1]))));
  Deno.exit(0);
}
