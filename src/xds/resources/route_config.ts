/**
 * Route configurations (RDS; gRPC A28, A31, A44).
 *
 * @module
 */

import type {
  RetryPolicy,
  Route as RouteMessage,
  RouteAction as RouteActionMessage,
  RouteAction_HashPolicy,
  RouteConfiguration,
  RouteMatch,
  VirtualHost as VirtualHostMessage,
  WeightedCluster as WeightedClusters,
} from "../../../proto/gen/envoy/config/route/v3/route_pb.ts";
import { Status } from "../../call/status.ts";
import { durationMs } from "./any.ts";
import { parseOverrides } from "./http_filters.ts";
import { compileRegex, headerMatcher, millionths } from "./matchers.ts";
import { invalid, ResourceError } from "./resource_error.ts";
import type {
  HashPolicy,
  RetryConfig,
  Route,
  RouteAction,
  RouteConfig,
  VirtualHost,
  WeightedCluster,
} from "./types.ts";

const RETRYABLE: Readonly<Record<string, Status>> = {
  cancelled: Status.CANCELLED,
  "deadline-exceeded": Status.DEADLINE_EXCEEDED,
  internal: Status.INTERNAL,
  "resource-exhausted": Status.RESOURCE_EXHAUSTED,
  unavailable: Status.UNAVAILABLE,
};
const BASE_INTERVAL_MS = 25;
const MAX_INTERVAL_FACTOR = 10;
const MAX_WEIGHT = 2 ** 32 - 1;

/** Parses a route configuration. `trusted`: the server's bootstrap entry has `trusted_xds_server`. Throws ResourceError. */
export function parseRouteConfig(message: RouteConfiguration, trusted: boolean): RouteConfig {
  /** Optional plugins that are not known: routes to them are left out. */
  const ignored = new Set<string>();
  for (const [i, plugin] of message.clusterSpecifierPlugins.entries()) {
    const name = plugin.extension?.name ?? "";
    if (!plugin.isOptional) {
      invalid(`cluster_specifier_plugins[${i}]`, `the plugin ${JSON.stringify(name)} is not known`);
    }
    ignored.add(name);
  }
  return {
    hosts: message.virtualHosts.map((host, i) =>
      parseHost(host, { ignored, trusted }, `virtual_hosts[${i}]`)
    ),
  };
}

interface RouteContext {
  readonly ignored: ReadonlySet<string>;
  readonly trusted: boolean;
}

function parseHost(message: VirtualHostMessage, context: RouteContext, field: string): VirtualHost {
  return {
    domains: message.domains,
    routes: message.routes.map((route, i) => parseRoute(route, context, `${field}.routes[${i}]`))
      .filter((route) => route !== undefined),
    retry: parseRetry(message.retryPolicy, `${field}.retry_policy`),
    overrides: parseOverrides(message.typedPerFilterConfig, `${field}.typed_per_filter_config`),
  };
}

/** Returns undefined for a route that is to be ignored. */
function parseRoute(
  message: RouteMessage,
  context: RouteContext,
  field: string,
): Route | undefined {
  const { match } = message;
  if (match === undefined) return invalid(`${field}.match`, "it is missing");
  if (match.queryParameters.length > 0) return undefined;
  const { case: kind, value } = message.action;
  let action: RouteAction = { kind: "unsupported" };
  if (kind === "nonForwardingAction") action = { kind: "non_forwarding" };
  if (kind === "route") {
    const parsed = parseAction(value, context, `${field}.route`);
    if (parsed === undefined) return undefined;
    action = parsed;
  }
  return {
    matchesPath: pathMatcher(match, `${field}.match`),
    headers: match.headers.map((one, i) => headerMatcher(one, `${field}.match.headers[${i}]`)),
    fraction: match.runtimeFraction === undefined
      ? undefined
      : millionths(match.runtimeFraction.defaultValue, `${field}.match.runtime_fraction`),
    action,
    overrides: parseOverrides(message.typedPerFilterConfig, `${field}.typed_per_filter_config`),
  };
}

function pathMatcher(match: RouteMatch, field: string): (path: string) => boolean {
  const { pathSpecifier: specifier } = match;
  const fold = match.caseSensitive === false
    ? (text: string) => text.toLowerCase()
    : (text: string) => text;
  switch (specifier.case) {
    case "prefix": {
      const prefix = fold(specifier.value);
      if (prefix === "" || prefix === "/") return () => true;
      return (path) => fold(path).startsWith(prefix);
    }
    case "path": {
      const wanted = fold(specifier.value);
      return (path) => fold(path) === wanted;
    }
    case "safeRegex": {
      const regex = compileRegex(specifier.value.regex, `${field}.safe_regex`);
      return (path) => regex.test(path);
    }
    default:
      return invalid(field, "it has no known kind of path");
  }
}

