/**
 * `cds_experimental`: one cluster of a target. Makes the policies below it from the cluster and its endpoints (gRPC A37, A56,
 * A74, A75).
 *
 * @module
 */

import { Status } from "../../call/status.ts";
import { ChildBalancer } from "../../rpc/balancer/child_balancer.ts";
import { HASH_KEY } from "../../rpc/balancer/hash_ring.ts";
import { PATH_ATTRIBUTE } from "../../rpc/balancer/hierarchy.ts";
import { objectOf, wrong } from "../../rpc/balancer/json_fields.ts";
import { OUTLIER_DETECTION } from "../../rpc/balancer/outlier_detection.ts";
import { PRIORITY, type PriorityConfig } from "../../rpc/balancer/priority.ts";
import { requireBalancer } from "../../rpc/balancer/registry.ts";
import {
  type Balancer,
  type BalancerHost,
  type BalancerPolicyDefinition,
  type BalancerUpdate,
  type ConfiguredBalancer,
  failingPicker,
  type ResolvedAddress,
} from "../../rpc/balancer/types.ts";
import type { Cluster, Locality } from "../resources/types.ts";
import { CLUSTER_IMPL, type ClusterImplConfig } from "./cluster_impl.ts";
import { PriorityNames } from "./priority_names.ts";
import { type ClusterState, LOCALITY_WEIGHT, XDS_CONFIG, type XdsConfig } from "./xds_config.ts";

/** Configuration of `cds_experimental`. */
export interface CdsConfig {
  /** Name of the cluster. */
  readonly cluster: string;
}

/** The policy `cds_experimental`. */
export const CDS: BalancerPolicyDefinition<CdsConfig> = {
  name: "cds_experimental",
  parseConfig(value) {
    const { cluster } = objectOf(value, "cds");
    if (typeof cluster !== "string") throw wrong("cds.cluster", "it must be a text");
    return { cluster };
  },
  create: (host) => new Cds(host),
};

class Cds implements Balancer<CdsConfig> {
  readonly #host: BalancerHost;
  readonly #names = new PriorityNames();
  #child: ChildBalancer | undefined = undefined;
  /** What the policies below were made from. */
  #state: ClusterState | undefined = undefined;

  constructor(host: BalancerHost) {
    this.#host = host;
  }

  update({ config, attributes }: BalancerUpdate<CdsConfig>): void {
    const { cluster: name } = config;
    const xds = attributes[XDS_CONFIG] as XdsConfig | undefined;
    const state = xds?.clusters.get(name);
    const error = state === undefined
      ? new Error(`The cluster ${name} is not known`)
      : state.error ?? (state.cluster === undefined ? new Error(`${name} is missing`) : undefined);
    if (error !== undefined) return this.#fail(error);
    const isAggregate = state!.cluster!.discovery.kind === "aggregate";
    // The leaves of an aggregate may have changed although it has not.
    if (state === this.#state && !isAggregate) return;
    this.#state = state;
    const { addresses, config: child } = isAggregate
      ? aggregateOf(state!.leaves)
      : this.#leafOf(state!.cluster!, state!);
    if (child.priorities.length === 0) {
      const reason = state!.endpointsError?.message ?? "it has no endpoints";
      return this.#fail(new Error(`The cluster ${name} can't be used: ${reason}`));
    }
    this.#child ??= new ChildBalancer(this.#host);
    this.#child.update({
      addresses,
      config: { policy: PRIORITY, config: child },
      attributes,
    });
  }

  exitIdle(): void {
    this.#child?.exitIdle();
  }

  close(): void {
    this.#child?.close();
  }

  #fail(error: Error): void {
    this.#child?.close();
    this.#child = this.#state = undefined;
    this.#host.updateState(
      "TRANSIENT_FAILURE",
      failingPicker(Status.UNAVAILABLE, error.message),
    );
  }

  #leafOf(
    cluster: Cluster,
    state: ClusterState,
  ): { addresses: ResolvedAddress[]; config: PriorityConfig } {
    const localities = localitiesOf(cluster, state);
    const groups = groupByPriority(localities);
    const names = this.#names.next(groups.map((group) => group.map(({ name }) => name)));
    const configured = leafPolicy(cluster, state);
    const addresses = groups.flatMap((group, i) =>
      group.flatMap((locality) => addressesOf(locality, names[i]))
    );
    const child = {
      config: configured,
      ignoreReresolutionRequests: cluster.discovery.kind === "eds",
    };
    return {
      addresses,
      config: { priorities: names, children: new Map(names.map((name) => [name, child])) },
    };
  }
}

/** A priority for each leaf (gRPC A75). */
function aggregateOf(
  leaves: readonly string[],
): { addresses: ResolvedAddress[]; config: PriorityConfig } {
  const children = new Map(leaves.map((cluster) => [cluster, {
    config: { policy: CDS, config: { cluster } },
    ignoreReresolutionRequests: false,
  }]));
  return { addresses: [], config: { priorities: leaves, children } };
}

function localitiesOf({ discovery }: Cluster, { endpoints }: ClusterState): readonly Locality[] {
  if (discovery.kind !== "dns") return endpoints?.localities ?? [];
  const { host, port } = discovery;
  const endpoint = {
    // The dial resolves the name, and tries its addresses in turn, as for one endpoint.
    address: host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`,
    additional: [],
    weight: 1,
    healthy: true,
    hostname: host,
    hashKey: "",
  };
  return [{ name: "", priority: 0, weight: 1, endpoints: [endpoint] }];
}

function groupByPriority(localities: readonly Locality[]): Locality[][] {
  const groups: Locality[][] = [];
  for (const locality of localities) (groups[locality.priority] ??= []).push(locality);
  return groups;
}

function addressesOf(locality: Locality, priority: string): ResolvedAddress[] {
  return locality.endpoints.filter(({ healthy }) => healthy).map((endpoint) => ({
    address: endpoint.address,
    weight: locality.weight * endpoint.weight,
    attributes: {
      [PATH_ATTRIBUTE]: [priority, locality.name],
      [LOCALITY_WEIGHT]: locality.weight,
      ...(endpoint.hashKey !== "" && { [HASH_KEY]: endpoint.hashKey }),
    },
  }));
}

/** The policies of a priority: outlier detection, if there is any, over the cluster's limits over its own policy. */
function leafPolicy(cluster: Cluster, { endpoints }: ClusterState): ConfiguredBalancer {
  const { name, discovery, maxRequests, security } = cluster;
  const config: ClusterImplConfig = {
    cluster: name,
    serviceName: discovery.kind === "eds" ? discovery.serviceName : "",
    maxRequests,
    drops: endpoints?.drops ?? [],
    security,
    childPolicy: requireBalancer([cluster.policy], `cluster ${name}`),
  };
  const impl = { policy: CLUSTER_IMPL, config };
  if (cluster.outlierDetection === undefined) return impl;
  const rules = OUTLIER_DETECTION.parseConfig!({
    ...cluster.outlierDetection,
    childPolicy: [{ pick_first: {} }],
  });
  return { policy: OUTLIER_DETECTION, config: { ...rules, childPolicy: impl } };
}
