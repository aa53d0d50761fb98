/** Servers and a control plane on this machine, and channels that use them. */

import {
  type Channel,
  type ChannelOptions,
  connect,
  RpcError,
  serve,
  type Server,
} from "../../mod.ts";
import { Status, statusName } from "../../src/call/status.ts";
import { registerXds } from "../../src/xds/mod.ts";
import { AdsServer } from "./ads_server.ts";

/** Servers that reply with their number; what they fail with, and how long they take, can be set. */
export class Fleet implements AsyncDisposable {
  readonly servers: Server[] = [];
  /** Status of each server's calls, OK by default. */
  readonly failures: Status[] = [];
  /** Metadata and calls that wait until the test lets them go. */
  held: (() => void)[] = [];
  calls = 0;
  ads!: AdsServer;
  readonly #channels: Channel[] = [];

  static async start(count: number): Promise<Fleet> {
    const fleet = new Fleet();
    fleet.ads = await AdsServer.start();
    for (let i = 0; i < count; i++) await fleet.#add(i);
    registerXds({
      bootstrap: {
        xds_servers: [{
          server_uri: fleet.ads.address,
          channel_creds: [{ type: "insecure" }],
        }],
        node: { id: "test" },
      },
    });
    return fleet;
  }

  async #add(i: number): Promise<void> {
    this.failures.push(Status.OK);
    this.servers.push(
      await serve("127.0.0.1:0", (router) => {
        const reply = () => {
          this.calls++;
          if (this.failures[i] !== Status.OK) throw new RpcError(this.failures[i], "as told");
          return new TextEncoder().encode(String(i));
        };
        router.method("/shop.Orders/Get", {}, reply);
        router.method("/shop.Orders/List", {}, reply);
        router.method("/shop.Orders/Hold", {}, async () => {
          await new Promise<void>((resolve) => this.held.push(resolve));
          return new Uint8Array();
        });
      }),
    );
  }

  address(i: number): string {
    return this.servers[i].addresses[0];
  }

  connect(target = "xds:///orders", options: ChannelOptions = {}): Channel {
    const channel = connect(target, options);
    this.#channels.push(channel);
    return channel;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const release of this.held) release();
    await Promise.all(this.#channels.map((channel) => channel.close()));
    await this.ads[Symbol.asyncDispose]();
    await Promise.all(this.servers.map((server) => server.close()));
  }
}

/** Makes a call; resolves to the server's reply or the name of the status. */
export function ask(
  channel: Channel,
  metadata: Record<string, string> = {},
  path = "/shop.Orders/Get",
): Promise<string> {
  return channel.call(path, new Uint8Array(), { metadata, timeoutMs: 10_000 }).then(
    (reply) => new TextDecoder().decode(reply),
    (error) => error instanceof RpcError ? statusName(error.code) : String(error),
  );
}

/** Counts the results of calls. */
export async function count(
  channel: Channel,
  calls: number,
  metadata: (i: number) => Record<string, string> = () => ({}),
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let i = 0; i < calls; i++) {
    const result = await ask(channel, metadata(i));
    counts[result] = (counts[result] ?? 0) + 1;
  }
  return counts;
}

/** Resolves once a condition holds, which it does within 10 s. */
export async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + 10_000;
  while (!await condition()) {
    if (performance.now() > giveUpAt) throw new Error(`Not true within 10 s: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
