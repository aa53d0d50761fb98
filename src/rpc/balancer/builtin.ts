/**
 * Registers the built-in load balancing policies.
 *
 * @module
 */

import { LEAST_REQUEST } from "./least_request.ts";
import { PICK_FIRST } from "./pick_first.ts";
import { registerBalancer } from "./registry.ts";
import { ROUND_ROBIN } from "./round_robin.ts";

/** Registers all built-in policies. Idempotent. */
export function registerBuiltinBalancers(): void {
  registerBalancer(PICK_FIRST);
  registerBalancer(ROUND_ROBIN);
  registerBalancer(LEAST_REQUEST);
  registerBalancer({ ...LEAST_REQUEST, name: "least_request_experimental" });
}
