/** Server processes, a faulty proxy, and the ledger of calls. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { type Channel, RpcError, Status, statusName } from "../../../mod.ts";
import { LineProcess } from "../../fixtures/processes.ts";
import { sleep } from "../../fixtures/waiting.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const SERVER = new URL("./server.ts", import.meta.url).pathname;

/** Ledger of calls: how each ended, and how often servers ran it. */
export class Ledger {
  readonly ends = new Map<string, Status>();
  readonly runs = new Map<string, number>();
  readonly failures = new Map<string, number>();
  #next = 0;
  started = 0;

  /** Makes one call with a new id and records its status. Never rejects. */
  async call(
    channel: Channel,
    path = "/faults/echo",
    options: { timeoutMs?: number; waitForReady?: boolean } = {},
  ): Promise<Status> {
    const id = `call${++this.#next}`;
    this.started++;
    let code: Status = Status.OK;
    try {
      const { timeoutMs = 5_000, waitForReady } = options;
      const reply = await channel.call(path, encoder.encode(id), { timeoutMs, waitForReady });
      if (path === "/faults/echo") {
        assert.equal(decoder.decode(reply), id, "the reply of another call");
      }
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      code = error.code;
      const key = `${statusName(code)}: ${error.message}`;
      this.failures.set(key, (this.failures.get(key) ?? 0) + 1);
    }
    assert.ok(!this.ends.has(id), `${id} ended twice`);
    this.ends.set(id, code);
    return code;
  }

  /** Records that a server ran a call. */
  ran(id: string): void {
    this.runs.set(id, (this.runs.get(id) ?? 0) + 1);
  }

  /** Checks that every call ended, and that none ran twice. */
  check(): void {
    assert.equal(this.ends.size, this.started, "a call has no end");
    for (const [id, code] of this.ends) {
      const runs = this.runs.get(id) ?? 0;
      assert.ok(runs <= 1, `${id} ran ${runs} times`);
      if (code === Status.OK) assert.equal(runs, 1, `${id} was answered and never ran`);
    }
  }

  /** Returns the number of calls that failed. */
  get failed(): number {
    return [...this.ends.values()].filter((code) => code !== Status.OK).length;
  }
}

/** Server process at a fixed address. */
export class Backend {
  address = "127.0.0.1:0";
  #process: LineProcess | undefined = undefined;
  #reading: Promise<void> = Promise.resolve();
  ledger = new Ledger();

  /** Starts the process; resolves when it listens. */
  async start(): Promise<void> {
    const process = new LineProcess([
      Deno.execPath(),
      "run",
      "--quiet",
      "--no-check",
      "-A",
      SERVER,
      "--addr",
      this.address,
    ]);
    this.#process = process;
    this.address = (await process.line(/^listening (.*)$/))[1];
    this.#reading = this.#read(process);
  }

  /** Sends SIGKILL; resolves when the process has ended and its output was read. */
  async kill(): Promise<void> {
    this.#process?.kill("SIGKILL");
    await this.#gone();
  }

  /** Sends SIGTERM, which drains. */
  async terminate(): Promise<number> {
    const process = this.#process!;
    process.kill("SIGTERM");
    const code = await process.code();
    await this.#gone();
    return code;
  }

  async #gone(): Promise<void> {
    await this.#process?.code();
    await this.#reading;
    await this.#process?.end();
    this.#process = undefined;
  }

  async #read(process: LineProcess): Promise<void> {
    for await (const line of process.lines()) {
      if (line.startsWith("ran ")) this.ledger.ran(line.slice(4));
    }
  }
}

/** Behaviour of a {@link Proxy}. */
export type Mood = "honest" | "swallow" | "refuse";

/** TCP proxy to one backend. */
export class Proxy implements Disposable {
  mood: Mood = "honest";
  /** Number of bytes towards the client after which a connection is reset. */
  resetAfterBytes = Infinity;
  readonly #listener: Deno.TcpListener;
  readonly #conns = new Set<Deno.Conn>();
  readonly #backend: Backend;

