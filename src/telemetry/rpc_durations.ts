/**
 * Durations of calls, with the names, labels and buckets of OpenTelemetry's semantic conventions for RPC.
 *
 * @module
 */

import { type Attributes, type Context, context, type Histogram } from "@opentelemetry/api";
import { Status } from "../call/status.ts";
import { onCallEnd } from "../rpc/core/call_end.ts";
import { onReplyEnd } from "../rpc/core/reply_completion.ts";
import type { InterceptedReply, Interceptor } from "../rpc/core/types.ts";
import {
  callAttributes,
  endAttributes,
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
 * `rpc.status_code` and, for failures of the server, `error.type`. Inside `serverTracing()`, the span is the exemplar's.
 */
export function rpcServerDurations(options: MetricsOptions = {}): Interceptor {
  const durationS = histogram("server", "an incoming", options);
  return (next) => (call) => {
    const { wire } = call.context!;
    const end = measure(
      durationS,
      callAttributes(systemOf(wire), methodLabel(call.method.path), false),
    );
    onCallEnd(call.context!, (code) => end(code, SERVER_FAULTS.has(code)));
    return next(call);
  };
}

/**
 * Creates an interceptor of a channel that measures `rpc.client.call.duration`, retries included, with the same labels and
 * `server.address` and `server.port`. Inside `clientTracing()`, the span is the exemplar's.
 */
export function rpcClientDurations(options: ClientMetricsOptions): Interceptor {
  const durationS = histogram("client", "an outgoing", options);
  const server = serverAttributes(options.target);
  return (next) => async (call) => {
    const attributes = callAttributes("grpc", methodLabel(call.method.path), false);
    const record = measure(durationS, { ...attributes, ...server });
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

function histogram(side: string, what: string, options: MetricsOptions): Histogram {
  return meterOf(options).createHistogram(`rpc.${side}.call.duration`, {
    unit: "s",
    description: `Measures the duration of ${what} Remote Procedure Call (RPC).`,
    advice: { explicitBucketBoundaries: [...RPC_DURATION_BUCKETS_S] },
  });
}

/** Starts a measurement; the context of now, which may have a span, is that of the exemplar. */
function measure(
  durationS: Histogram,
  labels: Attributes,
): (code: Status, failed: boolean) => void {
  const startMs = performance.now();
  const active: Context = context.active();
  return (code, failed) =>
    durationS.record(
      (performance.now() - startMs) / 1000,
      { ...labels, ...endAttributes(code, failed, false) },
      active,
    );
}
