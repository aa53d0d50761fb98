/**
 * Listeners (LDS) of clients and of servers (gRPC A27, A36, A39).
 *
 * @module
 */

import {
  type FilterChain as FilterChainMessage,
  FilterChainMatch_ConnectionSourceType as SourceType,
  type Listener as ListenerMessage,
} from "../../../proto/gen/envoy/config/listener/v3/listener_pb.ts";
import {
  type HttpConnectionManager as ManagerMessage,
  HttpConnectionManagerSchema,
} from "../../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { durationMs, typeNameOf, unpack } from "./any.ts";
import { parseFilters, type Side } from "./http_filters.ts";
import { cidrRange } from "./ip.ts";
import { invalid } from "./resource_error.ts";
import { parseRouteConfig } from "./route_config.ts";
import { downstreamSecurity } from "./security.ts";
import type { FilterChain, FilterChainMatch, HttpConnectionManager, Listener } from "./types.ts";

/** What the bootstrap says about resources. */
export interface ResourceContext {
  /** Names of the certificate provider instances. */
  readonly instances: ReadonlySet<string>;
  /** Whether the server has the feature `trusted_xds_server`. */
  readonly trusted: boolean;
}

/** Parses a listener. Throws ResourceError. */
export function parseListener(message: ListenerMessage, context: ResourceContext): Listener {
  if (message.apiListener === undefined) return parseServerListener(message, context);
  const field = "api_listener";
  const manager = unpack(HttpConnectionManagerSchema, message.apiListener.apiListener, field);
  return { kind: "api", manager: parseManager(manager, "client", context, field) };
}

function parseManager(
  message: ManagerMessage,
  side: Side,
  context: ResourceContext,
  field: string,
): HttpConnectionManager {
  if (message.xffNumTrustedHops !== 0) invalid(`${field}.xff_num_trusted_hops`, "it must be 0");
  if (message.originalIpDetectionExtensions.length > 0) {
    invalid(`${field}.original_ip_detection_extensions`, "it must be empty");
  }
  const { routeSpecifier: specifier } = message;
  let routeConfigName: string | undefined;
  let routes: HttpConnectionManager["routes"];
  switch (specifier.case) {
    case "rds": {
      const source = specifier.value.configSource?.configSourceSpecifier.case;
      if (source !== "ads" && source !== "self") {
        invalid(`${field}.rds.config_source`, "it must be ads or self");
      }
      routeConfigName = specifier.value.routeConfigName;
      if (routeConfigName === "") invalid(`${field}.rds.route_config_name`, "it must not be empty");
      break;
    }
    case "routeConfig":
      routes = parseRouteConfig(specifier.value, context.trusted);
      break;
    default:
      invalid(field, "it has neither rds nor route_config");
  }
  const limit = message.commonHttpProtocolOptions?.maxStreamDuration;
  return {
    routeConfigName,
    routes,
    maxStreamDurationMs: limit === undefined
      ? 0
      : durationMs(limit, `${field}.max_stream_duration`),
    filters: parseFilters(message.httpFilters, side, `${field}.http_filters`),
  };
}

function parseServerListener(message: ListenerMessage, context: ResourceContext): Listener {
  if (message.listenerFilters.length > 0) invalid("listener_filters", "they are not supported");
  if (message.useOriginalDst === true) invalid("use_original_dst", "it is not supported");
  const address = message.address?.address;
  if (address?.case !== "socketAddress") return invalid("address", "it must be a socket_address");
  const { portSpecifier: port } = address.value;
  const chains: FilterChain[] = [];
  for (const [i, chain] of message.filterChains.entries()) {
    const parsed = parseChain(chain, context, `filter_chains[${i}]`);
    if (parsed !== undefined) chains.push(parsed);
  }
  const preferred = preferRawBuffer(chains, message.filterChains);
  checkOverlap(preferred);
  const defaultChain = message.defaultFilterChain === undefined
    ? undefined
    : parseChain(message.defaultFilterChain, context, "default_filter_chain", true);
  if (preferred.length === 0 && defaultChain === undefined) {
    invalid("filter_chains", "there is none that is supported, and no default");
  }
  return {
    kind: "server",
    address: address.value.address,
    port: port.case === "portValue" ? port.value : 0,
    chains: preferred,
    defaultChain,
  };
}

