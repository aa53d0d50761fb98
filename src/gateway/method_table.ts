/**
 * Which methods can be called through the gateway: those known beforehand, and those that the service's
 * reflection tells of.
 *
 * @module
 */

import type { DescMethod, DescService, FileRegistry, Registry } from "@bufbuild/protobuf";
import type { Channel } from "../rpc/channel/channel.ts";
import { NameSuggestions } from "../rpc/dispatch/name_suggestion.ts";
import { reflectServices } from "../services/reflection_client.ts";

/** A method and the types that its messages may contain. */
export interface GatewayMethod {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly desc: DescMethod;
  /** For `google.protobuf.Any` in JSON; undefined for methods known beforehand. */
  readonly registry?: Registry;
}

// A name that is not found asks for the list anew, but not more often than this.
const RELOAD_MS = 1_000;
// Services about services are of no use here.
const HIDDEN = /^grpc\.(reflection|health)\.|^vrpc\.v1\.BatchService$/;

/** The methods of one service behind a channel. */
export class MethodTable {
  readonly #channel: Channel;
  readonly #timeoutMs: number;
  readonly #known = new Map<string, GatewayMethod>();
  readonly #suggestions = new NameSuggestions();
  #reflected = new Map<string, GatewayMethod>();
  #loadedMs = -Infinity;
  #loading: Promise<void> | null = null;

  /** `services` are known without asking. */
  constructor(channel: Channel, services: readonly DescService[], timeoutMs: number) {
    this.#channel = channel;
    this.#timeoutMs = timeoutMs;
    for (const service of services) addMethods(this.#known, service);
  }

  /** Finds a method, asking the service when it is not known. Rejects with RpcError when it can't be asked. */
  async find(path: string): Promise<GatewayMethod | undefined> {
    const found = this.#known.get(path) ?? this.#reflected.get(path);
    if (found !== undefined) return found;
    if (performance.now() - this.#loadedMs >= RELOAD_MS) await this.load();
    return this.#reflected.get(path);
  }

  /** Whether a method is known, without asking for it. */
  has(path: string): boolean {
    return this.#known.has(path) || this.#reflected.has(path);
  }

  /** Every method, in order of names. */
  all(): GatewayMethod[] {
    const all = new Map([...this.#known, ...this.#reflected]);
    return [...all.values()].sort((a, b) => a.path < b.path ? -1 : 1);
  }

  /** Returns `; did you mean x?` for the method most similar to `path`, or nothing; a few times a second. */
  didYouMean(path: string): string {
    return this.#suggestions.didYouMean(path, () => this.all().map((method) => method.path));
  }

  /** Asks the service for its methods; several callers share one question. */
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
