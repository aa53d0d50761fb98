/**
 * Registers the load balancing policies of xDS.
 *
 * @module
 */

import { registerBuiltinBalancers } from "../../rpc/balancer/builtin.ts";
import { balancerNames, registerBalancer } from "../../rpc/balancer/registry.ts";
import { CDS } from "./cds.ts";
import { CLUSTER_IMPL } from "./cluster_impl.ts";
import { CLUSTER_MANAGER } from "./cluster_manager.ts";
import { WRR_LOCALITY } from "./wrr_locality.ts";

/** Registers the policies, and the built-in ones that they use. Idempotent; no registered policy is replaced. */
export function registerXdsBalancers(): void {
  if (!balancerNames().includes("round_robin")) registerBuiltinBalancers();
  registerBalancer(CDS);
  registerBalancer(CLUSTER_IMPL);
  registerBalancer(CLUSTER_MANAGER);
  registerBalancer(WRR_LOCALITY);
}