/** Returns undefined for a chain that can't match (gRPC A36). */
function parseChain(
  message: FilterChainMessage,
  context: ResourceContext,
  field: string,
  isDefault = false,
): FilterChain | undefined {
  const match = message.filterChainMatch;
  const unmatchable = match !== undefined && !isDefault && (
    (match.destinationPort ?? 0) !== 0 || match.serverNames.length > 0 ||
    match.applicationProtocols.length > 0 || !["", "raw_buffer"].includes(match.transportProtocol)
  );
  if (unmatchable) return undefined;
  const managers = message.filters.map((filter, i) => {
    const any = filter.configType.case === "typedConfig" ? filter.configType.value : undefined;
    if (typeNameOf(any) !== HttpConnectionManagerSchema.typeName) {
      invalid(`${field}.filters[${i}]`, `the filter ${typeNameOf(any)} is not supported`);
    }
    return unpack(HttpConnectionManagerSchema, any, `${field}.filters[${i}]`);
  });
  if (managers.length !== 1) {
    invalid(`${field}.filters`, `there must be one HttpConnectionManager, not ${managers.length}`);
  }
  return {
    name: message.name,
    match: parseMatch(isDefault ? undefined : match, field),
    manager: parseManager(managers[0], "server", context, `${field}.filters[0]`),
    security: downstreamSecurity(
      message.transportSocket,
      context.instances,
      `${field}.transport_socket`,
    ),
  };
}

function parseMatch(
  match: FilterChainMessage["filterChainMatch"],
  field: string,
): FilterChainMatch {
  const where = `${field}.filter_chain_match`;
  const kinds = {
    [SourceType.ANY]: "any",
    [SourceType.SAME_IP_OR_LOOPBACK]: "local",
    [SourceType.EXTERNAL]: "external",
  } as const;
  const sourceType = kinds[match?.sourceType ?? SourceType.ANY];
  if (sourceType === undefined) return invalid(`${where}.source_type`, "it is not known");
  return {
    destinations: match?.prefixRanges.map((range) => cidrRange(range, where)) ?? [],
    sourceType,
    sources: match?.sourcePrefixRanges.map((range) => cidrRange(range, where)) ?? [],
    sourcePorts: match?.sourcePorts ?? [],
  };
}

/** Chains for `raw_buffer` come before those for any protocol with the same destinations (gRPC A36). */
function preferRawBuffer(
  chains: readonly FilterChain[],
  messages: readonly FilterChainMessage[],
): FilterChain[] {
  const raw = new Set(
    messages.filter((one) => one.filterChainMatch?.transportProtocol === "raw_buffer")
      .map((one) => keyOf(parseMatch(one.filterChainMatch, "").destinations)),
  );
  if (raw.size === 0) return [...chains];
  const names = new Set(
    messages.filter((one) => one.filterChainMatch?.transportProtocol === "raw_buffer")
      .map((one) => one.name),
  );
  return chains.filter((chain) =>
    names.has(chain.name) || !raw.has(keyOf(chain.match.destinations))
  );
}

const keyOf = (ranges: FilterChainMatch["destinations"]) =>
  ranges.map(({ bytes, bits }) => `${bytes}/${bits}`).sort().join(" ");

function checkOverlap(chains: readonly FilterChain[]): void {
  const seen = new Set<string>();
  for (const { match } of chains) {
    const { destinations, sourceType, sources, sourcePorts } = match;
    const none = [undefined];
    for (const destination of destinations.length > 0 ? destinations : none) {
      for (const source of sources.length > 0 ? sources : none) {
        for (const port of sourcePorts.length > 0 ? sourcePorts : [0]) {
          const ranges = [destination, source].map((one) => one ? keyOf([one]) : "");
          const key = [...ranges, sourceType, port].join("|");
          if (seen.has(key)) invalid("filter_chains", "two chains match the same connections");
          seen.add(key);
        }
      }
    }
  }
}
