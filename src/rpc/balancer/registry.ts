/**
 * Load balancing policies by name, and the choice among them by `loadBalancingConfig`.
 *
 * @module
 */

import type { BalancerPolicyDefinition, ConfiguredBalancer } from "./types.ts";

/** Entries of `loadBalancingConfig`: each has the name of a policy as its only key, and its configuration as the value. */
export type LoadBalancingConfig = readonly Readonly<Record<string, unknown>>[];

/** Name of a load balancing policy: built in, or registered by {@link registerBalancer}. */
export type BalancerPolicy =
  | "pick_first"
  | "round_robin"
  | "least_request"
  | "weighted_round_robin"
  // deno-lint-ignore ban-types
  | (string & {});

// deno-lint-ignore no-explicit-any
const policies = new Map<string, BalancerPolicyDefinition<any>>();

/**
 * Registers a load balancing policy for all channels that are made from now on. A policy with the same name is replaced.
 * Throws TypeError for a definition that is not valid.
 */
export function registerBalancer<Config>(definition: BalancerPolicyDefinition<Config>): void {
  const { name, create } = definition;
  if (typeof name !== "string" || name === "" || typeof create !== "function") {
    throw new TypeError("Cannot register a balancer: it must have a name and a function create");
  }
  policies.set(name, definition);
}

/** Names of the registered policies, in alphabetical order. */
export function balancerNames(): string[] {
  return [...policies.keys()].sort();
}

/** Returns the policy with its configuration, undefined for an unknown name. Throws TypeError for an invalid one. */
export function configureBalancer(
  name: string,
  json: unknown = {},
): ConfiguredBalancer | undefined {
  const policy = policies.get(name);
  if (policy === undefined) return undefined;
  return { policy, config: policy.parseConfig === undefined ? json : policy.parseConfig(json) };
}

/**
 * Returns the first known policy of a list; undefined if none is known. Throws TypeError for an entry without exactly one
 * name, and for an invalid configuration of the chosen policy. `where` names the list in errors.
 */
export function chooseBalancer(
  list: LoadBalancingConfig,
  where = "loadBalancingConfig",
): ConfiguredBalancer | undefined {
  if (!Array.isArray(list)) throw new TypeError(`Cannot parse ${where}: it must be a list`);
  for (const [i, entry] of list.entries()) {
    const names = typeof entry === "object" && entry !== null ? Object.keys(entry) : [];
    if (names.length !== 1) {
      throw new TypeError(`Cannot parse ${where}[${i}]: it must name exactly one policy`);
    }
    const chosen = configureBalancer(names[0], entry[names[0]] ?? {});
    if (chosen !== undefined) return chosen;
  }
  return undefined;
}

/** Like `chooseBalancer`, but throws TypeError if no policy of the list is known. */
export function requireBalancer(list: LoadBalancingConfig, where: string): ConfiguredBalancer {
  const chosen = chooseBalancer(list ?? [], where);
  if (chosen !== undefined) return chosen;
  const names = (list ?? []).map((entry) => Object.keys(entry)[0]).join(", ") || "nothing";
  throw new TypeError(
    `Cannot balance by ${names} (${where}): known policies are ${balancerNames().join(", ")}`,
  );
}
