/**
 * The client status discovery service: what this process has got from its control plane (gRPC A40).
 *
 * @module
 */

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ClientResourceStatus } from "../../proto/gen/envoy/admin/v3/admin_pb.ts";
import {
  ClientStatusDiscoveryService,
  type ClientStatusRequest,
  type ClientStatusResponse,
  ClientStatusResponseSchema,
} from "../../proto/gen/envoy/service/status/v3/status_pb.ts";
import { Status } from "../call/status.ts";
import { RpcError } from "../errors.ts";
import type { Router } from "../rpc/dispatch/router.ts";
import type { ResourceStatus, XdsClient } from "./client/xds_client.ts";
import { KIND_INFO } from "./resources/kinds.ts";
import { startedClient } from "./register.ts";

const STATES: Readonly<Record<ResourceStatus["state"], ClientResourceStatus>> = {
  requested: ClientResourceStatus.REQUESTED,
  missing: ClientResourceStatus.DOES_NOT_EXIST,
  acked: ClientResourceStatus.ACKED,
  nacked: ClientResourceStatus.NACKED,
};

/**
 * Adds `envoy.service.status.v3.ClientStatusDiscoveryService` to a router: tools such as `grpcdebug` show by it which
 * resources this process watches, their contents, and why one was refused. It shows routes and addresses of the fleet:
 * serve it to operators only.
 *
 * ```ts
 * import { serve } from "@vrpc/vrpc";
 * import { addClientStatus } from "@vrpc/vrpc/xds";
 *
 * await using admin = await serve("127.0.0.1:0", (router) => addClientStatus(router));
 * ```
 *
 * @category xDS
 */
export function addClientStatus(router: Router): void {
  router.service(ClientStatusDiscoveryService, {
    fetchClientStatus: (request) => statusOf(startedClient(), request),
    async *streamClientStatus(requests) {
      for await (const request of requests) yield statusOf(startedClient(), request);
    },
  });
}

/** Makes the reply; without a client it lists nothing. Throws INVALID_ARGUMENT for node matchers (gRPC A40). */
export function statusOf(
  client: XdsClient | undefined,
  { nodeMatchers, excludeResourceContents }: ClientStatusRequest,
): ClientStatusResponse {
  if (nodeMatchers.length > 0) {
    throw new RpcError(Status.INVALID_ARGUMENT, "node_matchers are not supported");
  }
  if (client === undefined) return create(ClientStatusResponseSchema);
  return create(ClientStatusResponseSchema, {
    config: [{
      node: client.node,
      genericXdsConfigs: Array.from(
        client.statuses(),
        (one) => configOf(one, excludeResourceContents),
      ),
    }],
  });
}

type GenericConfig = NonNullable<
  NonNullable<MessageInitShape<typeof ClientStatusResponseSchema>["config"]>[number][
    "genericXdsConfigs"
  ]
>[number];

function configOf(
  { kind, name, state, version, raw, updatedAtMs, failure }: ResourceStatus,
  withoutContents: boolean,
): GenericConfig {
  return {
    typeUrl: KIND_INFO[kind].typeUrl,
    name,
    clientStatus: STATES[state],
    versionInfo: version,
    xdsConfig: withoutContents ? undefined : raw,
    lastUpdated: updatedAtMs === undefined ? undefined : timestampFromMs(updatedAtMs),
    errorState: failure === undefined ? undefined : {
      versionInfo: failure.version,
      details: failure.details,
      lastUpdateAttempt: timestampFromMs(failure.atMs),
    },
  };
}
