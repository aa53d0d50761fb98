/**
 * The resolver of `xds:` targets.
 *
 * @module
 */

import { Status } from "../../call/status.ts";
import { PickFailure } from "../../rpc/balancer/types.ts";
import type {
  ConfigSelector,
  NameResolver,
  ResolverContext,
  ResolverTarget,
  ResolverUpdate,
} from "../../rpc/resolver/types.ts";
import { XDS_CONFIG, type XdsConfig } from "../balancers/xds_config.ts";
import { clientListenerName } from "../client/names.ts";
import type { XdsClient } from "../client/xds_client.ts";
import { RouteSelector } from "../routing/route_selector.ts";
import { XdsDependencies } from "./dependencies.ts";

/** Makes the resolver; `clientOf` returns the client, and throws TypeError without a valid bootstrap. */
export function xdsResolver(clientOf: () => XdsClient): NameResolver {
  return {
    watch: (target, context) => watchTarget(clientOf(), target, context),
  };
}

async function* watchTarget(
  client: XdsClient,
  target: ResolverTarget,
  context: ResolverContext,
): AsyncGenerator<ResolverUpdate | Error> {
  const mailbox = new Mailbox(context.signal);
  const dependencies = new XdsDependencies({
    client,
    listenerName: clientListenerName(client.bootstrap, target),
    authority: target.path,
    onConfig: (config) => mailbox.put(config),
    onError: (error) => mailbox.put(error),
  });
  const updates = new UpdateMaker(dependencies, context);
  try {
    for (;;) {
      const next = await mailbox.take();
      if (next === undefined) return;
      yield next instanceof Error ? updates.failed(next) : updates.of(next);
    }
  } finally {
    dependencies.close();
  }
}

/** The latest configuration or error that was not taken yet. */
class Mailbox {
  #latest: XdsConfig | Error | undefined = undefined;
  #wake: (() => void) | undefined = undefined;
  readonly #signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#wake?.(), { once: true });
  }

  put(value: XdsConfig | Error): void {
    this.#latest = value;
    this.#wake?.();
  }

  /** Resolves to undefined once the signal fires. */
  async take(): Promise<XdsConfig | Error | undefined> {
    while (this.#latest === undefined && !this.#signal.aborted) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const latest = this.#signal.aborted ? undefined : this.#latest;
    this.#latest = undefined;
    return latest;
  }
}

/** Makes the updates of one channel. */
class UpdateMaker {
  readonly #references: XdsDependencies;
  readonly #random: () => number;
  readonly #channelId: bigint;
  /** Names of the clusters, and the service config for them: the same object while they are the same. */
  #names = "";
  #serviceConfig: unknown = undefined;
  #selector: { config: XdsConfig; selector: ConfigSelector } | undefined = undefined;

  constructor(references: XdsDependencies, { random }: ResolverContext) {
    this.#references = references;
    this.#random = random;
    const half = () => BigInt(Math.floor(random() * 2 ** 32));
    this.#channelId = half() << 32n | half();
  }

  of(config: XdsConfig): ResolverUpdate {
    return {
      addresses: [],
      serviceConfig: this.#serviceConfigOf(config),
      configSelector: this.#selectorOf(config),
      attributes: { [XDS_CONFIG]: config },
    };
  }

  /** Before the first configuration the error fails the channel, later it fails the calls: nothing stays in use. */
  failed(error: Error): ResolverUpdate | Error {
    if (this.#serviceConfig === undefined) return error;
    const failure = new PickFailure(Status.UNAVAILABLE, error.message);
    this.#names = "";
    this.#selector = undefined;
    this.#serviceConfig = { loadBalancingConfig: [managerConfig([])] };
    return {
      addresses: [],
      serviceConfig: this.#serviceConfig,
      configSelector: { select: () => failure },
    };
  }

  #serviceConfigOf({ clusters }: XdsConfig): unknown {
    const list = [...clusters.keys()];
    const names = JSON.stringify(list);
    if (names !== this.#names) {
      this.#names = names;
      this.#serviceConfig = { loadBalancingConfig: [managerConfig(list)] };
    }
    return this.#serviceConfig;
  }

  #selectorOf(config: XdsConfig): ConfigSelector {
    const { manager, host } = config;
    const last = this.#selector;
    if (last?.config.manager === manager && last.config.host === host) return last.selector;
    const selector = new RouteSelector({
      manager,
      host,
      references: this.#references,
      channelId: this.#channelId,
      random: this.#random,
    });
    this.#selector = { config, selector };
    return selector;
  }
}

function managerConfig(names: readonly string[]): Record<string, unknown> {
  const children = names.map((cluster) => [cluster, {
    childPolicy: [{ cds_experimental: { cluster } }],
  }]);
  return { xds_cluster_manager_experimental: { children: Object.fromEntries(children) } };
}
