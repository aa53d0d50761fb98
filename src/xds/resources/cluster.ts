/**
 * Clusters (CDS; gRPC A27, A32, A37, A50).
 *
 * @module
 */

import type { JsonObject } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import {
  type Cluster as ClusterMessage,
  Cluster_DiscoveryType as DiscoveryType,
  type OutlierDetection,
} from "../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts";
import { RoutingPriority } from "../../../proto/gen/envoy/config/core/v3/core_pb.ts";
import { ClusterConfigSchema } from "../../../proto/gen/envoy/extensions/clusters/aggregate/v3/aggregate_pb.ts";
import { durationMs, unpack } from "./any.ts";
import type { ResourceContext } from "./listener.ts";
import { clusterPolicy } from "./policies.ts";
import { invalid } from "./resource_error.ts";
import { upstreamSecurity } from "./security.ts";
import type { Cluster, ClusterDiscovery } from "./types.ts";

/** gRPC A32: the limit of a cluster that has none. */
const MAX_REQUESTS = 1_024;

/** Parses a cluster. Throws ResourceError. */
export function parseCluster(message: ClusterMessage, context: ResourceContext): Cluster {
  if (message.transportSocketMatches.length > 0) {
    invalid("transport_socket_matches", "it is not supported");
  }
  const source = message.lrsServer?.configSourceSpecifier.case;
  if (message.lrsServer !== undefined && source !== "self") {
    invalid("lrs_server", "it must be self");
  }
  const thresholds = message.circuitBreakers?.thresholds
    .find(({ priority }) => priority === RoutingPriority.DEFAULT);
  return {
    name: message.name,
    discovery: parseDiscovery(message),
    policy: clusterPolicy(message),
    outlierDetection: message.outlierDetection === undefined
      ? undefined
      : parseOutlierDetection(message.outlierDetection),
    maxRequests: thresholds?.maxRequests ?? MAX_REQUESTS,
    security: upstreamSecurity(message.transportSocket, context.instances),
  };
}

function parseDiscovery(message: ClusterMessage): ClusterDiscovery {
  const { clusterDiscoveryType: type } = message;
  if (type.case === "clusterType") {
    const { name, typedConfig } = type.value;
    if (name !== "envoy.clusters.aggregate") {
      invalid("cluster_type", `${JSON.stringify(name)} is not supported`);
    }
    const { clusters } = unpack(ClusterConfigSchema, typedConfig, "cluster_type");
    if (clusters.length === 0) invalid("cluster_type", "an aggregate has no clusters");
    return { kind: "aggregate", clusters };
  }
  const kind = type.case === "type" ? type.value : DiscoveryType.STATIC;
  if (kind === DiscoveryType.LOGICAL_DNS) return parseDns(message);
  if (kind !== DiscoveryType.EDS) {
    return invalid("type", `${DiscoveryType[kind] ?? kind} is not supported`);
  }
  const source = message.edsClusterConfig?.edsConfig?.configSourceSpecifier.case;
  if (source !== "ads" && source !== "self") {
    invalid("eds_cluster_config.eds_config", "it must be ads or self");
  }
  const { serviceName = "" } = message.edsClusterConfig ?? {};
  if (serviceName === "" && message.name.startsWith("xdstp:")) {
    invalid("eds_cluster_config.service_name", "it must be set for a cluster named xdstp:…");
  }
  return { kind: "eds", serviceName: serviceName || message.name };
}

function parseDns({ loadAssignment }: ClusterMessage): ClusterDiscovery {
  const field = "load_assignment";
  const localities = loadAssignment?.endpoints ?? [];
  if (localities.length !== 1 || localities[0].lbEndpoints.length !== 1) {
    return invalid(field, "there must be one locality with one endpoint");
  }
  const { hostIdentifier: host } = localities[0].lbEndpoints[0];
  const address = host.case === "endpoint" ? host.value.address?.address : undefined;
  if (address?.case !== "socketAddress") return invalid(field, "there must be a socket_address");
  const { address: name, portSpecifier: port, resolverName } = address.value;
  if (resolverName !== "") invalid(`${field}.resolver_name`, "it is not supported");
  if (name === "") invalid(field, "the address must not be empty");
  if (port.case !== "portValue" || port.value === 0) {
    return invalid(field, "there must be a port_value");
  }
  return { kind: "dns", host: name, port: port.value };
}

/** gRPC A50: what Envoy's fields are in the configuration of the policy. */
function parseOutlierDetection(message: OutlierDetection): JsonObject {
  const field = "outlier_detection";
  const seconds = (given: Duration | undefined, name: string) =>
    given === undefined ? undefined : `${durationMs(given, `${field}.${name}`) / 1_000}s`;
  const percent = (given: number | undefined, name: string) => {
    if (given !== undefined && given > 100) invalid(`${field}.${name}`, `${given} is above 100`);
    return given;
  };
  const enforcingSuccess = percent(message.enforcingSuccessRate, "enforcing_success_rate");
  const enforcingFailure = percent(
    message.enforcingFailurePercentage,
    "enforcing_failure_percentage",
  );
  const threshold = percent(message.failurePercentageThreshold, "failure_percentage_threshold");
  return withoutUndefined({
    interval: seconds(message.interval, "interval"),
    baseEjectionTime: seconds(message.baseEjectionTime, "base_ejection_time"),
    maxEjectionTime: seconds(message.maxEjectionTime, "max_ejection_time"),
    maxEjectionPercent: percent(message.maxEjectionPercent, "max_ejection_percent"),
    successRateEjection: enforcingSuccess === 0 ? undefined : withoutUndefined({
      stdevFactor: message.successRateStdevFactor,
      enforcementPercentage: enforcingSuccess,
      minimumHosts: message.successRateMinimumHosts,
      requestVolume: message.successRateRequestVolume,
    }),
    failurePercentageEjection: enforcingFailure === undefined || enforcingFailure === 0
      ? undefined
      : withoutUndefined({
        threshold,
        enforcementPercentage: enforcingFailure,
        minimumHosts: message.failurePercentageMinimumHosts,
        requestVolume: message.failurePercentageRequestVolume,
      }),
  });
}

function withoutUndefined(object: Record<string, JsonObject[string] | undefined>): JsonObject {
  return Object.fromEntries(
    Object.entries(object).filter(([, value]) => value !== undefined),
  ) as JsonObject;
}
