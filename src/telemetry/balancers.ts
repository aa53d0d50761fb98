/**
 * Metrics of a channel's connections and balancers, with the names of gRPC proposals A78, A91 and A94.
 *
 * @module
 */

import type { Attributes, Meter } from "@opentelemetry/api";
import type { BalancerObserver, WeightFigures } from "../rpc/core/balancer_observer.ts";

/** Counts what happens in the balancers of a channel to `target`. */
export function balancerMetrics(meter: Meter, target: string): BalancerObserver {
  const labels = { "grpc.target": target };
  return { ...connectionMetrics(meter, labels), ...policyMetrics(meter, labels) };
}

function connectionMetrics(
  meter: Meter,
  labels: Attributes,
): Pick<BalancerObserver, "connected" | "connectFailed" | "disconnected"> {
  const counter = (name: string, unit: string, description: string) =>
    meter.createCounter(`grpc.subchannel.${name}`, { unit, description });
  const succeeded = counter(
    "connection_attempts_succeeded",
    "{attempt}",
    "Connections that became ready",
  );
  const failed = counter("connection_attempts_failed", "{attempt}", "Connections that failed");
  const lost = counter("disconnections", "{disconnection}", "Ready connections that have ended");
  const open = meter.createUpDownCounter("grpc.subchannel.open_connections", {
    unit: "{connection}",
    description: "Connections that take calls",
  });
  const openLabels = (secure: boolean) => ({
    ...labels,
    "grpc.security_level": secure ? "privacy_and_integrity" : "none",
  });
  return {
    connected(_address, secure) {
      succeeded.add(1, labels);
      open.add(1, openLabels(secure));
    },
    connectFailed: () => failed.add(1, labels),
    disconnected(_address, secure, reason) {
      lost.add(1, { ...labels, "grpc.disconnect_error": reason });
      open.add(-1, openLabels(secure));
    },
  };
}

function policyMetrics(
  meter: Meter,
  labels: Attributes,
): Pick<BalancerObserver, "outlier" | "weighed"> {
  const counter = (name: string, unit: string, description: string) =>
    meter.createCounter(`grpc.lb.${name}`, { unit, description });
  const prefix = "outlier_detection";
  const enforced = counter(`${prefix}.ejections_enforced`, "{ejection}", "Ejections of outliers");
  const unenforced = counter(
    `${prefix}.ejections_unenforced`,
    "{ejection}",
    "Outliers that were not ejected",
  );
  const fallbacks = counter(
    "wrr.rr_fallback",
    "{update}",
    "Updates with too few usable weights, so that all servers count the same",
  );
  const unusable = counter(
    "wrr.endpoint_weight_not_yet_usable",
    "{endpoint}",
    "Servers in an update without a report, or in their blackout period",
  );
  const stale = counter(
    "wrr.endpoint_weight_stale",
    "{endpoint}",
    "Servers in an update whose latest report is too old",
  );
  const weights = meter.createHistogram("grpc.lb.wrr.endpoint_weights", {
    unit: "{weight}",
    description: "Weight of each server at each update; 0 if it is not usable",
  });
  return {
    outlier(_address, method, reason) {
      const of = { ...labels, [`grpc.lb.${prefix}.detection_method`]: method };
      if (reason === undefined) enforced.add(1, of);
      else unenforced.add(1, { ...of, [`grpc.lb.${prefix}.unenforced_reason`]: reason });
    },
    weighed(figures: WeightFigures) {
      if (figures.fallback) fallbacks.add(1, labels);
      if (figures.notYetUsable > 0) unusable.add(figures.notYetUsable, labels);
      if (figures.stale > 0) stale.add(figures.stale, labels);
      for (const weight of figures.weights) weights.record(weight, labels);
    },
  };
}
