/**
 * A server with a client in one line.
 *
 * @module
 */

import type { DescService } from "@bufbuild/protobuf";
import { type Channel, connectInRuntime } from "../rpc/channel/channel.ts";
import type { ChannelOptions } from "../rpc/channel/options.ts";
import type { Client } from "../rpc/channel/typed_client.ts";
import { systemClock } from "../rpc/core/system_clock.ts";
import type { Router } from "../rpc/dispatch/router.ts";
import type { ServeOptions } from "../rpc/server/options.ts";
import { serveInRuntime, type Server } from "../rpc/server/server.ts";
import { dial, resolveHost } from "../transport/mod.ts";
import type { FakeClock } from "./fake_clock.ts";
import { TestConnections } from "./test_connections.ts";

/**
 * Options of {@link testServer}.
 *
 * @category Testing
 */
export interface TestServerOptions {
  /** Address to listen on. Default: one in memory that no other server has. */
  address?: string;
  /** Options of the server. */
  serve?: ServeOptions;
  /** Options of the channel, and defaults of those that `connect` makes. */
  connect?: ChannelOptions;
  /** Time of the server and its channels. Default: the system's. */
  clock?: FakeClock;
  /** Random numbers of the channels, from 0 to below 1, which the waits between retries depend on. Default Math.random. */
  random?: () => number;
}

/**
 * Server with a channel to it. Its disposal closes the channels, then the server.
 *
 * @category Testing
 */
export interface TestServer extends AsyncDisposable {
  /** The server. */
  readonly server: Server;
  /** A channel to the server. */
  readonly channel: Channel;
  /** The address that the server listens on. */
  readonly address: string;
  /** The channels' connections, to be cut and refused. */
  readonly connections: TestConnections;
  /** Returns a typed client of a service, on `channel`. */
  client<D extends DescService>(service: D): Client<D>;
  /** Makes another channel, which is closed with the server. */
  connect(options?: ChannelOptions): Channel;
}

let servers = 0;

/**
 * Serves the methods that `configure` registers in memory, and connects to it.
 *
 * ```ts
 * import { EchoService } from "@vrpc/vrpc/services/echo";
 * import { addEcho } from "@vrpc/vrpc/services";
 * import { testServer } from "@vrpc/vrpc/testing";
 *
 * await using test = await testServer(addEcho);
 * const { payload } = await test.client(EchoService).echo({ payload: new Uint8Array(3) });
 * console.assert(payload.length === 3);
 * ```
 *
 * @category Testing
 */
export async function testServer(
  configure: (router: Router) => void,
  options: TestServerOptions = {},
): Promise<TestServer> {
  const { clock } = options;
  const server = await serveInRuntime(
    options.address ?? `memory:vrpc-test-server-${++servers}`,
    configure,
    options.serve ?? {},
    clock ?? systemClock,
  );
  const [address] = server.addresses;
  const connections = new TestConnections();
  const channels: Channel[] = [];
  const open = (more: ChannelOptions = {}) => {
    const given = { ...options.connect, ...more };
    const channel = connectInRuntime(address, {
      // With a resolver the channel parses the address, as it does without `dial`.
      resolver: resolveHost,
      ...given,
      dial: connections.through(given.dial ?? dial),
    }, { clock: clock ?? systemClock, random: options.random ?? Math.random });
    channels.push(channel);
    return channel;
  };
  const close = async () => {
    await Promise.all(channels.map((channel) => channel.close()));
    await server.close();
  };
  try {
    const channel = open();
    return {
      server,
      channel,
      address,
      connections,
      client: (service) => channel.client(service),
      connect: open,
      [Symbol.asyncDispose]: () => clock === undefined ? close() : clock.run(close()),
    };
  } catch (error) {
    await server.close();
    throw error;
  }
}
