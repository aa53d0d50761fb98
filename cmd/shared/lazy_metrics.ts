/**
 * Metrics, loaded when a program is to have them: OpenTelemetry and the HTTP server take a quarter of a start.
 *
 * @module
 */

import type { MetricsEndpoint, MetricsSource, ThreadMetrics } from "./metrics.ts";

/** Creates the metrics of one thread. */
export async function threadMetrics(): Promise<ThreadMetrics> {
  const { ThreadMetrics } = await import("./metrics.ts");
  return new ThreadMetrics();
}

/** Serves `GET /metrics` at `address`. Rejects when it can't listen. */
export async function serveMetrics(
  address: string,
  source: MetricsSource,
): Promise<MetricsEndpoint> {
  const metrics = await import("./metrics.ts");
  return await metrics.serveMetrics(address, source);
}
