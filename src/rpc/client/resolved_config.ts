/**
 * The service config and the config selector that a channel's resolver gives, and the calls that wait for the first one.
 *
 * @module
 */

import { isInstance, textOf } from "../../errors.ts";
import type { ConfiguredBalancer } from "../balancer/types.ts";
import {
  type MethodConfig,
  type ParsedServiceConfig,
  parseServiceConfig,
  type ServiceConfig,
} from "../resolver/service_config.ts";
import type { ConfigSelector, ResolverUpdate } from "../resolver/types.ts";

/** A method that configs apply to. */
export interface ConfigurableMethod {
  readonly path: string;
  /** Whether its calls are started with a policy of their own. */
  readonly hasPolicy: boolean;
}

/** A call that waits for a config. */
export interface ConfigWaiter {
  /** Called once a config is known. */
  onConfig(): void;
}

/** Configuration of a {@link ResolvedConfig}. */
export interface ResolvedConfigOptions<M> {
  /** Config of the channel, used while the resolver gives none. */
  readonly fallback: ParsedServiceConfig;
  /** Policy of the channel, used while the config has none. */
  readonly balancer: ConfiguredBalancer;
  /** Returns a method of the channel with settings. */
  readonly configure: (method: M, config: MethodConfig) => M;
  /** Receives each new config, before calls use it. */
  readonly onConfig: (config: ParsedServiceConfig) => void;
  readonly log: (level: "debug" | "warn", message: string) => void;
}

/** Config of the calls of one channel with a resolver. */
export class ResolvedConfig<M extends ConfigurableMethod> {
  readonly #options: ResolvedConfigOptions<M>;
  /** Calls that began before the first config. */
  readonly #waiting = new Set<ConfigWaiter>();
  /** Config in use; undefined before the first. */
  #config: ParsedServiceConfig | undefined = undefined;
  #selector: ConfigSelector | undefined = undefined;
  /** Config of the latest update, which its balancer gets first. */
  #next: { config: ParsedServiceConfig; selector: ConfigSelector | undefined } | undefined;
  /** The latest service config of the resolver, and what it was parsed to. */
  #source: unknown = undefined;
  #parsed: ParsedServiceConfig | undefined = undefined;
  /** Methods with the settings of `#config`. */
  #methods = new WeakMap<M, M>();
  /** Methods whose calls are configured one by one. */
  readonly #singly = new WeakMap<M, M>();

  /** Has no config before the first update. */
  constructor(options: ResolvedConfigOptions<M>) {
    this.#options = options;
  }

  // ---- for the pool ------------------------------------------------------------------------------------

  /**
   * Reads an update, and returns the policy for its addresses. Throws TypeError for a service config that is not valid,
   * unless an earlier one is in use (gRPC A21).
   */
  read(update: ResolverUpdate): ConfiguredBalancer {
    const config = this.#configOf(update);
    this.#next = { config, selector: update.configSelector };
    return config.balancer ?? this.#options.balancer;
  }

  #configOf({ serviceConfig }: ResolverUpdate): ParsedServiceConfig {
    if (serviceConfig === undefined) return this.#options.fallback;
    if (this.#parsed !== undefined && serviceConfig === this.#source) return this.#parsed;
    try {
      if (isInstance(serviceConfig, Error)) throw serviceConfig;
      this.#parsed = parseServiceConfig(serviceConfig as ServiceConfig | string);
      this.#source = serviceConfig;
      return this.#parsed;
    } catch (error) {
      const last = this.#next?.config ?? this.#config;
      if (last === undefined) throw error;
      this.#options.log("warn", `${textOf(error)}: the one before stays in use`);
      return last;
    }
  }

  /** Uses what was read last for calls, now that the balancer knows it. */
  apply(): void {
    const next = this.#next;
    if (next === undefined) return;
    if (next.config !== this.#config) {
      this.#config = next.config;
      this.#methods = new WeakMap();
      this.#options.onConfig(next.config);
    }
    this.#selector = next.selector;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const waiter of waiting) waiter.onConfig();
  }

  /** Forgets the config: the target is resolved again before the next call. */
  clear(): void {
    this.#config = this.#selector = this.#next = undefined;
  }

  // ---- for calls ---------------------------------------------------------------------------------------

  /** Whether calls can be configured now. */
  get known(): boolean {
    return this.#config !== undefined;
  }

  /** The config selector, if the resolver has one. */
  get selector(): ConfigSelector | undefined {
    return this.#selector;
  }

  /** Whether calls with this path have the settings of the channel's options alone. */
  isPlain(path: string): boolean {
    return this.#config !== undefined && this.#selector === undefined &&
      this.#config.forMethod(path) === undefined;
  }

  /** Returns the settings of calls with this path, where no selector chooses them. */
  settingsOf(path: string): MethodConfig | undefined {
    return this.#config?.forMethod(path);
  }

  /**
   * Returns the method with the settings that all of its calls have now; `hasPolicy` is true if each call has to be
   * configured on its own.
   */
  current(method: M): M {
    if (this.#config === undefined || this.#selector !== undefined) {
      return memo(this.#singly, method, () => Object.freeze({ ...method, hasPolicy: true }));
    }
    return memo(this.#methods, method, () => this.configured(method, this.settingsOf(method.path)));
  }

  /** Returns a method with settings. */
  configured(method: M, settings: MethodConfig | undefined): M {
    return settings === undefined ? method : this.#options.configure(method, settings);
  }

  /** Has `waiter` called once a config is known. */
  wait(waiter: ConfigWaiter): void {
    this.#waiting.add(waiter);
  }

  /** Removes a waiter. */
  leave(waiter: ConfigWaiter): void {
    this.#waiting.delete(waiter);
  }
}

function memo<K extends object, V>(map: WeakMap<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, value = make());
  return value;
}
