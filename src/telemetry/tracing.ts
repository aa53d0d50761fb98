/**
 * Spans of calls; metadata carries their context from client to server (W3C `traceparent` with
 * OpenTelemetry's default propagator).
 *
 * @module
 */

import {
  type Attributes,
  type Context,
  context,
  diag,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
  trace,
  type TracerProvider,
} from "@opentelemetry/api";
import type { Metadata } from "../call/metadata.ts";
import { Status } from "../call/status.ts";
import { onCallEnd } from "../rpc/core/call_end.ts";
import { listenToAttempts } from "../rpc/core/attempts.ts";
import { onReplyEnd } from "../rpc/core/reply_completion.ts";
import type { InterceptedCall, InterceptedReply, Interceptor } from "../rpc/core/types.ts";
import { AttemptEvents } from "./attempts.ts";
import {
  authorityAttributes,
  callAttributes,
  emitsOldNames,
  endAttributes,
  peerAttributes,
  SERVER_FAULTS,
  serverAttributes,
  systemOf,
} from "./conventions.ts";
import { codeOf, methodLabel, SPAN_CONTEXT } from "./metrics.ts";

/** Destination of spans, and the propagator of their context. */
export interface TracingOptions {
  /** Default: the provider registered with `@opentelemetry/api`. */
  tracerProvider?: TracerProvider;
  /** Default: the propagator registered with `@opentelemetry/api`. */
  propagator?: TextMapPropagator;
}

const GETTER: TextMapGetter<Metadata> = {
  keys: (metadata) => [...metadata].map(([key]) => key),
  get: (metadata, key) => metadata.get(key),
};

const SETTER: TextMapSetter<Metadata> = {
  set(metadata, key, value) {
    try {
      metadata.set(key, value);
    } catch (error) {
      // A call must not fail because of tracing: values that no header can carry are left out.
      diag.warn(`vrpc: ${(error as Error).message}`);
    }
  },
};

/** Destination of a client's spans, and its target. */
export interface ClientTracingOptions extends TracingOptions {
  /** Target of the channel, for `server.address` and `server.port`. Default: they are not set. */
  target?: string;
}

/** Creates an interceptor of a server: one span per call, child of the caller's span. */
export function serverTracing(options: TracingOptions = {}): Interceptor {
  const propagator = options.propagator ?? propagation;
  const old = emitsOldNames();
  return (next) => (call) => {
    const parent = propagator.extract(context.active(), call.metadata, GETTER);
    const { peer, wire, authority, values } = call.context!;
    const span = startSpan(options, call, SpanKind.SERVER, parent, {
      ...callAttributes(systemOf(wire), methodLabel(call.method.path), old),
      ...authorityAttributes(authority),
      ...peerAttributes(peer.address),
    });
    values.set(SPAN_CONTEXT, trace.setSpan(parent, span));
    // The span ends with the status that is sent, which outer interceptors and encoding may have changed.
    onCallEnd(call.context!, (code) => endSpan(span, code, SERVER_FAULTS.has(code), old));
    return run(span, parent, () => next(call), () => {});
  };
}

/**
 * Creates an interceptor of a channel: one span per call, whose context is sent in metadata. Retries and hedges are events of
 * the span.
 */
export function clientTracing(options: ClientTracingOptions = {}): Interceptor {
  const propagator = options.propagator ?? propagation;
  const old = emitsOldNames();
  const server = options.target === undefined ? {} : serverAttributes(options.target);
  return (next) => (call) => {
    const parent = context.active();
    const span = startSpan(options, call, SpanKind.CLIENT, parent, {
      ...callAttributes("grpc", methodLabel(call.method.path), old),
      ...server,
    });
    const active = trace.setSpan(parent, span);
    propagator.inject(active, call.metadata, SETTER);
    const attempts = new AttemptEvents(span, active);
    listenToAttempts(call, attempts);
    return run(span, parent, () => next(call), (error) => {
      const code = codeOf(error);
      span.setAttributes(attempts.peer);
      endSpan(span, code, code !== Status.OK, old);
    });
  };
}

function startSpan(
  options: TracingOptions,
  { method }: InterceptedCall,
  kind: SpanKind,
  parent: Context,
  attributes: Attributes,
): Span {
  return (options.tracerProvider ?? trace).getTracer("vrpc").startSpan(
    methodLabel(method.path),
    { kind, attributes },
    parent,
  );
}

function endSpan(span: Span, code: Status, isError: boolean, old: boolean): void {
  span.setAttributes(endAttributes(code, isError, old));
  // Only the code: the message of a failure may contain secrets.
  if (isError) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}

/** Runs a call within its span; `end` is called when its reply has ended, with the error if it failed. */
async function run(
  span: Span,
  parent: Context,
  next: () => Promise<InterceptedReply>,
  end: (error?: unknown) => void,
): Promise<InterceptedReply> {
  const active = trace.setSpan(parent, span);
  let reply: InterceptedReply;
  try {
    reply = await context.with(active, next);
  } catch (error) {
    end(error);
    throw error;
  }
  return onReplyEnd(reply, end, (body) => context.with(active, body));
}
