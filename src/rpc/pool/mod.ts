/**
 * Connections of a channel: the types of pool sizes, balancing, health checks, dialling and statistics.
 *
 * @module
 */

export type {
  AddressStats,
  ChannelState,
  ConnectionStats,
  DialFunction,
  HealthCheckOptions,
  PoolSize,
} from "./options.ts";
export type { BalancerPolicy } from "../balancer/registry.ts";
