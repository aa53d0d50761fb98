/**
 * Parser of gRPC's service config (doc/service_config.md, proposals A6 and A21).
 *
 * @module
 */

import { type Status, statusFromName, statusFromNumber } from "../../call/status.ts";
import { registerBuiltinBalancers } from "../balancer/builtin.ts";
import { chooseBalancer, configureBalancer } from "../balancer/registry.ts";
import type { ConfiguredBalancer } from "../balancer/types.ts";

/**
 * Service config in the shape of gRPC's JSON.
 *
 * ```ts
 * import { connect } from "@vrpc/vrpc";
 *
 * await using channel = connect("127.0.0.1:50051", {
 *   serviceConfig: {
 *     methodConfig: [{
 *       name: [{ service: "shop.v1.Orders" }],
 *       timeout: "2s",
 *       retryPolicy: {
 *         maxAttempts: 3,
 *         initialBackoff: "0.1s",
 *         maxBackoff: "1s",
 *         backoffMultiplier: 2,
 *         retryableStatusCodes: ["UNAVAILABLE"],
 *       },
 *     }],
 *   },
 * });
 * ```
 *
 * @category Client
 */
export interface ServiceConfig {
  /** Settings by method. The most specific name applies. */
  methodConfig?: readonly MethodConfigJson[];
  /** Stops retries while most calls fail: `maxTokens` 1 to 1,000, `tokenRatio` above 0 in thousandths. */
  retryThrottling?: { maxTokens: number; tokenRatio: number };
  /** Load balancing policies by preference; the first known one applies. */
  loadBalancingConfig?: readonly Record<string, unknown>[];
  /** Older form of `loadBalancingConfig`; applies if that names no known policy. */
  loadBalancingPolicy?: string;
}

/**
 * Settings of the methods it names. Durations are strings such as `"0.5s"`.
 *
 * @category Client
 */
export interface MethodConfigJson {
  /** Methods: one by service and method, all of a service, or (an empty object) all. */
  name?: readonly { service?: string; method?: string }[];
  /** Default of `CallOptions.waitForReady`. */
  waitForReady?: boolean;
  /** Longest duration of a call. */
  timeout?: string;
  /** Largest request, in bytes. */
  maxRequestMessageBytes?: number | string;
  /** Largest response, in bytes. */
  maxResponseMessageBytes?: number | string;
  /** Retries calls that fail with one of the status codes; `maxAttempts` above 5 counts as 5. */
  retryPolicy?: {
    maxAttempts: number;
    initialBackoff: string;
    maxBackoff: string;
    backoffMultiplier: number;
    retryableStatusCodes: readonly (string | number)[];
  };
  /** Sends the call several times without waiting for a failure; `maxAttempts` above 5 counts as 5. */
  hedgingPolicy?: {
    maxAttempts: number;
    hedgingDelay?: string;
    nonFatalStatusCodes?: readonly (string | number)[];
  };
}

/** Parsed retry policy. */
export interface RetryPolicy {
  /** Largest number of attempts of a call, the first included: 2 to 5. */
  readonly maxAttempts: number;
  /** Wait before the first retry, in ms, above 0; random within a fifth. */
  readonly initialBackoffMs: number;
  /** Longest wait, in ms, above 0. */
  readonly maxBackoffMs: number;
  /** Growth of the wait with each retry, above 0. */
  readonly backoffMultiplier: number;
  /** Codes after which a call is retried. */
  readonly retryableCodes: ReadonlySet<Status>;
}

/** Parsed hedging policy. */
export interface HedgingPolicy {
  /** Largest number of attempts of a call, the first included: 2 to 5. */
  readonly maxAttempts: number;
  /** Time between attempts, in ms. */
  readonly delayMs: number;
  /** Codes of attempts that do not end the call. */
  readonly nonFatalCodes: ReadonlySet<Status>;
}

