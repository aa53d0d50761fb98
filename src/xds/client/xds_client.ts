/**
 * The xDS client: watches resources, keeps what it has got while the control plane is away, and falls back to further
 * servers (gRPC A27, A40, A46, A47, A53, A57, A71, A88).
 *
 * @module
 */

import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { type Node, NodeSchema } from "../../../proto/gen/envoy/config/core/v3/core_pb.ts";
import type { Clock } from "../../call/clock.ts";
import { KIND_INFO, type ResourceKind, type ResourceValues } from "../resources/kinds.ts";
import { type ReceivedResources, sameBytes } from "./ads_state.ts";
import type { Bootstrap, XdsServer } from "./bootstrap.ts";
import { ControlChannel } from "./control_channel.ts";
import { authorityOf, canonicalName } from "./names.ts";
import type { AdsTransport } from "./transport.ts";

/** Receives the states of one resource. */
export interface ResourceWatcher<K extends ResourceKind> {
  /** The resource, and again at each change. */
  onChange(value: ResourceValues[K]): void;
  /** There is no resource that can be used: it is missing, or refused, or the control plane can't be reached. */
  onError(error: Error): void;
  /** A failure while an earlier resource stays in use. */
  onAmbientError?(error: Error): void;
}

/** State of a resource as CSDS reports it (gRPC A40). */
export interface ResourceStatus {
  readonly kind: ResourceKind;
  readonly name: string;
  readonly state: "requested" | "missing" | "acked" | "nacked";
  readonly version: string;
  readonly raw: Any | undefined;
  readonly updatedAtMs: number | undefined;
  readonly failure:
    | { readonly version: string; readonly details: string; readonly atMs: number }
    | undefined;
}

/** Configuration of an {@link XdsClient}. */
export interface XdsClientOptions {
  readonly bootstrap: Bootstrap;
  readonly transport: AdsTransport;
  readonly clock: Clock;
  readonly random: () => number;
  /** Time of day in ms since 1970, for CSDS. */
  readonly timeOfDay: () => number;
  readonly log: (level: "debug" | "warn", message: string) => void;
}

interface Entry {
  readonly watchers: Set<ResourceWatcher<ResourceKind>>;
  value: ResourceValues[ResourceKind] | undefined;
  raw: Any | undefined;
  version: string;
  updatedAtMs: number | undefined;
  missing: boolean;
  failure: ResourceStatus["failure"];
  /** What watchers without a value were given last. */
  error: Error | undefined;
}

/** Version of vrpc, for the control plane's logs. */
const USER_AGENT = "vrpc";

/** The resources of one name space. */
class Authority {
  readonly #options: XdsClientOptions;
  readonly #servers: readonly XdsServer[];
  readonly #node: Node;
  readonly #entries = new Map<ResourceKind, Map<string, Entry>>();
  /** Open channels, by the index of their server; the last is the one in use. */
  readonly #channels: ControlChannel[] = [];

  constructor(options: XdsClientOptions, servers: readonly XdsServer[], node: Node) {
    this.#options = options;
    this.#servers = servers;
    this.#node = node;
  }