function parseAction(
  message: RouteActionMessage,
  { ignored, trusted }: RouteContext,
  field: string,
): RouteAction | undefined {
  const { clusterSpecifier: specifier, maxStreamDuration: limits } = message;
  let clusters: WeightedCluster[];
  switch (specifier.case) {
    case "cluster":
      clusters = [{ name: specifier.value, weight: 1, overrides: new Map() }];
      break;
    case "weightedClusters":
      clusters = parseWeights(specifier.value, `${field}.weighted_clusters`);
      break;
    case "clusterSpecifierPlugin":
      if (ignored.has(specifier.value)) return undefined;
      return invalid(field, `the plugin ${JSON.stringify(specifier.value)} is not declared`);
    default:
      return undefined;
  }
  const duration = limits?.grpcTimeoutHeaderMax ?? limits?.maxStreamDuration;
  return {
    kind: "route",
    clusters,
    maxStreamDurationMs: duration === undefined
      ? undefined
      : durationMs(duration, `${field}.max_stream_duration`),
    retry: parseRetry(message.retryPolicy, `${field}.retry_policy`),
    hashPolicies: message.hashPolicy.map((policy, i) =>
      parseHashPolicy(policy, `${field}.hash_policy[${i}]`)
    ).filter((policy) => policy !== undefined),
    autoHostRewrite: trusted && message.hostRewriteSpecifier.case === "autoHostRewrite" &&
      message.hostRewriteSpecifier.value.value,
  };
}

function parseWeights(message: WeightedClusters, field: string): WeightedCluster[] {
  let total = 0;
  const clusters: WeightedCluster[] = [];
  for (const [i, { name, weight, typedPerFilterConfig }] of message.clusters.entries()) {
    if (!weight) continue;
    total += weight;
    const where = `${field}.clusters[${i}].typed_per_filter_config`;
    clusters.push({ name, weight, overrides: parseOverrides(typedPerFilterConfig, where) });
  }
  if (total === 0) invalid(field, "no cluster has a weight");
  if (total > MAX_WEIGHT) invalid(field, `the weights are ${total}, more than ${MAX_WEIGHT}`);
  return clusters;
}

function parseRetry(message: RetryPolicy | undefined, field: string): RetryConfig | undefined {
  if (message === undefined) return undefined;
  const codes = new Set<Status>();
  for (const name of message.retryOn.split(",")) {
    const code = RETRYABLE[name.trim().toLowerCase()];
    if (code !== undefined) codes.add(code);
  }
  const retries = message.numRetries ?? 1;
  if (retries < 1) invalid(`${field}.num_retries`, "it must be at least 1");
  const { baseInterval, maxInterval } = message.retryBackOff ?? {};
  if (message.retryBackOff !== undefined && baseInterval === undefined) {
    invalid(`${field}.retry_back_off.base_interval`, "it is missing");
  }
  const interval = (given: typeof baseInterval, name: string, defaultMs: number) => {
    if (given === undefined) return defaultMs;
    const ms = durationMs(given, `${field}.retry_back_off.${name}`);
    return ms > 0 ? ms : invalid(`${field}.retry_back_off.${name}`, "it must be above 0");
  };
  const baseIntervalMs = interval(baseInterval, "base_interval", BASE_INTERVAL_MS);
  return {
    codes,
    retries,
    baseIntervalMs,
    maxIntervalMs: interval(maxInterval, "max_interval", baseIntervalMs * MAX_INTERVAL_FACTOR),
  };
}

/** Returns undefined for a policy that is to be ignored. */
function parseHashPolicy(message: RouteAction_HashPolicy, field: string): HashPolicy | undefined {
  const { terminal, policySpecifier: specifier } = message;
  if (specifier.case === "filterState") {
    return specifier.value.key === "io.grpc.channel_id" ? { kind: "channel", terminal } : undefined;
  }
  if (specifier.case !== "header") return undefined;
  const { headerName, regexRewrite } = specifier.value;
  return {
    kind: "header",
    terminal,
    name: headerName.toLowerCase(),
    rewrite: regexRewrite === undefined ? undefined : {
      regex: partRegex(regexRewrite.pattern?.regex ?? "", `${field}.regex_rewrite`),
      // RE2 writes groups as \1, JavaScript as $1.
      substitution: regexRewrite.substitution.replaceAll("$", "$$$$").replace(/\\(\d)/g, "$$$1"),
    },
  };
}

function partRegex(regex: string, field: string): RegExp {
  compileRegex(regex, field);
  try {
    return new RegExp(regex, "gsu");
  } catch (cause) {
    throw new ResourceError(`${field}: not a valid expression`, { cause });
  }
}