/** Settings of the calls of one method, parsed. */
export interface MethodConfig {
  /** `waitForReady` of calls without that option. */
  readonly waitForReady?: boolean;
  /** Longest duration of a call, in ms. */
  readonly timeoutMs?: number;
  /** Largest request message, in bytes. */
  readonly maxRequestBytes?: number;
  /** Largest response message, in bytes. */
  readonly maxResponseBytes?: number;
  /** Retries after failures; not together with `hedging`. */
  readonly retry?: RetryPolicy;
  /** Attempts without waiting for failures; not together with `retry`. */
  readonly hedging?: HedgingPolicy;
}

/** Parsed service config. */
export interface ParsedServiceConfig {
  /** Returns the settings of the method with this path, or undefined. */
  forMethod(path: string): MethodConfig | undefined;
  /** Retry throttling, if configured. */
  readonly throttling?: { readonly maxTokens: number; readonly tokenRatio: number };
  /** Load balancing policy, if a known one is configured. */
  readonly balancer?: ConfiguredBalancer;
}

// gRPC A6: "a value greater than 5 is treated as 5".
const MAX_ATTEMPTS = 5;

registerBuiltinBalancers();

/** Parses a service config. Throws TypeError that names the invalid field. */
export function parseServiceConfig(config: ServiceConfig | string): ParsedServiceConfig {
  const json = objectOf(typeof config === "string" ? parseJson(config) : config);
  const methods = new Map<string, MethodConfig>();
  for (const [i, entry] of listOf(json.methodConfig, "methodConfig").entries()) {
    const where = `methodConfig[${i}]`;
    const parsed = parseMethod(entry, where);
    for (const name of listOf(entry.name, `${where}.name`)) {
      if (!name.service && name.method) throw wrong(`${where}.name`, "a method requires a service");
      const key = !name.service ? "" : `/${name.service}/${name.method ?? ""}`;
      if (methods.has(key)) {
        throw wrong(`${where}.name`, `${key || "the default"} is configured twice`);
      }
      methods.set(key, parsed);
    }
  }
  return {
    forMethod(path) {
      return methods.get(path) ?? methods.get(path.slice(0, path.lastIndexOf("/") + 1)) ??
        methods.get("");
    },
    throttling: parseThrottling(json.retryThrottling),
    balancer: parseBalancer(json),
  };
}

/** Configs of DNS or files may have any shape. */
function objectOf<T extends object>(value: T, where = "config"): T {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw wrong(where, `${JSON.stringify(value)} is not an object`);
}

function listOf<T extends object>(value: readonly T[] | undefined, where: string): readonly T[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw wrong(where, `${JSON.stringify(value)} is not a list`);
  for (const [i, one] of value.entries()) objectOf(one, `${where}[${i}]`);
  return value;
}

function parseJson(text: string): ServiceConfig {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TypeError(`Cannot parse the service config: ${(cause as Error).message}`, { cause });
  }
}

function parseMethod(json: MethodConfigJson, where: string): MethodConfig {
  if (json.retryPolicy && json.hedgingPolicy) {
    throw wrong(where, "only one of retryPolicy and hedgingPolicy is allowed");
  }
  return {
    waitForReady: json.waitForReady,
    timeoutMs: optional(json.timeout, (text) => durationMs(text, `${where}.timeout`)),
    maxRequestBytes: optional(
      json.maxRequestMessageBytes,
      (n) => count(n, `${where}.maxRequestMessageBytes`),
    ),
    maxResponseBytes: optional(
      json.maxResponseMessageBytes,
      (n) => count(n, `${where}.maxResponseMessageBytes`),
    ),
    retry: optional(json.retryPolicy, (policy) => parseRetry(policy, `${where}.retryPolicy`)),
    hedging: optional(
      json.hedgingPolicy,
      (policy) => parseHedging(policy, `${where}.hedgingPolicy`),
    ),
  };
}

