/**
 * Resources of xDS as plain, validated values. Times are in ms.
 *
 * @module
 */

import type { JsonObject } from "@bufbuild/protobuf";
import type { Status } from "../../call/status.ts";
import type { CidrRange } from "./ip.ts";
import type { HeaderMatcher, StringMatcher } from "./matchers.ts";
import type { AccessRules } from "./rbac.ts";

/** A filter of calls, with its configuration. */
export type FilterConfig =
  | { readonly kind: "router" }
  | { readonly kind: "fault"; readonly fault: FaultConfig }
  | { readonly kind: "rbac"; readonly rules: AccessRules | undefined };

/** A filter in the list of an HTTP connection manager. */
export interface HttpFilter {
  readonly name: string;
  readonly config: FilterConfig;
}

/** Configurations by filter name that replace those of the list; undefined for a disabled filter. */
export type FilterOverrides = ReadonlyMap<string, FilterConfig | undefined>;

/** Share of the calls that get a fault. */
export interface FaultShare {
  /** The share, in millionths. */
  readonly share: number;
  /** Unit of the shares that calls ask for in their headers, in millionths. */
  readonly unit: number;
}

/** Faults that are injected into calls (gRPC A33). */
export interface FaultConfig {
  /** `fixedMs` undefined: headers of the call name it. */
  readonly delay: FaultShare & { readonly fixedMs: number | undefined } | undefined;
  /** `code` undefined: headers of the call name it. */
  readonly abort: FaultShare & { readonly code: Status | undefined } | undefined;
  /** Largest number of calls with a fault at a time. */
  readonly maxActive: number;
}

/** The HTTP connection manager of a listener. */
export interface HttpConnectionManager {
  /** Name of the route configuration; undefined if `routes` has it inline. */
  readonly routeConfigName: string | undefined;
  readonly routes: RouteConfig | undefined;
  /** Longest duration of calls whose route sets none; 0 for no limit. */
  readonly maxStreamDurationMs: number;
  readonly filters: readonly HttpFilter[];
}

/** TLS of connections, by instances of certificate providers (gRPC A29). */
export interface SecurityConfig {
  /** Instance with the own certificate. */
  readonly identityInstance: string | undefined;
  /** Instance with the certificates of authorities. */
  readonly rootInstance: string | undefined;
  readonly useSystemRoots: boolean;
  /** The peer's certificate must have a subject alternative name that one of them accepts; none accepts all. */
  readonly subjectNames: readonly StringMatcher[];
  readonly requireClientCertificate: boolean;
}

/** Which connections a filter chain takes. */
export interface FilterChainMatch {
  readonly destinations: readonly CidrRange[];
  readonly sourceType: "any" | "local" | "external";
  readonly sources: readonly CidrRange[];
  readonly sourcePorts: readonly number[];
}

/** A filter chain of a server's listener. */
export interface FilterChain {
  readonly name: string;
  readonly match: FilterChainMatch;
  readonly manager: HttpConnectionManager;
  readonly security: SecurityConfig | undefined;
}

/** A listener: of clients, or of a server. */
export type Listener =
  | { readonly kind: "api"; readonly manager: HttpConnectionManager }
  | {
    readonly kind: "server";
    readonly address: string;
    readonly port: number;
    readonly chains: readonly FilterChain[];
    readonly defaultChain: FilterChain | undefined;
  };

/** Retries of a route. */
export interface RetryConfig {
  readonly codes: ReadonlySet<Status>;
  readonly retries: number;
  readonly baseIntervalMs: number;
  readonly maxIntervalMs: number;
}

/** How the hash of a call is made. */
export type HashPolicy =
  & { readonly terminal: boolean }
  & (
    | { readonly kind: "channel" }
    | {
      readonly kind: "header";
      readonly name: string;
      readonly rewrite: { readonly regex: RegExp; readonly substitution: string } | undefined;
    }
  );

/** A cluster with its share of a route's calls. */
export interface WeightedCluster {
  readonly name: string;
  readonly weight: number;
  readonly overrides: FilterOverrides;
}

/** What happens to the calls of a route. */
export type RouteAction =
  | {
    readonly kind: "route";
    readonly clusters: readonly WeightedCluster[];
    /** Longest duration of a call, 0 for none; undefined for that of the listener. */
    readonly maxStreamDurationMs: number | undefined;
    readonly retry: RetryConfig | undefined;
    readonly hashPolicies: readonly HashPolicy[];
    readonly autoHostRewrite: boolean;
  }
  | { readonly kind: "non_forwarding" }
  | { readonly kind: "unsupported" };

/** Calls of a virtual host that are treated alike. */
export interface Route {
  readonly matchesPath: (path: string) => boolean;
  readonly headers: readonly HeaderMatcher[];
  /** Share of the matching calls in millionths; undefined for all. */
  readonly fraction: number | undefined;
  readonly action: RouteAction;
  readonly overrides: FilterOverrides;
}

/** Domains and their routes. */
export interface VirtualHost {
  readonly domains: readonly string[];
  readonly routes: readonly Route[];
  readonly retry: RetryConfig | undefined;
  readonly overrides: FilterOverrides;
}

/** A route configuration. */
export interface RouteConfig {
  readonly hosts: readonly VirtualHost[];
}

/** Where the endpoints of a cluster come from. */
export type ClusterDiscovery =
  | { readonly kind: "eds"; readonly serviceName: string }
  | { readonly kind: "dns"; readonly host: string; readonly port: number }
  | { readonly kind: "aggregate"; readonly clusters: readonly string[] };

/** A cluster. */
export interface Cluster {
  readonly name: string;
  readonly discovery: ClusterDiscovery;
  /** Policy of localities and endpoints, an entry of `loadBalancingConfig`. */
  readonly policy: Readonly<Record<string, unknown>>;
  /** Configuration of `outlier_detection` without a child policy; undefined for none. */
  readonly outlierDetection: JsonObject | undefined;
  /** Largest number of calls at a time. */
  readonly maxRequests: number;
  readonly security: SecurityConfig | undefined;
}

/** An endpoint. */
export interface Endpoint {
  /** Address in the address grammar. */
  readonly address: string;
  /** Further addresses of the same endpoint. */
  readonly additional: readonly string[];
  readonly weight: number;
  /** Whether it takes calls: its health is unknown or healthy. */
  readonly healthy: boolean;
  readonly hostname: string;
  /** Key on the ring of `ring_hash` (gRPC A76); empty for the address. */
  readonly hashKey: string;
}

/** Endpoints at one place. */
export interface Locality {
  /** Name: region, zone and sub-zone. */
  readonly name: string;
  readonly priority: number;
  readonly weight: number;
  readonly endpoints: readonly Endpoint[];
}

/** Calls that are dropped before they are sent. */
export interface DropRule {
  readonly category: string;
  /** Share in millionths. */
  readonly share: number;
}

/** The endpoints of a cluster. */
export interface Endpoints {
  readonly localities: readonly Locality[];
  readonly drops: readonly DropRule[];
}
