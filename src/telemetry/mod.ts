/**
 * Metrics and spans for OpenTelemetry. Nothing here is loaded, and nothing is measured, unless a program
 * imports it:
 *
 * ```ts ignore
 * import { connect, serve } from "@vrpc/vrpc";
 * import { clientMetrics, clientTracing, observeServer, serverMetrics, serverTracing } from "@vrpc/vrpc/telemetry";
 *
 * const server = await serve("0.0.0.0:50051", configure, {
 *   observer: serverMetrics(),
 *   interceptors: [serverTracing()],
 * });
 * observeServer(server);
 * const channel = connect("dns:///echo:50051", {
 *   observer: clientMetrics({ target: "dns:///echo:50051" }),
 *   interceptors: [clientTracing()],
 * });
 * ```
 *
 * What is measured goes to the providers that the program registered with `@opentelemetry/api`, or that it
 * gives; without any it goes nowhere. Deno has both built in: `OTEL_DENO=true` sends everything by OTLP.
 *
 * @module
 */

export {
  callDurations,
  clientMetrics,
  type ClientMetricsOptions,
  DURATION_BUCKETS_S,
  type MetricsOptions,
  serverMetrics,
  SIZE_BUCKETS_BYTES,
} from "./metrics.ts";
export { type Observation, observeChannel, observeServer } from "./gauges.ts";
export { clientTracing, serverTracing, type TracingOptions } from "./tracing.ts";
export type { CallObserver, ObservedCall } from "../rpc/core/observer.ts";
