/**
 * Resolvers of your own, by the scheme of their targets.
 *
 * ```ts
 * import { connect } from "@vrpc/vrpc";
 * import { registerResolver } from "@vrpc/vrpc/resolver";
 *
 * registerResolver("example", {
 *   async *watch(target) {
 *     yield { addresses: [`127.0.0.1:${target.path}`] };
 *   },
 * });
 * await using channel = connect("example:///50051");
 * ```
 *
 * @module
 */

export type { Clock } from "../../call/clock.ts";
export { fileResolver, type FileResolverOptions } from "./file_resolver.ts";
export { kubernetesResolver, type KubernetesResolverOptions } from "./kubernetes_resolver.ts";
export { registerResolver } from "./registry.ts";
export { srvResolver, type SrvResolverOptions } from "./srv_resolver.ts";
export { staticResolver } from "./static_resolver.ts";
export type { HedgingPolicy, MethodConfig, RetryPolicy } from "./service_config.ts";
export type {
  CallConfig,
  ConfigSelector,
  NameResolver,
  ResolverContext,
  ResolverTarget,
  ResolverUpdate,
} from "./types.ts";
export {
  type Attributes,
  type PickedCall,
  PickFailure,
  type ResolvedAddress,
} from "../balancer/types.ts";
