/**
 * Metrics and spans for OpenTelemetry. A program that does not import this module loads and measures nothing.
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
 * Measurements go to the providers registered with `@opentelemetry/api` or passed as options; without any
 * they are dropped. Deno has both built in: `OTEL_DENO=true` exports everything by OTLP.
 *
 * @module
 */

export {
  callDurations,
  clientMetrics,
  type ClientMetricsOptions,
  type ClientObserverOptions,
  DURATION_BUCKETS_S,
  type MetricsOptions,
  serverMetrics,
  SIZE_BUCKETS_BYTES,
} from "./metrics.ts";
export { callRetries } from "./attempts.ts";
export { observeClock } from "./clock.ts";
export { observeEgress } from "./egress.ts";
export { type Observation, observeChannel, observeServer } from "./gauges.ts";
export { RPC_DURATION_BUCKETS_S } from "./conventions.ts";
export { rpcClientDurations, rpcServerDurations } from "./rpc_durations.ts";
export {
  clientTracing,
  type ClientTracingOptions,
  serverTracing,
  type TracingOptions,
} from "./tracing.ts";
export type { BalancerObserver, WeightFigures } from "../rpc/core/balancer_observer.ts";
export type { CallObserver, ObservedCall } from "../rpc/core/observer.ts";
