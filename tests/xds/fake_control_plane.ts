/** A control plane in memory: what was requested of it, and responses by hand. */

import type { Any } from "@bufbuild/protobuf/wkt";
import type { DiscoveryRequest } from "../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts";
import { parseBootstrap } from "../../src/xds/client/bootstrap.ts";
import type { AdsStreamHandlers, AdsTransport } from "../../src/xds/client/transport.ts";
import { XdsClient, type XdsClientOptions } from "../../src/xds/client/xds_client.ts";
import { KIND_INFO, type ResourceKind } from "../../src/xds/resources/kinds.ts";
import { registerXdsBalancers } from "../../src/xds/balancers/register.ts";
import { FakeClock } from "../../src/testing/fake_clock.ts";
import { response } from "./messages.ts";

registerXdsBalancers();

/** A server of the control plane. */
export class FakeServer {
  readonly requests: DiscoveryRequest[] = [];
  handlers: AdsStreamHandlers | undefined;
  streams = 0;
  channels = 0;
  #nonce = 0;

  /** Sends the resources of one kind. */
  send(kind: ResourceKind, version: string, resources: Any[]): void {
    const { typeUrl } = KIND_INFO[kind];
    this.handlers!.onResponse(response(version, `n${++this.#nonce}`, resources, typeUrl));
  }

  /** Ends the stream. */
  fail(message = "gone"): void {
    const { handlers } = this;
    this.handlers = undefined;
    handlers!.onEnd(new Error(message));
  }

  /** The latest request of a kind. */
  last(kind: ResourceKind): DiscoveryRequest | undefined {
    return this.requests.findLast(({ typeUrl }) => typeUrl === KIND_INFO[kind].typeUrl);
  }
}

/** Servers by URI, and a client of them in virtual time. */
export class FakeControlPlane {
  readonly clock = new FakeClock();
  readonly servers = new Map<string, FakeServer>();
  readonly logs: string[] = [];
  readonly client: XdsClient;

  constructor(
    json: Parameters<typeof parseBootstrap>[0] = {
      xds_servers: [{ server_uri: "plane", channel_creds: [{ type: "insecure" }] }],
      node: { id: "node-1" },
    },
    options: Partial<XdsClientOptions> = {},
  ) {
    this.client = new XdsClient({
      bootstrap: parseBootstrap(json),
      transport: this.transport,
      clock: this.clock,
      random: () => 0.5,
      timeOfDay: () => 1_000_000,
      log: (_, message) => this.logs.push(message),
      ...options,
    });
  }

  server(uri = "plane"): FakeServer {
    let server = this.servers.get(uri);
    if (server === undefined) this.servers.set(uri, server = new FakeServer());
    return server;
  }

  readonly transport: AdsTransport = ({ uri }) => {
    const server = this.server(uri);
    server.channels++;
    return {
      open(handlers) {
        server.handlers = handlers;
        server.streams++;
        return {
          send: (request) => void server.requests.push(request),
          close: () => server.handlers = undefined,
        };
      },
      close: () => void server.channels--,
    };
  };
}

/** Lets the client send what it has to. */
export const settle = () => new Promise<void>((resolve) => setTimeout(resolve, 0));
