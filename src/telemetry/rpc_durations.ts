/**
 * Durations of calls, with the names, labels and buckets of OpenTelemetry's semantic conventions for RPC.
 *
 * @module
 */

import { type Attributes, type Context, context } from "@opentelemetry/api";
import { Status } from "../call/status.ts";
import { onCallEnd } from "../rpc/core/call_end.ts";
import { onReplyEnd } from "../rpc/core/reply_completion.ts";
import type { InterceptedReply, Interceptor } from "../rpc/core/types.ts";
import {
  callAttributes,
  emitsOldNames,
  endAttributes,
  oldCallAttributes,
  RPC_DURATION_BUCKETS_S,
  SERVER_FAULTS,
  serverAttributes,
  systemOf,
} from "./conventions.ts";
import {
  type ClientMetricsOptions,
  codeOf,
  meterOf,
  methodLabel,
  type MetricsOptions,
} from "./metrics.ts";

/**
 * Creates an interceptor of a server that measures `rpc.server.call.duration`, with `rpc.system.name`, `rpc.method`,
 * `rpc.status_code` and, for failures of the server, `error.type`. Inside `serverTracing()`, the span is the exemplar's. With
 * `rpc/dup` in `OTEL_SEMCONV_STABILITY_OPT_IN`, it measures `rpc.server.duration` of version 1.37 as well, in ms.
 */
export function rpcServerDurations(options: MetricsOptions = {}): Interceptor {
  const begin = durations("server", "an incoming", "inbound", options);
  return (next) => (call) => {
    const { wire } = call.context!;
    const end = begin(systemOf(wire), methodLabel(call.method.path), {});
    onCallEnd(call.context!, (code) => end(code, SERVER_FAULTS.has(code)));
    return next(call);
  };
}

/**
 * Creates an interceptor of a channel that measures `rpc.client.call.duration`, retries included, with the same labels and
 * `server.address` and `server.port`. Inside `clientTracing()`, the span is the exemplar's. With `rpc/dup` in
 * `OTEL_SEMCONV_STABILITY_OPT_IN`, it measures `rpc.client.duration` as well.
 */
export function rpcClientDurations(options: ClientMetricsOptions): Interceptor {
  const begin = durations("client", "an outgoing", "outbound", options);
  const server = serverAttributes(options.target);
  return (next) => async (call) => {
    const record = begin("grpc", methodLabel(call.method.path), server);
    const end = (error?: unknown) => {
      const code = codeOf(error);
      record(code, code !== Status.OK);
    };
    let reply: InterceptedReply;
    try {
      reply = await next(call);
    } catch (error) {
      end(error);
      throw error;
    }
    return onReplyEnd(reply, end);
  };
}

/** Starts a measurement; the function that it returns ends it. */
type Begin = (
  system: string,
  method: string,
  server: Attributes,
) => (code: Status, failed: boolean) => void;

function durations(side: string, what: string, oldWhat: string, options: MetricsOptions): Begin {
  const meter = meterOf(options);
  const durationS = meter.createHistogram(`rpc.${side}.call.duration`, {
    unit: "s",
    description: `Measures the duration of ${what} Remote Procedure Call (RPC).`,
    advice: { explicitBucketBoundaries: [...RPC_DURATION_BUCKETS_S] },
  });
  const oldMs = emitsOldNames()
    ? meter.createHistogram(`rpc.${side}.duration`, {
      unit: "ms",
      description: `Measures the duration of ${oldWhat} RPC.`,
    })
    : undefined;
  return (system, method, server) => {
    const startMs = performance.now();
    // The context of now, which may have a span, is that of the exemplar.
    const active: Context = context.active();
    return (code, failed) => {
      const tookMs = performance.now() - startMs;
      const labels = { ...callAttributes(system, method, false), ...server };
      const end = endAttributes(code, failed, false);
      durationS.record(tookMs / 1_000, { ...labels, ...end }, active);
      if (oldMs === undefined) return;
      const oldLabels = { ...oldCallAttributes(system, method), ...server };
      oldMs.record(tookMs, { ...oldLabels, "rpc.grpc.status_code": code }, active);
    };
  };
}
