/**
 * Observation of a channel's connections and balancers. Without an observer it costs nothing.
 *
 * @module
 */

import type { FailureLog } from "./failure_log.ts";

/**
 * Receives what happens in a channel's balancers and to their connections, for metrics. Its functions must not block; what they
 * throw is logged.
 */
export interface BalancerObserver {
  /** A connection of the channel is ready; `secure` if it is encrypted. */
  connected(address: string, secure: boolean): void;
  /** A connection could not be made. */
  connectFailed(address: string): void;
  /** A connection that was ready is not used any more, for a reason of gRPC A94's list. */
  disconnected(address: string, secure: boolean, reason: string): void;
  /**
   * `outlier_detection` judged an address an outlier by `method`, and ejected it, or not for a reason of gRPC A91:
   * `enforcement_percentage` or `max_ejection_overflow`.
   */
  outlier(
    address: string,
    method: "success_rate" | "failure_percentage",
    unenforced?: "enforcement_percentage" | "max_ejection_overflow",
  ): void;
  /** `weighted_round_robin` computed the weights of its READY servers. */
  weighed(figures: WeightFigures): void;
}

/** What `weighted_round_robin` knows of its READY servers when it computes their weights (gRPC A78). */
export interface WeightFigures {
  /** The weight of each server; 0 if it is not usable. */
  readonly weights: readonly number[];
  /** Servers without a report so far, or in their blackout period. */
  readonly notYetUsable: number;
  /** Servers whose latest report is too old. */
  readonly stale: number;
  /** Whether fewer than two weights are usable, so that all servers count the same. */
  readonly fallback: boolean;
}

/** Returns an observer that passes everything on to `observer`, and logs what that throws; undefined without one. */
export function guardedBalancerObserver(
  observer: BalancerObserver | undefined,
  failures: FailureLog,
): BalancerObserver | undefined {
  if (observer === undefined) return undefined;
  const report = (event: (observer: BalancerObserver) => unknown) =>
    failures.invoke("observer.balancer", event, observer);
  return {
    connected: (...facts) => report((to) => to.connected(...facts)),
    connectFailed: (...facts) => report((to) => to.connectFailed(...facts)),
    disconnected: (...facts) => report((to) => to.disconnected(...facts)),
    outlier: (...facts) => report((to) => to.outlier(...facts)),
    weighed: (...facts) => report((to) => to.weighed(...facts)),
  };
}
