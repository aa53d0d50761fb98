/**
 * Methods that the gateway exposes: those of the given services, and those listed by the service's reflection.
 *
 * @module
 */

import {
  createFileRegistry,
  createRegistry,
  type DescFile,
  type DescService,
  type Registry,
} from "@bufbuild/protobuf";
import { RpcError } from "../errors.ts";
import { Status } from "../call/status.ts";
import type { Channel } from "../rpc/channel/channel.ts";
import { NameSuggestions } from "../rpc/dispatch/name_suggestion.ts";
import { Comments } from "../schema/comments.ts";
import { DescriptorBudget, type DescriptorLimits } from "../schema/limits.ts";
import { depthFault } from "../schema/type_depth.ts";
import {
  type Reflected,
  type ReflectOptions,
  reflectServices,
} from "../services/reflection_client.ts";
import type { GatewayMethod } from "./gateway_method.ts";
import {
  bindMethods,
  type BoundMethods,
  type HttpRuleSummary,
} from "./transcoding/bound_methods.ts";
import type { TemplateTable } from "./transcoding/template_table.ts";

/** Options of a {@link MethodTable}. */
export interface MethodTableOptions {
  /** Services that are exposed without reflection. */
  readonly services: readonly DescService[];
  /** Longest time for reading the list of methods, in ms. */
  readonly timeoutMs: number;
  /** Bounds on what reflection sends. */
  readonly reflection: DescriptorLimits;
  /** Limit on the rules of HTTP. */
  readonly maxHttpRules: number;
}

// Shortest time between two reloads for unknown names, and after a failed reload, in ms.
const RELOAD_MS = 1_000;
// Longest time for reading the list of methods, in ms.
const MAX_LOAD_MS = 10_000;
// Services that are not exposed over HTTP, because only gRPC clients use them.
const HIDDEN = /^grpc\.(reflection|health)\.|^vrpc\.(v1\.BatchService$|guest\.)/;

const NOTHING: Reflected = {
  services: [],
  registry: createFileRegistry(),
  faults: new Map(),
  comments: new Comments(),
};

/** Methods that can be called on a channel. */
export class MethodTable {
  readonly #channel: Channel;
  readonly #options: ReflectOptions;
  readonly #known = new Map<string, GatewayMethod>();
  readonly #suggestions = new NameSuggestions();
  readonly #maxHttpRules: number;
  readonly #knownComments = new Comments();
  #reflectedComments: Reflected["comments"] = NOTHING.comments;
  #bound: BoundMethods;
  #reflected = new Map<string, GatewayMethod>();
  #faults: ReadonlyMap<string, string> = new Map();
  #loadedMs = -Infinity;
  #loading: Promise<void> | null = null;
  #failure: unknown;
  #failedMs = -Infinity;

