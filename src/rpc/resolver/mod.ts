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
export { staticResolver } from "./static_resolver.ts";
export type { NameResolver, ResolverContext, ResolverTarget, ResolverUpdate } from "./types.ts";
