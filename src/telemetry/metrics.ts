/**
 * Metrics of calls, with the names, labels and buckets of gRPC proposal A66.
 *
 * @module
 */

import {
  type Attributes,
  type Context,
  context,
  type Histogram,
  type Meter,
  type MeterProvider,
  metrics,
} from "@opentelemetry/api";
import { Status, statusName } from "../call/status.ts";
import { RpcError } from "../errors.ts";
import { balancerMetrics } from "./balancers.ts";
import type { CallObserver, ObservedCall } from "../rpc/core/observer.ts";
import { onReplyEnd } from "../rpc/core/reply_completion.ts";
import type { HandlerContext, InterceptedReply, Interceptor } from "../rpc/core/types.ts";

/** Bucket bounds of durations, in seconds (A66). */
export const DURATION_BUCKETS_S: readonly number[] = [
  ...[0, 0.00001, 0.00005, 0.0001, 0.0003, 0.0006, 0.0008, 0.001, 0.002, 0.003, 0.004, 0.005],
  ...[0.006, 0.008, 0.01, 0.013, 0.016, 0.02, 0.025, 0.03, 0.04, 0.05, 0.065, 0.08, 0.1, 0.13],
  ...[0.16, 0.2, 0.25, 0.3, 0.4, 0.5, 0.65, 0.8, 1, 2, 5, 10, 20, 50, 100],
];

/** Bucket bounds of sizes, in bytes (A66). */
export const SIZE_BUCKETS_BYTES: readonly number[] = [
  ...[0, 1024, 2048, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864],
  ...[268435456, 1073741824, 4294967296],
];

/** Destination of metrics. */
export interface MetricsOptions {
  /** Default: the provider registered with `@opentelemetry/api`. */
  meterProvider?: MeterProvider;
}

/** Destination of a client's metrics, and their target label. */
export interface ClientMetricsOptions extends MetricsOptions {
  /** Value of the label `grpc.target`: the target of the channel. */
  target: string;
}

/** Options of {@link clientMetrics}. */
export interface ClientObserverOptions extends ClientMetricsOptions {
  /**
   * Whether connections and balancers are measured too: `grpc.subchannel.*` (gRPC proposal A94),
   * `grpc.lb.outlier_detection.*` (A91) and `grpc.lb.wrr.*` (A78), which gRPC counts as experimental. Default false.
   */
  balancers?: boolean;
}

/** Instruments of a call, on either side. */
interface Instruments {
  started(labels: Attributes): void;
  readonly durationS: Histogram;
  readonly sentBytes: Histogram;
  readonly receivedBytes: Histogram;
}

/**
 * Key in a handler context's `values` of the OpenTelemetry context with the span of the call, for the exemplars of metrics
 * that are recorded outside of it.
 */
export const SPAN_CONTEXT = Symbol("vrpc.telemetry.spanContext");

/** Returns the meter of this library. */
export function meterOf(options: MetricsOptions): Meter {
  return (options.meterProvider ?? metrics).getMeter("vrpc");
}

/**
 * Creates the observer of a server (`ServeOptions.observer`): `grpc.server.call.started`, `.duration`,
 * `.sent_total_compressed_message_size` and `.rcvd_total_compressed_message_size`, with the labels
 * `grpc.method` (`other` for methods that the server doesn't have) and, except for `started`, `grpc.status`.
 */
export function serverMetrics(options: MetricsOptions = {}): CallObserver {
  const instruments = makeInstruments(meterOf(options), "grpc.server.call", "call");
  return {
    started: (path, known) => {
      const labels = { "grpc.method": known ? methodLabel(path) : "other" };
      return new MeasuredCall(instruments, labels);
    },
  };
}

/**
 * Creates the observer of a channel (`ChannelOptions.observer`): `grpc.client.attempt.started`, `.duration`,
 * `.sent_total_compressed_message_size` and `.rcvd_total_compressed_message_size`, with the labels
 * `grpc.method`, `grpc.target` and, except for `started`, `grpc.status`.
 */
