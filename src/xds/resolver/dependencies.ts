/**
 * Watches all resources that a target depends on, and puts together those that belong together (gRPC A37, A74).
 *
 * @module
 */

import type { ClusterState, XdsConfig } from "../balancers/xds_config.ts";
import type { XdsClient } from "../client/xds_client.ts";
import type {
  Cluster,
  Endpoints,
  HttpConnectionManager,
  RouteConfig,
  VirtualHost,
} from "../resources/types.ts";
import { findVirtualHost } from "../routing/virtual_host.ts";

/** Configuration and callbacks of {@link XdsDependencies}. */
export interface XdsDependenciesOptions {
  readonly client: Pick<XdsClient, "watch">;
  /** Name of the listener. */
  readonly listenerName: string;
  /** Authority that selects the virtual host. */
  readonly authority: string;
  /** Called with each complete configuration. */
  readonly onConfig: (config: XdsConfig) => void;
  /** Called if there is no configuration that can be used. */
  readonly onError: (error: Error) => void;
}

/** A watched resource. */
interface Watched<T> {
  readonly stop: () => void;
  value: T | undefined;
  error: Error | undefined;
}

/** Largest depth of aggregates (gRPC A37). */
const MAX_DEPTH = 16;

/** Resources of one target. */
export class XdsDependencies {
  readonly #options: XdsDependenciesOptions;
  readonly #stopListener: () => void;
  #manager: HttpConnectionManager | undefined = undefined;
  #routes: (Watched<RouteConfig> & { readonly name: string }) | undefined = undefined;
  #host: VirtualHost | undefined = undefined;
  readonly #clusters = new Map<string, Watched<Cluster>>();
  readonly #endpoints = new Map<string, Watched<Endpoints>>();
  /** Clusters that calls may still go to. */
  readonly #references = new Map<string, number>();
  /** States of the latest configuration. */
  #states = new Map<string, ClusterState>();
  #scheduled = false;
  #closed = false;

