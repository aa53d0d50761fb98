/**
 * Load balancing policies of clusters, as entries of `loadBalancingConfig` (gRPC A52).
 *
 * @module
 */

import type { Duration } from "@bufbuild/protobuf/wkt";
import {
  type Cluster as ClusterMessage,
  Cluster_LbPolicy as LbPolicy,
  Cluster_RingHashLbConfig_HashFunction as ClusterHash,
  type LoadBalancingPolicy,
} from "../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts";
import { ClientSideWeightedRoundRobinSchema } from "../../../proto/gen/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3/client_side_weighted_round_robin_pb.ts";
import { LeastRequestSchema } from "../../../proto/gen/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb.ts";
import { PickFirstSchema } from "../../../proto/gen/envoy/extensions/load_balancing_policies/pick_first/v3/pick_first_pb.ts";
import {
  RingHash_HashFunction as PolicyHash,
  RingHashSchema,
} from "../../../proto/gen/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.ts";
import { RoundRobinSchema } from "../../../proto/gen/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb.ts";
import { WrrLocalitySchema } from "../../../proto/gen/envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality_pb.ts";
import { configureBalancer } from "../../rpc/balancer/registry.ts";
import { durationMs, type ExtensionConfig, extensionOf, unpack } from "./any.ts";
import { invalid, ResourceError } from "./resource_error.ts";

/** An entry of `loadBalancingConfig`. */
export type PolicyEntry = Readonly<Record<string, unknown>>;

const MAX_RING_SIZE = 8 * 1_024 * 1_024;
const MAX_DEPTH = 16;

/** Returns the policy of a cluster. Throws ResourceError. */
export function clusterPolicy(cluster: ClusterMessage): PolicyEntry {
  const { loadBalancingPolicy: list } = cluster;
  const entry = list === undefined
    ? byEnum(cluster)
    : convertList(list, "load_balancing_policy", 0);
  const [[name, json]] = Object.entries(entry);
  try {
    if (configureBalancer(name, json) === undefined) {
      invalid("load_balancing_policy", `the policy ${name} is not known`);
    }
  } catch (error) {
    if (error instanceof ResourceError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new ResourceError(`load_balancing_policy: ${message}`, { cause: error });
  }
  return entry;
}

function byEnum(cluster: ClusterMessage): PolicyEntry {
  const { lbPolicy, lbConfig } = cluster;
  switch (lbPolicy) {
    case LbPolicy.ROUND_ROBIN:
      return { xds_wrr_locality_experimental: { childPolicy: [{ round_robin: {} }] } };
    case LbPolicy.RING_HASH: {
      const config = lbConfig.case === "ringHashLbConfig" ? lbConfig.value : undefined;
      if (config !== undefined && config.hashFunction !== ClusterHash.XX_HASH) {
        invalid("ring_hash_lb_config.hash_function", "only XX_HASH is supported");
      }
      return ringHash(config?.minimumRingSize, config?.maximumRingSize, "ring_hash_lb_config");
    }
    case LbPolicy.LEAST_REQUEST: {
      const config = lbConfig.case === "leastRequestLbConfig" ? lbConfig.value : undefined;
      return leastRequest(config?.choiceCount, "least_request_lb_config");
    }
    default:
      return invalid("lb_policy", `${LbPolicy[lbPolicy] ?? lbPolicy} is not supported`);
  }
}

function ringHash(min: bigint | undefined, max: bigint | undefined, field: string): PolicyEntry {
  const minRingSize = Number(min ?? 1_024n);
  const maxRingSize = Number(max ?? BigInt(MAX_RING_SIZE));
  if (maxRingSize > MAX_RING_SIZE || minRingSize > maxRingSize || maxRingSize < 1) {
    invalid(
      field,
      `ring sizes ${minRingSize} to ${maxRingSize} are not within 1 to ${MAX_RING_SIZE}`,
    );
  }
  return { ring_hash_experimental: { minRingSize: Math.max(1, minRingSize), maxRingSize } };
}

function leastRequest(choiceCount: number | undefined, field: string): PolicyEntry {
  const count = choiceCount ?? 2;
  if (count < 2) invalid(`${field}.choice_count`, "it must be at least 2");
  return { least_request_experimental: { choiceCount: Math.min(10, count) } };
}

type Converter = (config: ExtensionConfig, field: string, depth: number) => PolicyEntry;

const CONVERTERS: Readonly<Record<string, Converter>> = {
  [RoundRobinSchema.typeName]: () => ({ round_robin: {} }),
  [RingHashSchema.typeName]: ({ any }, field) => {
    const { hashFunction, minimumRingSize, maximumRingSize } = unpack(RingHashSchema, any, field);
    const known = [PolicyHash.XX_HASH, PolicyHash.DEFAULT_HASH];
    if (!known.includes(hashFunction)) invalid(field, "only XX_HASH is supported");
    return ringHash(minimumRingSize, maximumRingSize, field);
  },
  [LeastRequestSchema.typeName]: ({ any }, field) =>
    leastRequest(unpack(LeastRequestSchema, any, field).choiceCount, field),
  [PickFirstSchema.typeName]: ({ any }, field) => ({
    pick_first: { shuffleAddressList: unpack(PickFirstSchema, any, field).shuffleAddressList },
  }),
  [WrrLocalitySchema.typeName]: ({ any }, field, depth) => {
    const { endpointPickingPolicy: list } = unpack(WrrLocalitySchema, any, field);
    if (list === undefined) return invalid(field, "endpoint_picking_policy is missing");
    return {
      xds_wrr_locality_experimental: {
        childPolicy: [convertList(list, `${field}.endpoint_picking_policy`, depth + 1)],
      },
    };
  },
  [ClientSideWeightedRoundRobinSchema.typeName]: ({ any }, field) => {
    const message = unpack(ClientSideWeightedRoundRobinSchema, any, field);
    const seconds = (given: Duration | undefined) =>
      given === undefined ? undefined : `${durationMs(given, field) / 1_000}s`;
    return {
      weighted_round_robin: {
        enableOobLoadReport: message.enableOobLoadReport,
        oobReportingPeriod: seconds(message.oobReportingPeriod),
        blackoutPeriod: seconds(message.blackoutPeriod),
        weightExpirationPeriod: seconds(message.weightExpirationPeriod),
        weightUpdatePeriod: seconds(message.weightUpdatePeriod),
        errorUtilizationPenalty: message.errorUtilizationPenalty,
      },
    };
  },
};

/** Returns the first policy that is known. */
function convertList(list: LoadBalancingPolicy, field: string, depth: number): PolicyEntry {
  if (depth >= MAX_DEPTH) invalid(field, `policies are nested more than ${MAX_DEPTH} deep`);
  for (const [i, policy] of list.policies.entries()) {
    const where = `${field}.policies[${i}]`;
    const config = extensionOf(policy.typedExtensionConfig?.typedConfig, where);
    if (config.json !== undefined) {
      // A policy of the application: the name of the type is the policy's.
      if (isKnown(config.typeName)) return { [config.typeName]: config.json };
      continue;
    }
    const convert = CONVERTERS[config.typeName];
    if (convert !== undefined) return convert(config, where, depth);
  }
  return invalid(field, "none of its policies is known");
}

function isKnown(name: string): boolean {
  try {
    return configureBalancer(name) !== undefined;
  } catch {
    // Known, but not without a configuration.
    return true;
  }
}