  /** Throws RangeError for limits of reflection out of range. */
  constructor(channel: Channel, options: MethodTableOptions) {
    this.#channel = channel;
    const { reflection, timeoutMs, services } = options;
    // Checks the limits.
    new DescriptorBudget(reflection);
    this.#options = { ...reflection, timeoutMs: Math.min(Math.max(timeoutMs, 1), MAX_LOAD_MS) };
    for (const service of services) {
      const files = filesAround(service.file);
      addMethods(this.#known, service, createRegistry(...files));
      for (const { proto } of files) this.#knownComments.addFile(proto);
    }
    this.#maxHttpRules = options.maxHttpRules;
    this.#bound = bindMethods(this.all(), this.#maxHttpRules);
  }

  /** Bindings of HTTP of the methods that are known. */
  get table(): TemplateTable {
    return this.#bound.table;
  }

  /** Returns the comment of a message, field, method and so on; undefined for none. */
  comment(name: string): string | undefined {
    return this.#knownComments.get(name) ?? this.#reflectedComments.get(name);
  }

  /** Returns the methods that can be called, ordered by name. */
  callable(): GatewayMethod[] {
    return this.all().filter(({ path, desc }) =>
      this.faultOf(path) === undefined && depthFault(desc) === undefined
    );
  }

  /** Returns the rules of HTTP of a method. */
  httpRulesOf(path: string): readonly HttpRuleSummary[] {
    return this.#bound.summaries.get(path) ?? [];
  }

  /** Returns a known method, without reloading. */
  get(path: string): GatewayMethod | undefined {
    return this.#known.get(path) ?? this.#reflected.get(path);
  }

  /**
   * Reads the list again, for at most `timeoutMs`, unless it was read within the last second. Rejects with RpcError when
   * that fails. A service without reflection has no methods but the given ones.
   */
  async refresh(timeoutMs: number): Promise<void> {
    if (performance.now() - this.#loadedMs < RELOAD_MS) return;
    await within(timeoutMs, this.load());
  }

  /** Returns whether a method is known, without reloading. */
  has(path: string): boolean {
    return this.#known.has(path) || this.#reflected.has(path);
  }

  /** Returns all methods, ordered by name. */
  all(): GatewayMethod[] {
    const all = new Map([...this.#reflected, ...this.#known]);
    return [...all.values()].sort((a, b) => a.path < b.path ? -1 : 1);
  }

  /** Returns why a method can't be called although the service lists it; undefined when it can. */
  faultOf(path: string): string | undefined {
    if (this.#known.has(path)) return undefined;
    return this.#faults.get(path) ?? this.#faults.get(path.slice(1, path.lastIndexOf("/")));
  }

  /** Returns the services that are listed and not described, each with the reason. */
  undescribed(): [service: string, reason: string][] {
    return [...this.#faults].filter(([name]) => !name.startsWith("/") && !HIDDEN.test(name));
  }

  /** Returns `; did you mean x?` for the known path nearest to `path`, or nothing; rate-limited. */
  didYouMean(path: string): string {
    return this.#suggestions.didYouMean(path, () => this.all().map((method) => method.path));
  }

  /**
   * Reads the methods of the service; concurrent callers share one request. After a failure that may have cost the
   * service or this process much, the same failure is given for a second.
   */
  load(): Promise<void> {
    if (performance.now() - this.#failedMs < RELOAD_MS) return Promise.reject(this.#failure);
    return this.#loading ??= this.#load().catch((error) => {
      if (!(error instanceof RpcError) || error.code !== Status.UNAVAILABLE) {
        this.#failure = error;
        this.#failedMs = performance.now();
      }
      throw error;
    }).finally(() => this.#loading = null);
  }

  // A service without reflection has the given methods only, if there are some.
  async #reflect(): Promise<Reflected> {
    try {
      return await reflectServices(this.#channel, this.#options);
    } catch (error) {
      const absent = error instanceof RpcError && error.code === Status.UNIMPLEMENTED;
      if (absent && this.#known.size > 0) return NOTHING;
      throw error;
    }
  }

  async #load(): Promise<void> {
    const reflected = await this.#reflect();
    this.#reflected = methodsOf(reflected);
    this.#faults = reflected.faults;
    this.#reflectedComments = reflected.comments;
    this.#bound = bindMethods(this.all(), this.#maxHttpRules);
    this.#loadedMs = performance.now();
  }
}

/** Returns the methods that a service lists, but for those that only gRPC clients use. */
export function methodsOf({ services, registry }: Reflected): Map<string, GatewayMethod> {
  const methods = new Map<string, GatewayMethod>();
  for (const name of services) {
    const service = HIDDEN.test(name) ? undefined : registry.getService(name);
    if (service !== undefined) addMethods(methods, service, registry);
  }
  return methods;
}

function addMethods(
  methods: Map<string, GatewayMethod>,
  service: DescService,
  registry: Registry,
): void {
  for (const desc of service.methods) {
    const path = `/${service.typeName}/${desc.name}`;
    methods.set(path, { path, desc, registry });
  }
}

/** Returns a file and all files that it imports, directly or indirectly. */
function filesAround(file: DescFile): DescFile[] {
  const files = new Set([file]);
  // Iterating a Set includes files that are added meanwhile.
  for (const one of files) for (const imported of one.dependencies) files.add(imported);
  return [...files];
}

async function within(timeoutMs: number, done: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const text = "The methods of the service could not be read before the deadline";
      reject(new RpcError(Status.DEADLINE_EXCEEDED, text));
    }, timeoutMs);
  });
  try {
    await Promise.race([done, late]);
  } finally {
    clearTimeout(timer);
  }
}
