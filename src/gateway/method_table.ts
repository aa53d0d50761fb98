/**
 * Methods that the gateway exposes: those of the given services, and those listed by the service's reflection.
 *
 * @module
 */

import type { DescMethod, DescService, FileRegistry, Registry } from "@bufbuild/protobuf";
import type { Channel } from "../rpc/channel/channel.ts";
import { NameSuggestions } from "../rpc/dispatch/name_suggestion.ts";
import { reflectServices } from "../services/reflection_client.ts";

/** Method with the types that its messages may contain. */
export interface GatewayMethod {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly desc: DescMethod;
  /** Types of `google.protobuf.Any` in JSON; undefined for methods of given services. */
  readonly registry?: Registry;
}

// Shortest time between two reloads for names that are not found.
const RELOAD_MS = 1_000;
// Services that are useful to gRPC clients only.
const HIDDEN = /^grpc\.(reflection|health)\.|^vrpc\.v1\.BatchService$/;

/** Methods that can be called on a channel. */
export class MethodTable {
  readonly #channel: Channel;
  readonly #timeoutMs: number;
  readonly #known = new Map<string, GatewayMethod>();
  readonly #suggestions = new NameSuggestions();
  #reflected = new Map<string, GatewayMethod>();
  #loadedMs = -Infinity;
  #loading: Promise<void> | null = null;

  /** `services` are exposed without reflection. */
  constructor(channel: Channel, services: readonly DescService[], timeoutMs: number) {
    this.#channel = channel;
    this.#timeoutMs = timeoutMs;
    for (const service of services) addMethods(this.#known, service);
  }

  /** Finds a method, reloading the list when it is unknown. Rejects with RpcError when that fails. */
  async find(path: string): Promise<GatewayMethod | undefined> {
    const found = this.#known.get(path) ?? this.#reflected.get(path);
    if (found !== undefined) return found;
    if (performance.now() - this.#loadedMs >= RELOAD_MS) await this.load();
    return this.#reflected.get(path);
  }

  /** Returns whether a method is known, without reloading. */
  has(path: string): boolean {
    return this.#known.has(path) || this.#reflected.has(path);
  }

  /** Returns all methods, ordered by name. */
  all(): GatewayMethod[] {
    const all = new Map([...this.#known, ...this.#reflected]);
    return [...all.values()].sort((a, b) => a.path < b.path ? -1 : 1);
  }

  /** Returns `; did you mean x?` for the known path nearest to `path`, or nothing; rate-limited. */
  didYouMean(path: string): string {
    return this.#suggestions.didYouMean(path, () => this.all().map((method) => method.path));
  }

  /** Reads the methods of the service; concurrent callers share one request. */
  load(): Promise<void> {
    return this.#loading ??= this.#load().finally(() => this.#loading = null);
  }

  async #load(): Promise<void> {
    const { services, registry } = await reflectServices(this.#channel, {
      timeoutMs: this.#timeoutMs,
    });
    const methods = new Map<string, GatewayMethod>();
    for (const name of services) {
      const service = HIDDEN.test(name) ? undefined : registry.getService(name);
      if (service !== undefined) addMethods(methods, service, registry);
    }
    this.#reflected = methods;
    this.#loadedMs = performance.now();
  }
}

function addMethods(
  methods: Map<string, GatewayMethod>,
  service: DescService,
  registry?: FileRegistry,
): void {
  for (const desc of service.methods) {
    const path = `/${service.typeName}/${desc.name}`;
    methods.set(path, { path, desc, registry });
  }
}