  get empty(): boolean {
    return [...this.#entries.values()].every((byName) => byName.size === 0);
  }

  *statuses(): Iterable<ResourceStatus> {
    for (const [kind, byName] of this.#entries) {
      for (const [name, entry] of byName) {
        const { version, raw, updatedAtMs, failure, missing } = entry;
        const known = entry.value === undefined ? "requested" : "acked";
        const state = failure !== undefined ? "nacked" : missing ? "missing" : known;
        yield { kind, name, state, version, raw, updatedAtMs, failure };
      }
    }
  }

  watch<K extends ResourceKind>(
    kind: K,
    name: string,
    given: ResourceWatcher<K>,
  ): () => void {
    const watcher = given as unknown as ResourceWatcher<ResourceKind>;
    let byName = this.#entries.get(kind);
    if (byName === undefined) this.#entries.set(kind, byName = new Map());
    let entry = byName.get(name);
    if (entry === undefined) {
      byName.set(name, entry = newEntry());
      if (this.#channels.length === 0) this.#connect();
      else for (const channel of this.#channels) channel.subscribe(kind, name, false);
    }
    entry.watchers.add(watcher);
    if (entry.value !== undefined) watcher.onChange(entry.value);
    else if (entry.error !== undefined) watcher.onError(entry.error);
    return () => this.#unwatch(kind, name, watcher);
  }

  close(): void {
    for (const channel of this.#channels.splice(0)) channel.close();
  }

  #unwatch(kind: ResourceKind, name: string, watcher: ResourceWatcher<ResourceKind>): void {
    const byName = this.#entries.get(kind)!;
    const entry = byName.get(name);
    if (entry === undefined || !entry.watchers.delete(watcher) || entry.watchers.size > 0) return;
    byName.delete(name);
    if (this.empty) return this.close();
    for (const channel of this.#channels) channel.unsubscribe(kind, name);
  }

  /** Connects to the next server, which is asked for everything. */
  #connect(): void {
    const { bootstrap, transport, clock, random } = this.#options;
    const server = this.#servers[this.#channels.length];
    const instances = new Set(bootstrap.certificateProviders.keys());
    const channel = new ControlChannel({
      server,
      node: this.#node,
      context: { instances, trusted: server.trusted },
      transport,
      clock,
      random,
      owner: {
        onResources: (from, received) => this.#onResources(from, received),
        onMissing: (_, kind, name) => this.#onMissing(kind, name, "the control plane has none"),
        onFailure: (from, error) => this.#onFailure(from, error),
      },
    });
    this.#channels.push(channel);
    for (const [kind, byName] of this.#entries) {
      for (const [name, entry] of byName) {
        channel.subscribe(kind, name, entry.value !== undefined || entry.missing);
      }
    }
  }

  #onFailure(from: ControlChannel, error: Error): void {
    this.#options.log("debug", error.message);
    const entries = [...this.#entries.values()].flatMap((byName) => [...byName.values()]);
    const waits = entries.some((entry) => entry.value === undefined && !entry.missing);
    const isLast = this.#channels.at(-1) === from;
    if (waits && isLast && this.#channels.length < this.#servers.length) return this.#connect();
    if (!isLast) return;
    for (const entry of entries) this.#report(entry, error);
  }

  #onResources(from: ControlChannel, { kind, version, resources }: ReceivedResources): void {
    // A server that is preferred has answered: the ones behind it are not needed any more (gRPC A71).
    const i = this.#channels.indexOf(from);
    for (const channel of this.#channels.splice(i + 1)) channel.close();
    const byName = this.#entries.get(kind);
    if (byName === undefined) return;
    const nowMs = this.#options.timeOfDay();
    const names = new Set<string>();
    for (const { name: given, value, error, raw } of resources) {
      const name = canonicalName(given);
      names.add(name);
      const entry = byName.get(name);
      if (entry === undefined) continue;
      entry.missing = false;
      if (error !== undefined) {
        const text = `${
          KIND_INFO[kind].typeUrl.split(".").at(-1)
        } ${name} is refused: ${error.message}`;
        this.#options.log("warn", text);
        entry.failure = { version, details: error.message, atMs: nowMs };
        this.#report(entry, new Error(text, { cause: error }));
        continue;
      }
      entry.failure = undefined;
      entry.version = version;
      entry.updatedAtMs = nowMs;
      entry.error = undefined;
      const same = entry.value !== undefined && sameBytes(entry.raw!.value, raw.value);
      if (same) continue;
      entry.raw = raw;
      entry.value = value;
      for (const watcher of [...entry.watchers]) watcher.onChange(value!);
    }
    if (KIND_INFO[kind].complete) this.#removed(from, kind, names);
  }

  #removed(from: ControlChannel, kind: ResourceKind, present: ReadonlySet<string>): void {
    for (const [name, entry] of [...this.#entries.get(kind)!]) {
      if (present.has(name) || entry.value === undefined) continue;
      if (from.server.ignoresDeletion) continue;
      this.#onMissing(kind, name, "the control plane has removed it");
    }
  }

  #onMissing(kind: ResourceKind, name: string, reason: string): void {
    const entry = this.#entries.get(kind)?.get(name);
    if (entry === undefined) return;
    entry.value = entry.raw = entry.failure = undefined;
    entry.version = "";
    entry.missing = true;
    const type = KIND_INFO[kind].typeUrl.split(".").at(-1);
    this.#report(entry, new Error(`${type} ${name} does not exist: ${reason}`));
  }

  #report(entry: Entry, error: Error): void {
    if (entry.value === undefined) entry.error = error;
    for (const watcher of [...entry.watchers]) {
      if (entry.value === undefined) watcher.onError(error);
      else watcher.onAmbientError?.(error);
    }
  }
}

/** Watches the resources of all name spaces. */
export class XdsClient {
  readonly bootstrap: Bootstrap;
  readonly #options: XdsClientOptions;
  readonly #node: Node;
  readonly #authorities = new Map<string, Authority>();

  /** Connects at the first watch. */
  constructor(options: XdsClientOptions) {
    this.#options = options;
    this.bootstrap = options.bootstrap;
    const { id, cluster, locality, metadata } = options.bootstrap.node;
    this.#node = create(NodeSchema, {
      id,
      cluster,
      locality,
      metadata,
      userAgentName: USER_AGENT,
      userAgentVersionType: { case: "userAgentVersion", value: "1" },
      clientFeatures: [
        "envoy.lb.does_not_support_overprovisioning",
        "xds.config.resource-in-sotw",
      ],
    });
  }

  /** This process, as the control plane sees it. */
  get node(): Node {
    return this.#node;
  }

  /** Watches a resource. Returns a function that ends that; the last one closes the connection. */
  watch<K extends ResourceKind>(
    kind: K,
    name: string,
    watcher: ResourceWatcher<K>,
  ): () => void {
    const canonical = canonicalName(name);
    const key = authorityOf(canonical);
    let authority = this.#authorities.get(key ?? "");
    if (authority === undefined) {
      const servers = key === undefined
        ? this.bootstrap.servers
        : this.bootstrap.authorities.get(key)?.servers;
      if (servers === undefined) {
        watcher.onError(
          new Error(`${name}: the bootstrap has no authority ${JSON.stringify(key)}`),
        );
        return () => {};
      }
      authority = new Authority(this.#options, servers, this.#node);
      this.#authorities.set(key ?? "", authority);
    }
    return authority.watch(kind, canonical, watcher);
  }

  /** States of all watched resources. */
  *statuses(): Iterable<ResourceStatus> {
    for (const authority of this.#authorities.values()) yield* authority.statuses();
  }

  /** Closes all connections; watchers get nothing more. */
  close(): void {
    for (const authority of this.#authorities.values()) authority.close();
    this.#authorities.clear();
  }
}

function newEntry(): Entry {
  return {
    watchers: new Set(),
    value: undefined,
    raw: undefined,
    version: "",
    updatedAtMs: undefined,
    missing: false,
    failure: undefined,
    error: undefined,
  };
}
