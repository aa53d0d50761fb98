/**
 * Registration of `xds:` targets.
 *
 * @module
 */

import type { JsonObject } from "@bufbuild/protobuf";
import { printable } from "../call/printable.ts";
import { clientLog } from "../rpc/core/log.ts";
import { systemClock } from "../rpc/core/system_clock.ts";
import { registerResolver } from "../rpc/resolver/registry.ts";
import { registerXdsBalancers } from "./balancers/register.ts";
import { parseBootstrap, readBootstrap } from "./client/bootstrap.ts";
import { connectServer } from "./client/transport.ts";
import { XdsClient } from "./client/xds_client.ts";
import { environmentVariable } from "./environment.ts";
import { xdsResolver } from "./resolver/xds_resolver.ts";

/**
 * Options of {@link registerXds}.
 *
 * @category xDS
 */
export interface XdsOptions {
  /**
   * Bootstrap configuration, as gRPC's clients have it: JSON text or an object. Default the file that the environment variable
   * `GRPC_XDS_BOOTSTRAP` names, or the JSON in `GRPC_XDS_BOOTSTRAP_CONFIG`, read at the first use.
   */
  readonly bootstrap?: string | JsonObject;
}

let client: XdsClient | undefined;
let given: XdsOptions = {};

/**
 * Registers the resolver of `xds:` targets and the load balancing policies of xDS. Channels to `xds:///service` get their
 * routes, clusters and endpoints from a control plane. All of them share one connection to it. Call it once, before the first
 * such channel is made: a later call applies to channels that are made after it. Throws TypeError for a bootstrap that is not
 * valid.
 *
 * ```ts
 * import { connect } from "@vrpc/vrpc";
 * import { registerXds } from "@vrpc/vrpc/xds";
 *
 * registerXds({
 *   bootstrap: {
 *     xds_servers: [{ server_uri: "dns:///control-plane:18000", channel_creds: [{ type: "insecure" }] }],
 *     node: { id: "orders-client-1", locality: { zone: "eu-1a" } },
 *   },
 * });
 * await using channel = connect("xds:///orders");
 * ```
 *
 * @category xDS
 */
export function registerXds(options: XdsOptions = {}): void {
  if (options.bootstrap !== undefined) parseBootstrap(options.bootstrap);
  given = { ...options };
  client = undefined;
  registerXdsBalancers();
  registerResolver("xds", xdsResolver(sharedClient));
}

/** Returns the client of the process. Throws TypeError without a valid bootstrap. */
export function sharedClient(): XdsClient {
  return client ??= new XdsClient({
    bootstrap: given.bootstrap === undefined
      ? readBootstrap(environmentVariable)
      : parseBootstrap(given.bootstrap),
    transport: connectServer,
    clock: systemClock,
    random: Math.random,
    timeOfDay: Date.now,
    log: (level, message) => clientLog[level]("{message}", { message: printable(message) }),
  });
}

/** Returns the client of the process if a target has used it. */
export function startedClient(): XdsClient | undefined {
  return client;
}
