/**
 * Registers the built-in load balancing policies.
 *
 * @module
 */

import { LEAST_REQUEST } from "./least_request.ts";
import { OUTLIER_DETECTION } from "./outlier_detection.ts";
import { PICK_FIRST } from "./pick_first.ts";
import { PRIORITY } from "./priority.ts";
import { RANDOM_SUBSETTING } from "./random_subsetting.ts";
import { registerBalancer } from "./registry.ts";
import { RING_HASH } from "./ring_hash.ts";
import { ROUND_ROBIN } from "./round_robin.ts";
import type { BalancerPolicyDefinition } from "./types.ts";
import { WEIGHTED_ROUND_ROBIN } from "./weighted_round_robin.ts";
import { WEIGHTED_TARGET } from "./weighted_target.ts";

/** Policies that gRPC's implementations know with `_experimental` at the end of their names. */
// deno-lint-ignore no-explicit-any
const EXPERIMENTAL: readonly BalancerPolicyDefinition<any>[] = [
  LEAST_REQUEST,
  OUTLIER_DETECTION,
  PRIORITY,
  RANDOM_SUBSETTING,
  RING_HASH,
  WEIGHTED_TARGET,
];

/** Registers all built-in policies. Idempotent. */
export function registerBuiltinBalancers(): void {
  registerBalancer(PICK_FIRST);
  registerBalancer(ROUND_ROBIN);
  registerBalancer(WEIGHTED_ROUND_ROBIN);
  for (const policy of EXPERIMENTAL) {
    registerBalancer(policy);
    registerBalancer({ ...policy, name: `${policy.name}_experimental` });
  }
}
