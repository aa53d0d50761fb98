/**
 * Endpoints of clusters (EDS; gRPC A27).
 *
 * @module
 */

import {
  type Address,
  HealthStatus,
  type Locality as LocalityMessage,
} from "../../../proto/gen/envoy/config/core/v3/core_pb.ts";
import type {
  ClusterLoadAssignment,
  LbEndpoint,
} from "../../../proto/gen/envoy/config/endpoint/v3/endpoint_pb.ts";
import { millionths } from "./matchers.ts";
import { invalid } from "./resource_error.ts";
import type { Endpoint, Endpoints, Locality } from "./types.ts";

const MAX_WEIGHT = 2 ** 32 - 1;

/** Parses the endpoints of a cluster. Throws ResourceError. */
export function parseEndpoints(message: ClusterLoadAssignment): Endpoints {
  const addresses = new Set<string>();
  /** Sum of the weights, and the names, by priority. */
  const weights = new Map<number, number>();
  const names = new Set<string>();
  const localities: Locality[] = [];
  for (const [i, group] of message.endpoints.entries()) {
    const field = `endpoints[${i}]`;
    if (group.locality === undefined) return invalid(`${field}.locality`, "it is missing");
    const weight = group.loadBalancingWeight ?? 0;
    if (weight === 0) continue;
    const { priority } = group;
    const name = localityName(group.locality);
    const key = `${priority} ${name}`;
    if (names.has(key)) {
      invalid(`${field}.locality`, `${name} is listed twice with priority ${priority}`);
    }
    names.add(key);
    const sum = (weights.get(priority) ?? 0) + weight;
    if (sum > MAX_WEIGHT) invalid(field, `the weights of priority ${priority} are too large`);
    weights.set(priority, sum);
    const endpoints = group.lbEndpoints.map((one, j) =>
      parseEndpoint(one, addresses, `${field}.lb_endpoints[${j}]`)
    );
    if (endpoints.reduce((total, one) => total + one.weight, 0) > MAX_WEIGHT) {
      invalid(`${field}.lb_endpoints`, "the sum of the weights is too large");
    }
    localities.push({ name, priority, weight, endpoints });
  }
  for (let priority = 0; priority < weights.size; priority++) {
    if (!weights.has(priority)) invalid("endpoints", `priority ${priority} is missing`);
  }
  const drops = message.policy?.dropOverloads ?? [];
  return {
    localities,
    drops: drops.map(({ category, dropPercentage }, i) => ({
      category,
      share: millionths(dropPercentage, `policy.drop_overloads[${i}]`),
    })),
  };
}

/** Name of a locality, as gRPC writes it. */
export function localityName({ region, zone, subZone }: LocalityMessage): string {
  const quoted = (text: string) => JSON.stringify(text);
  return `{region=${quoted(region)}, zone=${quoted(zone)}, sub_zone=${quoted(subZone)}}`;
}

function parseEndpoint(message: LbEndpoint, addresses: Set<string>, field: string): Endpoint {
  const weight = message.loadBalancingWeight ?? 1;
  if (weight === 0) invalid(`${field}.load_balancing_weight`, "it must not be 0");
  const { hostIdentifier: host, healthStatus } = message;
  if (host.case !== "endpoint") return invalid(field, "it has no endpoint");
  const own = [host.value.address, ...host.value.additionalAddresses.map((one) => one.address)]
    .map((address) => socketAddress(address, `${field}.endpoint`));
  for (const address of own) {
    if (addresses.has(address)) invalid(field, `${address} is listed twice`);
    addresses.add(address);
  }
  const hashKey = message.metadata?.filterMetadata["envoy.lb"]?.hash_key;
  return {
    address: own[0],
    additional: own.slice(1),
    weight,
    healthy: healthStatus === HealthStatus.UNKNOWN || healthStatus === HealthStatus.HEALTHY,
    hostname: host.value.hostname,
    hashKey: typeof hashKey === "string" ? hashKey : "",
  };
}

/** Returns a socket address in the address grammar. Throws ResourceError for other addresses. */
export function socketAddress(message: Address | undefined, field: string): string {
  const address = message?.address;
  if (address?.case !== "socketAddress") return invalid(field, "it must have a socket_address");
  const { address: host, portSpecifier: port } = address.value;
  if (port.case !== "portValue" || port.value > 65_535) {
    return invalid(`${field}.socket_address`, "it must have a port_value up to 65,535");
  }
  return host.includes(":") ? `[${host}]:${port.value}` : `${host}:${port.value}`;
}