  /** Watches at once. */
  constructor(options: XdsDependenciesOptions) {
    this.#options = options;
    this.#stopListener = options.client.watch("listener", options.listenerName, {
      onChange: (listener) => {
        if (listener.kind !== "api") {
          return this.#fail(new Error("The listener is not for clients"));
        }
        this.#onManager(listener.manager);
      },
      onError: (error) => this.#fail(error),
    });
  }

  /** Keeps a cluster while a call may go to it. */
  acquire(cluster: string): void {
    this.#references.set(cluster, (this.#references.get(cluster) ?? 0) + 1);
  }

  /** Ends the use of a cluster by a call. */
  release(cluster: string): void {
    const count = (this.#references.get(cluster) ?? 1) - 1;
    if (count > 0) return void this.#references.set(cluster, count);
    this.#references.delete(cluster);
    if (this.#host !== undefined && !clustersOf(this.#host).has(cluster)) this.#schedule();
  }

  /** Ends all watches. */
  close(): void {
    this.#closed = true;
    this.#stopListener();
    this.#stopBelow();
  }

  #stopBelow(): void {
    this.#routes?.stop();
    this.#routes = undefined;
    for (const watched of [...this.#clusters.values(), ...this.#endpoints.values()]) watched.stop();
    this.#clusters.clear();
    this.#endpoints.clear();
  }

  #fail(error: Error): void {
    this.#manager = this.#host = undefined;
    this.#states = new Map();
    this.#stopBelow();
    if (!this.#closed) this.#options.onError(error);
  }

  #onManager(manager: HttpConnectionManager): void {
    this.#manager = manager;
    const { routes, routeConfigName: name } = manager;
    if (routes !== undefined || this.#routes?.name !== name) {
      this.#routes?.stop();
      this.#routes = undefined;
    }
    if (routes !== undefined) return this.#onRoutes(routes);
    if (this.#routes === undefined) this.#watchRoutes(name!);
    else if (this.#routes.value !== undefined) this.#onRoutes(this.#routes.value);
  }

  #watchRoutes(name: string): void {
    let stop = () => {};
    const watched = {
      name,
      stop: () => stop(),
      value: undefined as RouteConfig | undefined,
      error: undefined,
    };
    this.#routes = watched;
    stop = this.#options.client.watch("route", name, {
      onChange: (routes) => {
        watched.value = routes;
        this.#onRoutes(routes);
      },
      onError: (error) => this.#failRoutes(error),
    });
  }

  #onRoutes({ hosts }: RouteConfig): void {
    const { authority } = this.#options;
    this.#host = findVirtualHost(hosts, authority);
    if (this.#host === undefined) {
      return this.#failRoutes(new Error(`No virtual host of the routes matches ${authority}`));
    }
    this.#schedule();
  }

  /** Keeps the watch of the routes, which may be mended. */
  #failRoutes(error: Error): void {
    this.#host = undefined;
    if (!this.#closed) this.#options.onError(error);
  }

  /** Changes that come with one response become one configuration. */
  #schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#assemble();
    });
  }

  #assemble(): void {
    const manager = this.#manager;
    const host = this.#host;
    if (this.#closed || manager === undefined || host === undefined) return;
    const wanted = clustersOf(host);
    for (const name of this.#references.keys()) wanted.add(name);
    const usedClusters = new Set<string>();
    const usedEndpoints = new Set<string>();
    let complete = true;
    for (const name of wanted) {
      complete = this.#visit(name, usedClusters, usedEndpoints) && complete;
    }
    stopUnused(this.#clusters, usedClusters);
    stopUnused(this.#endpoints, usedEndpoints);
    if (!complete) return;
    const states = new Map<string, ClusterState>();
    for (const name of usedClusters) states.set(name, this.#stateOf(name));
    this.#states = states;
    this.#options.onConfig({ manager, host, clusters: states });
  }

  /** Watches a cluster and what it depends on; returns whether all of that is known. */
  #visit(name: string, clusters: Set<string>, endpoints: Set<string>): boolean {
    if (clusters.has(name)) return true;
    clusters.add(name);
    const watched = this.#watch("cluster", this.#clusters, name);
    const { value, error } = watched;
    if (value === undefined) return error !== undefined;
    const { discovery } = value;
    if (discovery.kind === "dns") return true;
    if (discovery.kind === "eds") {
      endpoints.add(discovery.serviceName);
      const found = this.#watch("endpoints", this.#endpoints, discovery.serviceName);
      return found.value !== undefined || found.error !== undefined;
    }
    let complete = true;
    for (const inner of discovery.clusters) {
      complete = this.#visit(inner, clusters, endpoints) && complete;
    }
    return complete;
  }

  #watch<K extends "cluster" | "endpoints">(
    kind: K,
    map: Map<string, Watched<K extends "cluster" ? Cluster : Endpoints>>,
    name: string,
  ): Watched<K extends "cluster" ? Cluster : Endpoints> {
    const known = map.get(name);
    if (known !== undefined) return known;
    type Value = K extends "cluster" ? Cluster : Endpoints;
    let stop = () => {};
    const watched: Watched<Value> = { stop: () => stop(), value: undefined, error: undefined };
    map.set(name, watched);
    stop = this.#options.client.watch(kind, name, {
      onChange: (value) => {
        watched.value = value as Value;
        watched.error = undefined;
        this.#schedule();
      },
      onError: (error) => {
        watched.value = undefined;
        watched.error = error;
        this.#schedule();
      },
    });
    return watched;
  }

  /** Returns the state of a cluster: that of the latest configuration if nothing has changed. */
  #stateOf(name: string): ClusterState {
    const { value: cluster, error } = this.#clusters.get(name)!;
    const last = this.#states.get(name);
    const discovery = cluster?.discovery;
    const eds = discovery?.kind === "eds" ? this.#endpoints.get(discovery.serviceName) : undefined;
    const leaves: string[] = [];
    let failure = error;
    if (discovery?.kind === "aggregate") {
      failure = this.#collect(name, leaves, [], new Set());
      if (failure === undefined && leaves.length === 0) {
        failure = new Error(`The aggregate ${name} has no clusters`);
      }
    }
    const state: ClusterState = {
      error: failure,
      cluster,
      endpoints: eds?.value,
      endpointsError: eds?.error,
      leaves,
    };
    const same = last !== undefined && last.cluster === cluster &&
      last.endpoints === state.endpoints && last.endpointsError === state.endpointsError &&
      last.error?.message === failure?.message && String(last.leaves) === String(leaves);
    return same ? last : state;
  }

  /** Adds the clusters that are no aggregates, each once; returns why it can't. */
  #collect(
    name: string,
    leaves: string[],
    path: readonly string[],
    seen: Set<string>,
  ): Error | undefined {
    if (path.includes(name)) return new Error(`The aggregate ${name} contains itself`);
    if (path.length >= MAX_DEPTH) {
      return new Error(`Aggregates are nested more than ${MAX_DEPTH} deep`);
    }
    if (seen.has(name)) return undefined;
    seen.add(name);
    const discovery = this.#clusters.get(name)?.value?.discovery;
    if (discovery?.kind !== "aggregate") return void leaves.push(name);
    for (const inner of discovery.clusters) {
      const error = this.#collect(inner, leaves, [...path, name], seen);
      if (error !== undefined) return error;
    }
    return undefined;
  }
}

function clustersOf({ routes }: VirtualHost): Set<string> {
  const names = new Set<string>();
  for (const { action } of routes) {
    if (action.kind !== "route") continue;
    for (const { name } of action.clusters) names.add(name);
  }
  return names;
}

function stopUnused<T>(map: Map<string, Watched<T>>, used: ReadonlySet<string>): void {
  for (const [name, watched] of map) {
    if (used.has(name)) continue;
    map.delete(name);
    watched.stop();
  }
}
