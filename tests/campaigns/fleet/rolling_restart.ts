/**
 * Rolling restarts of server processes behind DNS while a client calls them.
 *
 * @module
 */

import { join } from "node:path";
import { connect, RpcError } from "../../../mod.ts";
import { DnsServer } from "../../fixtures/dns_server.ts";

/** What is restarted, and how often. */
export interface RollingRestart {
  /** Server processes. */
  readonly servers: number;
  /** Restarts of all of them, one after the other. */
  readonly rounds: number;
  /** Calls per second. */
  readonly rate: number;
  readonly balancer: string;
  readonly onRound?: (round: number, figures: Figures) => void;
}

/** Result of a campaign. */
export interface Figures {
  readonly calls: number;
  readonly failed: number;
  /** Texts of failures with their numbers. */
  readonly failures: ReadonlyMap<string, number>;
  readonly restarts: number;
  readonly dnsQueries: number;
  /** Longest duration of a call, in ms. */
  readonly slowestMs: number;
}

const PROGRAM = join(import.meta.dirname!, "server.ts");

/** A server process at one address. */
class ServerProcess {
  readonly #child: Deno.ChildProcess;
  readonly ip: string;

  private constructor(child: Deno.ChildProcess, ip: string) {
    this.#child = child;
    this.ip = ip;
  }

  /** Resolves when the process listens. */
  static async start(ip: string, port: number): Promise<ServerProcess> {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "-A", "--no-check", PROGRAM, `${ip}:${port}`],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const { value = "" } = await reader.read();
    if (!value.startsWith("listening")) throw new Error(`A server of the fleet says: ${value}`);
    reader.read().catch(() => {});
    return new ServerProcess(child, ip);
  }

  /** Drains the server; resolves when its process has ended. */
  async stop(): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#child.status;
  }
}

/** Calls the fleet until `stop`. */
class Load {
  calls = 0;
  slowestMs = 0;
  readonly failures = new Map<string, number>();
  readonly #open = new Set<Promise<void>>();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(call: () => Promise<unknown>, rate: number) {
    const startMs = performance.now();
    let begun = 0;
    this.#timer = setInterval(() => {
      const due = Math.floor((performance.now() - startMs) / 1_000 * rate);
      for (; begun < due; begun++) this.#begin(call);
    }, 5);
  }

  #begin(call: () => Promise<unknown>): void {
    const startMs = performance.now();
    const over = call().then(() => {}, (error) => {
      const text = error instanceof RpcError ? `${error.code}: ${error.message}` : `${error}`;
      this.failures.set(text, (this.failures.get(text) ?? 0) + 1);
    }).then(() => {
      this.calls++;
      this.slowestMs = Math.max(this.slowestMs, performance.now() - startMs);
      this.#open.delete(over);
    });
    this.#open.add(over);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}

/** Runs the campaign. A restarted server comes up at another address, which the client finds by DNS alone. */
export async function rollingRestart(options: RollingRestart): Promise<Figures> {
  const { servers, rounds, rate, balancer } = options;
  await using dns = new DnsServer();
  const port = freePort();
  const ipOf = (index: number, round: number) => `127.0.${1 + round % 2}.${index + 1}`;
  const fleet = await Promise.all(
    Array.from({ length: servers }, (_, i) => ServerProcess.start(ipOf(i, 0), port)),
  );
  dns.addresses = fleet.map(({ ip }) => ip);
  await using channel = connect(`dns://127.0.0.1:${dns.port}/fleet.test:${port}`, {
    balancer,
    minResolveIntervalMs: 500,
    poolSize: 1,
  });
  await channel.ready();
  const payload = new Uint8Array(64);
  const load = new Load(() => channel.call("/work", payload, { timeoutMs: 20_000 }), rate);
  const figures = (restarts: number): Figures => ({
    calls: load.calls,
    failed: [...load.failures.values()].reduce((sum, count) => sum + count, 0),
    failures: load.failures,
    restarts,
    dnsQueries: dns.queries,
    slowestMs: load.slowestMs,
  });
  let restarts = 0;
  try {
    for (let round = 1; round <= rounds; round++) {
      for (let i = 0; i < servers; i++) {
        // As a fleet's controller does it: the new one first, then the old one leaves. Its clients look up the name again,
        // at most twice a second, and the next one waits for that: else all of them could be gone between two queries.
        const former = fleet[i];
        fleet[i] = await ServerProcess.start(ipOf(i, round), port);
        dns.addresses = fleet.map(({ ip }) => ip);
        const asked = dns.asked();
        await former.stop();
        await asked;
        restarts++;
      }
      options.onRound?.(round, figures(restarts));
    }
    await load.stop();
    return figures(restarts);
  } finally {
    await load.stop();
    await Promise.all(fleet.map((one) => one.stop()));
  }
}
