/**
 * HTTP filters: routers, fault injection (gRPC A33), RBAC (A41); how unknown ones are treated (A39).
 *
 * @module
 */

import type { Any } from "@bufbuild/protobuf/wkt";
import { statusFromHttp } from "../../call/http_status.ts";
import { statusFromNumber } from "../../call/status.ts";
import { FilterConfigSchema } from "../../../proto/gen/envoy/config/route/v3/route_pb.ts";
import { HTTPFaultSchema } from "../../../proto/gen/envoy/extensions/filters/http/fault/v3/fault_pb.ts";
import type { FaultDelay } from "../../../proto/gen/envoy/extensions/filters/common/fault/v3/fault_pb.ts";
import type { FaultAbort } from "../../../proto/gen/envoy/extensions/filters/http/fault/v3/fault_pb.ts";
import type { HttpFilter as HttpFilterMessage } from "../../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { RouterSchema } from "../../../proto/gen/envoy/extensions/filters/http/router/v3/router_pb.ts";
import type { FractionalPercent } from "../../../proto/gen/envoy/type/v3/type_pb.ts";
import { durationMs, type ExtensionConfig, extensionOf, unpack } from "./any.ts";
import { millionths, unitOf } from "./matchers.ts";
import { parseRbac } from "./rbac.ts";
import { invalid } from "./resource_error.ts";
import type {
  FaultConfig,
  FaultShare,
  FilterConfig,
  FilterOverrides,
  HttpFilter,
} from "./types.ts";

/** The side that filters are for. */
export type Side = "client" | "server";

interface FilterKind {
  readonly sides: readonly Side[];
  parse(config: ExtensionConfig, isOverride: boolean, field: string): FilterConfig;
}

const ROUTER = "envoy.extensions.filters.http.router.v3.Router";
const FAULT = "envoy.extensions.filters.http.fault.v3.HTTPFault";
const RBAC = "envoy.extensions.filters.http.rbac.v3.RBAC";
const RBAC_PER_ROUTE = "envoy.extensions.filters.http.rbac.v3.RBACPerRoute";

const KINDS: Readonly<Record<string, FilterKind>> = {
  [ROUTER]: {
    sides: ["client", "server"],
    parse({ any }, isOverride, field) {
      if (isOverride) invalid(field, "the router has no configuration of routes");
      unpack(RouterSchema, any, field);
      return { kind: "router" };
    },
  },
  [FAULT]: {
    sides: ["client"],
    parse: ({ any }, _, field) => ({ kind: "fault", fault: parseFault(any, field) }),
  },
  [RBAC]: {
    sides: ["server"],
    parse(config, isOverride, field) {
      if (isOverride) invalid(field, `expected ${RBAC_PER_ROUTE}`);
      return { kind: "rbac", rules: parseRbac(config, false, field) };
    },
  },
  [RBAC_PER_ROUTE]: {
    sides: [],
    parse(config, isOverride, field) {
      if (!isOverride) invalid(field, `expected ${RBAC}`);
      return { kind: "rbac", rules: parseRbac(config, true, field) };
    },
  },
};

/** Parses the filters of a connection manager. Throws ResourceError (gRPC A39). */
export function parseFilters(
  messages: readonly HttpFilterMessage[],
  side: Side,
  field: string,
): HttpFilter[] {
  const names = new Set<string>();
  const filters: HttpFilter[] = [];
  for (const [i, message] of messages.entries()) {
    const where = `${field}[${i}]`;
    const { name, isOptional, configType } = message;
    if (name === "") invalid(`${where}.name`, "it must not be empty");
    if (names.has(name)) invalid(`${where}.name`, `two filters are named ${JSON.stringify(name)}`);
    names.add(name);
    const any = configType.case === "typedConfig" ? configType.value : undefined;
    const extension = extensionOf(any, where);
    const kind = KINDS[extension.typeName];
    if (kind === undefined || !kind.sides.includes(side)) {
      if (isOptional) continue;
      const what = kind === undefined ? "is not known" : `is not for ${side}s`;
      invalid(where, `the filter ${extension.typeName || "without a type"} ${what}`);
    }
    if (message.disabled) continue;
    filters.push({ name, config: kind.parse(extension, false, where) });
  }
  const routers = filters.filter(({ config }) => config.kind === "router");
  if (filters.at(-1)?.config.kind !== "router" || routers.length !== 1) {
    invalid(field, "the last filter, and no other, must be a router");
  }
  return filters;
}

/** Parses what replaces the configurations of filters. Throws ResourceError. */
export function parseOverrides(
  messages: Readonly<Record<string, Any>>,
  field: string,
): FilterOverrides {
  const overrides = new Map<string, FilterConfig | undefined>();
  for (const [name, given] of Object.entries(messages)) {
    const where = `${field}[${JSON.stringify(name)}]`;
    let any: Any | undefined = given;
    let isOptional = false;
    if (extensionOf(given, where).typeName === FilterConfigSchema.typeName) {
      const message = unpack(FilterConfigSchema, given, where);
      if (message.disabled) {
        overrides.set(name, undefined);
        continue;
      }
      any = message.config;
      isOptional = message.isOptional;
    }
    const extension = extensionOf(any, where);
    const kind = KINDS[extension.typeName];
    if (kind !== undefined) overrides.set(name, kind.parse(extension, true, where));
    else if (!isOptional) invalid(where, `the filter ${extension.typeName} is not known`);
  }
  return overrides;
}

function parseFault(any: Any | undefined, field: string): FaultConfig {
  const { delay, abort, maxActiveFaults } = unpack(HTTPFaultSchema, any, field);
  return {
    delay: delay === undefined ? undefined : parseDelay(delay, `${field}.delay`),
    abort: abort === undefined ? undefined : parseAbort(abort, `${field}.abort`),
    maxActive: maxActiveFaults ?? Infinity,
  };
}

function parseDelay(message: FaultDelay, field: string): FaultConfig["delay"] {
  const share = faultShare(message.percentage, field);
  const { faultDelaySecifier: specifier } = message;
  if (specifier.case === "fixedDelay") {
    return { ...share, fixedMs: durationMs(specifier.value, field) };
  }
  if (specifier.case === "headerDelay") return { ...share, fixedMs: undefined };
  return invalid(field, "it has no known kind of delay");
}

function parseAbort(message: FaultAbort, field: string): FaultConfig["abort"] {
  const share = faultShare(message.percentage, field);
  const { errorType } = message;
  switch (errorType.case) {
    case "grpcStatus":
      return { ...share, code: statusFromNumber(errorType.value) };
    case "httpStatus": {
      const { value: status } = errorType;
      if (status < 200 || status > 599) invalid(field, `${status} is not a status of HTTP`);
      return { ...share, code: statusFromHttp(status) };
    }
    case "headerAbort":
      return { ...share, code: undefined };
    default:
      return invalid(field, "it has no known kind of error");
  }
}

function faultShare(fraction: FractionalPercent | undefined, field: string): FaultShare {
  return { share: millionths(fraction, field), unit: unitOf(fraction, field) };
}
