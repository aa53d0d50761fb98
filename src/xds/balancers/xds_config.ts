/**
 * What a resolver knows of a target at a time: listener, virtual host, clusters and endpoints that belong together (gRPC A74).
 *
 * @module
 */

import type { Cluster, Endpoints, HttpConnectionManager, VirtualHost } from "../resources/types.ts";

/** A cluster of a target. The same object as before if nothing of it has changed. */
export interface ClusterState {
  /** Why it can't be used; undefined if it can. */
  readonly error: Error | undefined;
  readonly cluster: Cluster | undefined;
  /** Endpoints of a cluster with EDS; undefined without any. */
  readonly endpoints: Endpoints | undefined;
  /** Why there are no endpoints. */
  readonly endpointsError: Error | undefined;
  /** Names of the clusters that an aggregate stands for, the most preferred first, aggregates among them resolved. */
  readonly leaves: readonly string[];
}

/** All that is known of a target. */
export interface XdsConfig {
  readonly manager: HttpConnectionManager;
  readonly host: VirtualHost;
  readonly clusters: ReadonlyMap<string, ClusterState>;
}

/** Attribute of an update with its {@link XdsConfig}. */
export const XDS_CONFIG = "xdsConfig";

/** Attribute of a call with the name of its cluster. */
export const XDS_CLUSTER = "xdsCluster";

/** Attribute of an address with the weight of its locality. */
export const LOCALITY_WEIGHT = "localityWeight";

/** Attribute of an address with the TLS of its connections: a {@link SecurityConfig}. */
export const XDS_SECURITY = "xdsSecurity";