function parseRetry(
  json: NonNullable<MethodConfigJson["retryPolicy"]>,
  where: string,
): RetryPolicy {
  const retryableCodes = codes(json.retryableStatusCodes ?? [], `${where}.retryableStatusCodes`);
  if (retryableCodes.size === 0) throw wrong(`${where}.retryableStatusCodes`, "must not be empty");
  return {
    maxAttempts: attempts(json.maxAttempts, where),
    initialBackoffMs: positive(
      durationMs(json.initialBackoff, `${where}.initialBackoff`),
      `${where}.initialBackoff`,
    ),
    maxBackoffMs: positive(
      durationMs(json.maxBackoff, `${where}.maxBackoff`),
      `${where}.maxBackoff`,
    ),
    backoffMultiplier: positive(json.backoffMultiplier, `${where}.backoffMultiplier`),
    retryableCodes,
  };
}

function parseHedging(
  json: NonNullable<MethodConfigJson["hedgingPolicy"]>,
  where: string,
): HedgingPolicy {
  return {
    maxAttempts: attempts(json.maxAttempts, where),
    delayMs: json.hedgingDelay === undefined
      ? 0
      : durationMs(json.hedgingDelay, `${where}.hedgingDelay`),
    nonFatalCodes: codes(json.nonFatalStatusCodes ?? [], `${where}.nonFatalStatusCodes`),
  };
}

function parseThrottling(
  json: ServiceConfig["retryThrottling"],
): ParsedServiceConfig["throttling"] {
  if (json === undefined) return undefined;
  const { maxTokens, tokenRatio } = json;
  if (!(Number.isInteger(maxTokens) && maxTokens > 0 && maxTokens <= 1000)) {
    throw wrong("retryThrottling.maxTokens", `${maxTokens} is not an integer from 1 to 1000`);
  }
  // gRPC A6: decimal places beyond the third are ignored.
  const ratio = Math.floor(positive(tokenRatio, "retryThrottling.tokenRatio") * 1000) / 1000;
  return { maxTokens, tokenRatio: positive(ratio, "retryThrottling.tokenRatio") };
}

function parseBalancer(json: ServiceConfig): ConfiguredBalancer | undefined {
  const chosen = chooseBalancer(json.loadBalancingConfig ?? []);
  if (chosen !== undefined || json.loadBalancingPolicy === undefined) return chosen;
  // Values of the field loadBalancingPolicy may be in capitals.
  return configureBalancer(json.loadBalancingPolicy.toLowerCase());
}

function attempts(value: unknown, where: string): number {
  if (Number.isInteger(value) && (value as number) >= 2) {
    return Math.min(value as number, MAX_ATTEMPTS);
  }
  throw wrong(`${where}.maxAttempts`, `${value} is not an integer above 1`);
}

function codes(values: readonly (string | number)[], where: string): Set<Status> {
  return new Set(values.map((value) => {
    const code = typeof value === "number"
      ? statusFromNumber(value)
      : statusFromName(value.toUpperCase());
    if (code === undefined || (typeof value === "number" && code !== value)) {
      throw wrong(where, `${JSON.stringify(value)} is not a status code`);
    }
    return code;
  }));
}

function durationMs(text: unknown, where: string): number {
  if (typeof text === "string" && /^[0-9]{1,12}(\.[0-9]{1,9})?s$/.test(text)) {
    return Number(text.slice(0, -1)) * 1000;
  }
  throw wrong(where, `${JSON.stringify(text)} is not a duration such as "0.5s"`);
}

function count(value: number | string, where: string): number {
  const number = typeof value === "string" && value !== "" ? Number(value) : value;
  if (Number.isInteger(number) && (number as number) >= 0) return number as number;
  throw wrong(where, `${JSON.stringify(value)} is not a number of bytes`);
}

function positive(value: unknown, where: string): number {
  if (typeof value === "number" && value > 0 && value < Infinity) return value;
  throw wrong(where, `${JSON.stringify(value)} is not above 0`);
}

function optional<T, R>(value: T | undefined, read: (value: T) => R): R | undefined {
  return value === undefined ? undefined : read(value);
}

function wrong(where: string, what: string): TypeError {
  return new TypeError(`Cannot parse the service config: ${where}: ${what}`);
}
