/** Resources of xDS, made short for tests. */

import { create, type DescMessage, fromJson, type JsonValue } from "@bufbuild/protobuf";
import { createRegistry } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import { file_envoy_config_cluster_v3_cluster } from "../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts";
import { ClusterSchema } from "../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts";
import { ClusterLoadAssignmentSchema } from "../../proto/gen/envoy/config/endpoint/v3/endpoint_pb.ts";
import { ListenerSchema } from "../../proto/gen/envoy/config/listener/v3/listener_pb.ts";
import { RouteConfigurationSchema } from "../../proto/gen/envoy/config/route/v3/route_pb.ts";
import { ClusterConfigSchema } from "../../proto/gen/envoy/extensions/clusters/aggregate/v3/aggregate_pb.ts";
import { HTTPFaultSchema } from "../../proto/gen/envoy/extensions/filters/http/fault/v3/fault_pb.ts";
import {
  RBACPerRouteSchema,
  RBACSchema,
} from "../../proto/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.ts";
import { RouterSchema } from "../../proto/gen/envoy/extensions/filters/http/router/v3/router_pb.ts";
import { HttpConnectionManagerSchema } from "../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { RingHashSchema } from "../../proto/gen/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.ts";
import { RoundRobinSchema } from "../../proto/gen/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb.ts";
import { WrrLocalitySchema } from "../../proto/gen/envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality_pb.ts";
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from "../../proto/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts";
import {
  type DiscoveryResponse,
  DiscoveryResponseSchema,
} from "../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts";
import { TypedStructSchema } from "../../proto/gen/xds/type/v3/type_pb.ts";

/** Messages that an Any in JSON may have. */
export const registry = createRegistry(
  file_envoy_config_cluster_v3_cluster,
  ListenerSchema,
  RouteConfigurationSchema,
  ClusterLoadAssignmentSchema,
  ClusterConfigSchema,
  HTTPFaultSchema,
  RBACSchema,
  RBACPerRouteSchema,
  RouterSchema,
  HttpConnectionManagerSchema,
  RingHashSchema,
  RoundRobinSchema,
  WrrLocalitySchema,
  UpstreamTlsContextSchema,
  DownstreamTlsContextSchema,
  TypedStructSchema,
);

const url = (schema: DescMessage) => `type.googleapis.com/${schema.typeName}`;

/** The JSON of an Any. */
export function any(schema: DescMessage, json: Record<string, JsonValue> = {}): JsonValue {
  return { "@type": url(schema), ...json };
}

export const ROUTER: JsonValue = { name: "router", typedConfig: any(RouterSchema) };
const ADS: JsonValue = { ads: {} };

/** A listener of clients, by default with the route configuration `routes`. */
export function listener(name: string, manager: Record<string, JsonValue> = {}): Any {
  return resource(ListenerSchema, {
    name,
    apiListener: {
      apiListener: any(HttpConnectionManagerSchema, {
        ...(manager.routeConfig === undefined
          ? { rds: { configSource: ADS, routeConfigName: "routes" } }
          : {}),
        httpFilters: [ROUTER],
        ...manager,
      }),
    },
  });
}

/** A listener of servers. */
export function serverListener(name: string, json: Record<string, JsonValue>): Any {
  return resource(ListenerSchema, {
    name,
    address: { socketAddress: { address: "127.0.0.1", portValue: 1 } },
    ...json,
  });
}

/** A filter chain whose calls all go to the server's methods. */
export function filterChain(
  json: Record<string, JsonValue> = {},
  manager: Record<string, JsonValue> = {},
): JsonValue {
  return {
    filters: [{
      name: "manager",
      typedConfig: any(HttpConnectionManagerSchema, {
        routeConfig: {
          name: "inline",
          virtualHosts: [{
            name: "all",
            domains: ["*"],
            routes: [{ match: { prefix: "" }, nonForwardingAction: {} }],
          }],
        },
        httpFilters: [ROUTER],
        ...manager,
      }),
    }],
    ...json,
  };
}

/** A route configuration for all domains. */
export function routes(name: string, list: JsonValue[], host: Record<string, JsonValue> = {}): Any {
  return resource(RouteConfigurationSchema, {
    name,
    virtualHosts: [{ name: "all", domains: ["*"], routes: list, ...host }],
  });
}

/** A route of all calls to a cluster. */
export function routeTo(cluster: string, action: Record<string, JsonValue> = {}): JsonValue {
  return { match: { prefix: "" }, route: { cluster, ...action } };
}

/** A cluster with endpoints by EDS. */
export function cluster(name: string, json: Record<string, JsonValue> = {}): Any {
  const message: Record<string, JsonValue> = {
    name,
    edsClusterConfig: { edsConfig: ADS },
    ...json,
  };
  if (json.clusterType === undefined) message.type ??= "EDS";
  return resource(ClusterSchema, message);
}

/** A cluster of clusters. */
export function aggregate(name: string, clusters: string[]): Any {
  return cluster(name, {
    clusterType: {
      name: "envoy.clusters.aggregate",
      typedConfig: any(ClusterConfigSchema, { clusters }),
    },
  });
}

/** A group of endpoints at one place. */
export function locality(
  addresses: string[],
  json: Record<string, JsonValue> = {},
  endpoint: Record<string, JsonValue> = {},
): JsonValue {
  return {
    locality: { region: "r", zone: "z", subZone: `${json.priority ?? 0}` },
    loadBalancingWeight: 1,
    lbEndpoints: addresses.map((address) => ({
      endpoint: { address: socketAddress(address) },
      ...endpoint,
    })),
    ...json,
  };
}

export function socketAddress(address: string): JsonValue {
  const colon = address.lastIndexOf(":");
  return {
    socketAddress: {
      address: address.slice(0, colon),
      portValue: Number(address.slice(colon + 1)),
    },
  };
}

/** The endpoints of a cluster. */
export function endpoints(
  clusterName: string,
  localities: JsonValue[],
  json: Record<string, JsonValue> = {},
): Any {
  return resource(ClusterLoadAssignmentSchema, { clusterName, endpoints: localities, ...json });
}

/** Packs a resource given as JSON. */
export function resource(schema: DescMessage, json: Record<string, JsonValue>): Any {
  return anyPack(schema, fromJson(schema, json as JsonValue, { registry }));
}

/** A response with resources of one type. */
export function response(version: string, nonce: string, resources: Any[], typeUrl?: string) {
  return create(DiscoveryResponseSchema, {
    versionInfo: version,
    nonce,
    resources,
    typeUrl: typeUrl ?? resources[0].typeUrl,
  }) as DiscoveryResponse;
}