export function clientMetrics(options: ClientObserverOptions): CallObserver {
  const meter = meterOf(options);
  const instruments = makeInstruments(meter, "grpc.client.attempt", "attempt");
  return {
    balancer: options.balancers ? balancerMetrics(meter, options.target) : undefined,
    started: (path) => {
      const labels = { "grpc.method": methodLabel(path), "grpc.target": options.target };
      return new MeasuredCall(instruments, labels);
    },
  };
}

/**
 * Creates an interceptor of a channel that measures `grpc.client.call.duration`, from the first attempt to the end of
 * the last, with the labels `grpc.method`, `grpc.target` and `grpc.status`.
 */
export function callDurations(options: ClientMetricsOptions): Interceptor {
  const durationS = meterOf(options).createHistogram("grpc.client.call.duration", {
    unit: "s",
    description: "End-to-end time of a call, retries included",
    advice: { explicitBucketBoundaries: [...DURATION_BUCKETS_S] },
  });
  return (next) => async (call) => {
    const startMs = performance.now();
    const active = context.active();
    const end = (error?: unknown) => {
      const labels = {
        "grpc.method": methodLabel(call.method.path),
        "grpc.target": options.target,
        "grpc.status": statusName(codeOf(error)),
      };
      durationS.record((performance.now() - startMs) / 1000, labels, active);
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

/** Returns the status of an error; OK without one. */
export function codeOf(error: unknown): Status {
  return error === undefined ? Status.OK : RpcError.from(error).code;
}

/** Returns a path as gRPC labels it: without the leading slash. */
export function methodLabel(path: string): string {
  return path.startsWith("/") ? path.slice(1) : path;
}

function makeInstruments(meter: Meter, prefix: string, unit: string): Instruments {
  const counter = meter.createCounter(`${prefix}.started`, {
    unit: `{${unit}}`,
    description: `Started ${unit}s, whether they have ended or not`,
  });
  const size = (way: "sent" | "rcvd") =>
    meter.createHistogram(`${prefix}.${way}_total_compressed_message_size`, {
      unit: "By",
      description: `Bytes of all messages of a ${unit}, after compression`,
      advice: { explicitBucketBoundaries: [...SIZE_BUCKETS_BYTES] },
    });
  return {
    started: (labels) => counter.add(1, labels),
    durationS: meter.createHistogram(`${prefix}.duration`, {
      unit: "s",
      description: `Time of a ${unit}, from its start to its status`,
      advice: { explicitBucketBoundaries: [...DURATION_BUCKETS_S] },
    }),
    sentBytes: size("sent"),
    receivedBytes: size("rcvd"),
  };
}

class MeasuredCall implements ObservedCall {
  readonly #instruments: Instruments;
  readonly #labels: Attributes;
  readonly #startMs = performance.now();
  /** Context of an attempt's start, which `clientTracing` makes that of its span: the end comes in that of the connection. */
  readonly #active: Context = context.active();
  #handler: HandlerContext | undefined = undefined;
  #sentBytes = 0;
  #receivedBytes = 0;

  constructor(instruments: Instruments, labels: Attributes) {
    this.#instruments = instruments;
    this.#labels = labels;
    instruments.started(labels);
  }

  sent(bytes: number): void {
    this.#sentBytes += bytes;
  }

  received(bytes: number): void {
    this.#receivedBytes += bytes;
  }

  handled(handler: HandlerContext): void {
    this.#handler = handler;
  }

  ended(code: Status): void {
    const labels = { ...this.#labels, "grpc.status": statusName(code) };
    const { durationS, sentBytes, receivedBytes } = this.#instruments;
    const span = this.#handler?.values.get(SPAN_CONTEXT) as Context | undefined;
    const active = span ?? this.#active;
    durationS.record((performance.now() - this.#startMs) / 1000, labels, active);
    sentBytes.record(this.#sentBytes, labels, active);
    receivedBytes.record(this.#receivedBytes, labels, active);
  }
}
