/**
 * Access rules of servers: the RBAC filter (gRPC A41).
 *
 * @module
 */

import {
  type Permission,
  type Principal,
  type RBAC,
  RBAC_Action as Action,
} from "../../../proto/gen/envoy/config/rbac/v3/rbac_pb.ts";
import {
  type RBACPerRoute,
  RBACPerRouteSchema,
  RBACSchema,
} from "../../../proto/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.ts";
import type { PathMatcher } from "../../../proto/gen/envoy/type/matcher/v3/matcher_pb.ts";
import type { HeaderMatcher as HeaderMatcherMessage } from "../../../proto/gen/envoy/config/route/v3/route_pb.ts";
import { type ExtensionConfig, unpack } from "./any.ts";
import { cidrRange, inRange } from "./ip.ts";
import { headerMatcher, type StringMatcher, stringMatcher } from "./matchers.ts";
import { invalid } from "./resource_error.ts";

/** A call as access rules see it. */
export interface AccessedCall {
  readonly path: string;
  /** Value of a header; `:authority`, `:path` and `:method` are some. */
  header(name: string): string | undefined;
  readonly localIp: Uint8Array | undefined;
  readonly localPort: number | undefined;
  readonly peerIp: Uint8Array | undefined;
  /** Whether the connection has TLS. */
  readonly secure: boolean;
  /** Names of the client's certificate: URIs, then DNS names, then its subject; empty without a certificate. */
  readonly principals: readonly string[];
}

type Rule = (call: AccessedCall) => boolean;

/** Rules of one RBAC filter. */
export interface AccessRules {
  /** Whether a call is allowed. */
  allows(call: AccessedCall): boolean;
}

/** Parses the filter's configuration; undefined for rules without effect. Throws ResourceError. */
export function parseRbac(
  config: ExtensionConfig,
  isOverride: boolean,
  field: string,
): AccessRules | undefined {
  const message = isOverride
    ? (unpack(RBACPerRouteSchema, config.any, field) as RBACPerRoute).rbac
    : unpack(RBACSchema, config.any, field);
  const rules = message?.rules;
  if (rules === undefined) return undefined;
  const policies = Object.entries(rules.policies).map(([name, policy]) => {
    const where = `${field}.policies.${name}`;
    if (policy.condition !== undefined || policy.checkedCondition !== undefined) {
      invalid(where, "conditions are not supported");
    }
    if (policy.permissions.length === 0) invalid(`${where}.permissions`, "there are none");
    if (policy.principals.length === 0) invalid(`${where}.principals`, "there are none");
    const permissions = policy.permissions.map((one) => permission(one, `${where}.permissions`));
    const principals = policy.principals.map((one) => principal(one, `${where}.principals`));
    return all([any(permissions), any(principals)]);
  });
  return accessRules(rules.action, any(policies), field);
}

function accessRules(
  action: RBAC["action"],
  matches: Rule,
  field: string,
): AccessRules | undefined {
  switch (action) {
    case Action.ALLOW:
      return { allows: matches };
    case Action.DENY:
      return { allows: (call) => !matches(call) };
    case Action.LOG:
      return undefined;
    default:
      return invalid(`${field}.action`, `unknown action ${action}`);
  }
}

const all = (rules: readonly Rule[]): Rule => (call) => rules.every((rule) => rule(call));
const any = (rules: readonly Rule[]): Rule => (call) => rules.some((rule) => rule(call));

function permission(message: Permission, field: string): Rule {
  const { rule } = message;
  switch (rule.case) {
    case "andRules":
      return all(rule.value.rules.map((one) => permission(one, field)));
    case "orRules":
      return any(rule.value.rules.map((one) => permission(one, field)));
    case "notRule": {
      const inner = permission(rule.value, field);
      return (call) => !inner(call);
    }
    case "any":
      return () => true;
    case "header":
      return header(rule.value, field);
    case "urlPath":
      return urlPath(rule.value, field);
    case "destinationIp": {
      const range = cidrRange(rule.value, field);
      return (call) => call.localIp !== undefined && inRange(call.localIp, range);
    }
    case "destinationPort": {
      const port = rule.value;
      return (call) => call.localPort === port;
    }
    case "destinationPortRange": {
      const { start, end } = rule.value;
      return ({ localPort: port }) => port !== undefined && port >= start && port < end;
    }
    case "metadata": {
      // No metadata is ever set: it matches only inverted (gRPC A41).
      const { invert } = rule.value;
      return () => invert;
    }
    case "requestedServerName": {
      // The requested name counts as empty (gRPC A41).
      const matches = stringMatcher(rule.value, field);
      return () => matches("");
    }
    default:
      return invalid(field, "it has no known rule");
  }
}

function principal(message: Principal, field: string): Rule {
  const { identifier } = message;
  switch (identifier.case) {
    case "andIds":
      return all(identifier.value.ids.map((one) => principal(one, field)));
    case "orIds":
      return any(identifier.value.ids.map((one) => principal(one, field)));
    case "notId": {
      const inner = principal(identifier.value, field);
      return (call) => !inner(call);
    }
    case "any":
      return () => true;
    case "authenticated":
      return authenticated(
        identifier.value.principalName === undefined
          ? undefined
          : stringMatcher(identifier.value.principalName, field),
      );
    case "sourceIp":
    case "directRemoteIp":
    case "remoteIp": {
      const range = cidrRange(identifier.value, field);
      return (call) => call.peerIp !== undefined && inRange(call.peerIp, range);
    }
    case "header":
      return header(identifier.value, field);
    case "urlPath":
      return urlPath(identifier.value, field);
    case "metadata": {
      const { invert } = identifier.value;
      return () => invert;
    }
    default:
      return invalid(field, "it has no known identifier");
  }
}

function authenticated(matches: StringMatcher | undefined): Rule {
  return ({ secure, principals }) => {
    if (!secure) return false;
    if (matches === undefined) return true;
    // A connection without a client certificate has the empty name.
    return principals.length === 0 ? matches("") : principals.some(matches);
  };
}

function urlPath(message: PathMatcher, field: string): Rule {
  if (message.rule.case !== "path") return invalid(field, "it has no known rule");
  const matches = stringMatcher(message.rule.value, field);
  return (call) => matches(call.path);
}

function header(message: HeaderMatcherMessage, field: string): Rule {
  const { name, matches } = headerMatcher(message, field);
  if (name === ":scheme" || name.startsWith("grpc-")) {
    invalid(`${field}.header`, `${name} must not be matched`);
  }
  const wanted = name === "host" ? ":authority" : name;
  return (call) => matches(call.header(wanted));
}
