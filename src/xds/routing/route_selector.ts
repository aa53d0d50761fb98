/**
 * The config selector of an xDS target: the route of each call, its cluster, and its settings (gRPC A28, A31, A33, A42, A44).
 *
 * @module
 */

import { Status } from "../../call/status.ts";
import {
  type Attributes,
  type PickedCall,
  PickFailure,
  REQUEST_HASH,
} from "../../rpc/balancer/types.ts";
import type { MethodConfig, RetryPolicy } from "../../rpc/resolver/service_config.ts";
import type { CallConfig, ConfigSelector } from "../../rpc/resolver/types.ts";
import { XDS_CLUSTER } from "../balancers/xds_config.ts";
import { headerValue } from "../resources/matchers.ts";
import type {
  FaultConfig,
  FilterOverrides,
  HashPolicy,
  HttpConnectionManager,
  RetryConfig,
  Route,
  RouteAction,
  VirtualHost,
  WeightedCluster,
} from "../resources/types.ts";
import { hashOf } from "./call_hash.ts";
import { type Fault, injectFault, releaseFault } from "./faults.ts";

/** Keeps clusters in use while calls may go to them. */
export interface ClusterReferences {
  /** Adds a call. */
  acquire(cluster: string): void;
  /** Ends the use of a call. */
  release(cluster: string): void;
}

/** What a {@link RouteSelector} needs of its channel. */
export interface RouteSelectorOptions {
  readonly manager: HttpConnectionManager;
  readonly host: VirtualHost;
  readonly references: ClusterReferences;
  /** Random number of the channel, of 64 bits without sign. */
  readonly channelId: bigint;
  readonly random: () => number;
}

/** gRPC A44. */
const BACKOFF_MULTIPLIER = 2;
const MAX_ATTEMPTS = 5;
const ALL_MILLIONTHS = 1_000_000;

interface PreparedCluster {
  readonly name: string;
  /** Sum of the weights up to and including this one. */
  readonly sum: number;
  readonly attributes: Attributes;
  readonly faults: readonly FaultConfig[];
}

interface PreparedRoute {
  readonly route: Route;
  /** Undefined for a route that fails its calls. */
  readonly action: {
    readonly clusters: readonly PreparedCluster[];
    readonly settings: MethodConfig;
    readonly hashPolicies: readonly HashPolicy[];
  } | undefined;
}

/** Chooses by the routes of one virtual host. */
export class RouteSelector implements ConfigSelector {
  readonly #options: RouteSelectorOptions;
  readonly #routes: readonly PreparedRoute[];

  /** Prepares the routes. */
  constructor(options: RouteSelectorOptions) {
    this.#options = options;
    const { host, manager } = options;
    this.#routes = host.routes.map((route) => ({
      route,
      action: route.action.kind === "route"
        ? prepareAction(route, route.action, host, manager)
        : undefined,
    }));
  }

  select(call: PickedCall): CallConfig | PickFailure {
    const { random, references, channelId } = this.#options;
    const found = this.#routes.find(({ route }) => matches(route, call, random));
    if (found === undefined) {
      return new PickFailure(Status.UNAVAILABLE, `No route matches ${call.path}`);
    }
    const { action } = found;
    if (action === undefined) {
      return new PickFailure(Status.UNAVAILABLE, `The route of ${call.path} leads to no cluster`);
    }
    const { clusters, settings, hashPolicies } = action;
    const cluster = pickCluster(clusters, random);
    const hash = hashPolicies.length === 0
      ? undefined
      : hashOf(hashPolicies, call.metadata, channelId);
    const attributes = hash === undefined
      ? cluster.attributes
      : { ...cluster.attributes, [REQUEST_HASH]: hash };
    let fault: Fault | undefined;
    for (const config of cluster.faults) {
      fault = injectFault(config, call.metadata, random);
      if (fault !== undefined) break;
    }
    references.acquire(cluster.name);
    return new RoutedCall(settings, attributes, cluster.name, references, fault);
  }
}

/** The settings of one call. */
class RoutedCall implements CallConfig {
  readonly delayMs: number;
  readonly failure: Fault["failure"];
  #cluster: string | undefined;
  #faulty: boolean;

  constructor(
    readonly settings: MethodConfig,
    readonly attributes: Attributes,
    cluster: string,
    readonly references: ClusterReferences,
    fault: Fault | undefined,
  ) {
    this.#cluster = cluster;
    this.#faulty = fault !== undefined;
    this.delayMs = fault?.delayMs ?? 0;
    this.failure = fault?.failure;
  }

  onCommitted(): void {
    const cluster = this.#cluster;
    this.#cluster = undefined;
    if (cluster !== undefined) this.references.release(cluster);
  }

  onEnded(): void {
    this.onCommitted();
    if (this.#faulty) releaseFault();
    this.#faulty = false;
  }
}

function matches(route: Route, call: PickedCall, random: () => number): boolean {
  if (!route.matchesPath(call.path)) return false;
  for (const { name, matches: accepts } of route.headers) {
    if (!accepts(headerValue(call.metadata, name))) return false;
  }
  return route.fraction === undefined || random() * ALL_MILLIONTHS < route.fraction;
}

function pickCluster(
  clusters: readonly PreparedCluster[],
  random: () => number,
): PreparedCluster {
  if (clusters.length === 1) return clusters[0];
  const point = random() * clusters.at(-1)!.sum;
  return clusters.find(({ sum }) => point < sum)!;
}

function prepareAction(
  route: Route,
  action: RouteAction & { kind: "route" },
  host: VirtualHost,
  manager: HttpConnectionManager,
): NonNullable<PreparedRoute["action"]> {
  let sum = 0;
  const clusters = action.clusters.map((cluster: WeightedCluster) => ({
    name: cluster.name,
    sum: sum += cluster.weight,
    attributes: { [XDS_CLUSTER]: cluster.name },
    faults: faultsOf(manager, [cluster.overrides, route.overrides, host.overrides]),
  }));
  const timeoutMs = action.maxStreamDurationMs ?? manager.maxStreamDurationMs;
  const retry = retryOf(action.retry ?? host.retry);
  return {
    clusters,
    hashPolicies: action.hashPolicies,
    settings: {
      ...(timeoutMs > 0 && { timeoutMs }),
      ...(retry !== undefined && { retry }),
    },
  };
}

/** The faults of a call: the first override of a filter replaces its configuration. */
function faultsOf(
  { filters }: HttpConnectionManager,
  overrides: readonly FilterOverrides[],
): FaultConfig[] {
  const faults: FaultConfig[] = [];
  for (const { name, config } of filters) {
    if (config.kind !== "fault") continue;
    const override = overrides.find((one) => one.has(name));
    const used = override === undefined ? config : override.get(name);
    if (used?.kind === "fault") faults.push(used.fault);
  }
  return faults;
}

function retryOf(retry: RetryConfig | undefined): RetryPolicy | undefined {
  if (retry === undefined || retry.codes.size === 0) return undefined;
  return {
    maxAttempts: Math.min(MAX_ATTEMPTS, retry.retries + 1),
    initialBackoffMs: retry.baseIntervalMs,
    maxBackoffMs: retry.maxIntervalMs,
    backoffMultiplier: BACKOFF_MULTIPLIER,
    retryableCodes: retry.codes,
  };
}
