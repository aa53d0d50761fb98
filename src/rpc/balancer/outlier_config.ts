/**
 * Configuration of `outlier_detection` (gRPC A50).
 *
 * @module
 */

import { durationField, integerField, objectOf } from "./json_fields.ts";
import { type LoadBalancingConfig, requireBalancer } from "./registry.ts";
import type { ConfiguredBalancer } from "./types.ts";

/** Fields that both ejection algorithms have. */
export interface EjectionRule {
  /** Share of the addresses found that are ejected, 0 to 100. */
  readonly enforcementPercentage: number;
  /** Smallest number of addresses with enough calls. */
  readonly minimumHosts: number;
  /** Smallest number of calls of an address in an interval. */
  readonly requestVolume: number;
}

/** Configuration of `outlier_detection`; times are ms. */
export interface OutlierDetectionConfig {
  readonly intervalMs: number;
  readonly baseEjectionTimeMs: number;
  readonly maxEjectionTimeMs: number;
  /** Share of the addresses that may be ejected, 0 to 100; one always may. */
  readonly maxEjectionPercent: number;
  /** Ejects addresses whose success rate is below the mean by `stdevFactor` / 1,000 standard deviations. */
  readonly successRate: EjectionRule & { readonly stdevFactor: number } | undefined;
  /** Ejects addresses of whose calls more than `threshold` per cent fail. */
  readonly failurePercentage: EjectionRule & { readonly threshold: number } | undefined;
  readonly childPolicy: ConfiguredBalancer;
}

/** Parses the configuration. Throws TypeError for fields that are not valid. */
export function parseOutlierDetection(value: unknown): OutlierDetectionConfig {
  const where = "outlier_detection";
  const json = objectOf(value, where);
  const baseEjectionTimeMs = durationField(json, "baseEjectionTime", where, 30_000);
  const success = json.successRateEjection;
  const failure = json.failurePercentageEjection;
  return {
    intervalMs: Math.max(1, durationField(json, "interval", where, 10_000)),
    baseEjectionTimeMs,
    maxEjectionTimeMs: Math.max(
      baseEjectionTimeMs,
      durationField(json, "maxEjectionTime", where, 300_000),
    ),
    maxEjectionPercent: integerField(json, "maxEjectionPercent", where, 10, 0, 100),
    successRate: success === undefined
      ? undefined
      : parseRule(success, `${where}.successRateEjection`, 100, (rule, at) => ({
        stdevFactor: integerField(rule, "stdevFactor", at, 1_900),
      })),
    failurePercentage: failure === undefined
      ? undefined
      : parseRule(failure, `${where}.failurePercentageEjection`, 50, (rule, at) => ({
        threshold: integerField(rule, "threshold", at, 85, 0, 100),
      })),
    childPolicy: requireBalancer(json.childPolicy as LoadBalancingConfig, `${where}.childPolicy`),
  };
}

function parseRule<T>(
  value: unknown,
  where: string,
  volume: number,
  parse: (json: Readonly<Record<string, unknown>>, where: string) => T,
): EjectionRule & T {
  const json = objectOf(value, where);
  return {
    enforcementPercentage: integerField(json, "enforcementPercentage", where, 100, 0, 100),
    minimumHosts: integerField(json, "minimumHosts", where, 5),
    requestVolume: integerField(json, "requestVolume", where, volume),
    ...parse(json, where),
  };
}
