/** Servers behind names, reached through memory, with the client's time in the test's hands. */

import {
  type Channel,
  type ChannelOptions,
  connect,
  serve,
  type ServeOptions,
  type Server,
} from "../../mod.ts";
import { addHealth } from "../../src/services/health.ts";
import { memoryPair } from "../../src/transport/memory.ts";
import type { ByteStream } from "../../src/transport/types.ts";
import { addMethods, Seen } from "../calls/methods.ts";
import { VirtualClock } from "./virtual_clock.ts";

let names = 0;

/** One server of a {@link Network}. */
export interface Host {
  readonly server: Server;
  readonly seen: Seen;
  /** The client's ends of its connections. */
  readonly streams: ByteStream[];
  readonly health: ReturnType<typeof addHealth>;
}

/** Names that lead to servers, or nowhere. */
export class Network implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly hosts = new Map<string, Host>();
  /** When each dial began, in virtual ms from the start, by name. */
  readonly dials: { name: string; atMs: number }[] = [];
  /** Dials to these names get no answer. */
  readonly silent = new Set<string>();
  readonly #startMs = this.clock.now();
  readonly #channels: Channel[] = [];
  readonly #all: Server[] = [];

  /** Puts a server behind a name. */
  async up(name: string, options: ServeOptions = {}): Promise<Host> {
    const seen = new Seen();
    let health!: Host["health"];
    const server = await serve(`memory:network-${++names}`, (router) => {
      addMethods(router, seen);
      health = addHealth(router);
    }, options);
    const host = { server, seen, streams: [], health };
    this.hosts.set(name, host);
    this.#all.push(server);
    return host;
  }

  /** Breaks all connections to a name, and lets no new ones come. */
  async down(name: string): Promise<void> {
    const host = this.hosts.get(name)!;
    this.hosts.delete(name);
    for (const stream of host.streams) stream.close();
    await host.server.close();
  }

  /** A channel to names. */
  connect(target: string | string[], options: ChannelOptions = {}): Channel {
    const channel = connect(target, {
      dial: (name, { signal }) => this.#dial(name, signal!),
      internals: { clock: this.clock, random: () => 0.5 },
      ...options,
    });
    this.#channels.push(channel);
    return channel;
  }

  /** Lets everything happen that needs no time, until `condition` holds. */
  async until(condition: () => boolean): Promise<void> {
    const giveUpAt = performance.now() + 5_000;
    while (!condition()) {
      if (performance.now() > giveUpAt) throw new Error(`Never came true: ${condition}`);
      await this.settle();
    }
  }

  /** Lets everything happen that needs no time. */
  async settle(): Promise<void> {
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setTimeout(resolve, 0));
  }

  /** Lets virtual time pass. */
  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.settle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closing = Promise.all(this.#channels.map((channel) => channel.close()));
    // Goodbyes wait for the other side at most a second, in the client's time.
    while (await Promise.race([closing, this.settle().then(() => "not yet")]) === "not yet") {
      this.clock.advance(1_000);
    }
    await Promise.all(this.#all.map((server) => server.close()));
  }

  async #dial(name: string, signal: AbortSignal): Promise<ByteStream> {
    this.dials.push({ name, atMs: this.clock.now() - this.#startMs });
    if (this.silent.has(name)) {
      return await new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    }
    const host = this.hosts.get(name);
    if (host === undefined) throw new Error(`Cannot connect to ${name}: nobody is there`);
    const [here, there] = memoryPair();
    host.streams.push(here);
    host.server.serveConnection(there);
    return here;
  }
}