  constructor(backend: Backend) {
    this.#backend = backend;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#accept();
  }

  get address(): string {
    return `127.0.0.1:${this.#listener.addr.port}`;
  }

  /** Half-closes connections towards the client. */
  async halfClose(): Promise<void> {
    for (const conn of this.#conns) await (conn as Deno.TcpConn).closeWrite().catch(() => {});
  }

  [Symbol.dispose](): void {
    this.#listener.close();
    for (const conn of [...this.#conns]) this.#close(conn);
  }

  async #accept(): Promise<void> {
    try {
      for await (const client of this.#listener) this.#serve(client);
    } catch {
      // Closed.
    }
  }

  async #serve(client: Deno.TcpConn): Promise<void> {
    if (this.mood === "refuse") return client.close();
    const [hostname, port] = this.#backend.address.split(":");
    let server: Deno.TcpConn;
    try {
      server = await Deno.connect({ hostname, port: Number(port) });
    } catch {
      return client.close();
    }
    this.#conns.add(client);
    await Promise.all([this.#pipe(client, server, false), this.#pipe(server, client, true)]);
    this.#close(client);
    this.#close(server);
  }

  async #pipe(from: Deno.Conn, to: Deno.Conn, towardsClient: boolean): Promise<void> {
    const buffer = new Uint8Array(65_536);
    let passed = 0;
    try {
      for (;;) {
        const count = await from.read(buffer);
        if (count === null) break;
        passed += count;
        if (towardsClient && passed > this.resetAfterBytes) {
          // Closing a socket with unread input sends a reset.
          this.#close(to);
          this.#close(from);
          return;
        }
        for (let sent = 0; sent < count && this.mood !== "swallow";) {
          sent += await to.write(buffer.subarray(sent, count));
        }
      }
      await (to as Deno.TcpConn).closeWrite();
    } catch {
      // One side has ended, so close the other.
      this.#close(to);
      this.#close(from);
    }
  }

  #close(conn: Deno.Conn): void {
    this.#conns.delete(conn);
    try {
      conn.close();
    } catch {
      // Already closed.
    }
  }
}

/** Makes calls from several sequential callers until stopped. */
export function load(channel: Channel, ledger: Ledger, callers = 20, timeoutMs = 5_000) {
  let stopped = false;
  const done = Promise.all(Array.from({ length: callers }, async () => {
    while (!stopped) {
      const code = await ledger.call(channel, "/faults/echo", { timeoutMs });
      // Yields after an immediate failure.
      if (code !== Status.OK) await sleep(5);
    }
  }));
  return {
    async stop(): Promise<void> {
      stopped = true;
      await done;
    },
  };
}

/** Measures how long `condition` takes to become true, in ms; rejects after `limitMs`. */
export async function timeUntil(condition: () => boolean, limitMs: number): Promise<number> {
  const started = performance.now();
  while (!condition()) {
    if (performance.now() - started > limitMs) {
      throw new assert.AssertionError({ message: `not within ${limitMs} ms: ${condition}` });
    }
    await sleep(1);
  }
  return performance.now() - started;
}

/** Counts the TCP sockets of this process; other sockets belong to the runtime. */
export function openSockets(): number {
  const tcp = new Set<string>();
  for (const table of ["tcp", "tcp6"]) {
    for (const line of readFileSync(`/proc/self/net/${table}`, "utf8").split("\n")) {
      tcp.add(`socket:[${line.trim().split(/\s+/)[9]}]`);
    }
  }
  let count = 0;
  for (const fd of readdirSync("/proc/self/fd")) {
    try {
      if (tcp.has(readlinkSync(`/proc/self/fd/${fd}`))) count++;
    } catch {
      // Closed meanwhile.
    }
  }
  return count;
}
