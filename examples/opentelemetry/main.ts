/**
 * OpenTelemetry: the spans of calls on both sides, as the console exporter prints them.
 *
 *     deno run -A examples/opentelemetry/main.ts
 *
 * Look at `traceId`, which is the same on both sides, and at `parentSpanContext` of the server's spans: the client sends
 * both in the metadata `traceparent`. In production `OTEL_DENO=true` exports everything by OTLP, without a provider of
 * your own.
 *
 * @module
 */

import { SpanKind } from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  ConsoleSpanExporter,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { connect, RpcError, serve, Status } from "@vrpc/vrpc";
import { clientTracing, serverTracing } from "@vrpc/vrpc/telemetry";
import { GreeterService } from "../../proto/gen/examples/greeter_pb.ts";

const memory = new InMemorySpanExporter();
const tracerProvider = new TracerProvider({
  spanProcessors: [
    new SimpleSpanProcessor({ exporter: new ConsoleSpanExporter() }),
    new SimpleSpanProcessor({ exporter: memory }), // for the last lines
  ],
});
// By default those that are registered with `@opentelemetry/api`.
const tracing = { tracerProvider, propagator: new W3CTraceContextPropagator() };

const server = await serve("127.0.0.1:0", (router) => {
  router.service(GreeterService, {
    greet({ name }) {
      if (name === "") throw new RpcError(Status.INVALID_ARGUMENT, "The name is empty");
      return { text: `Hello, ${name}` };
    },
  });
}, { interceptors: [serverTracing(tracing)] });
const channel = connect(server.addresses[0], { interceptors: [clientTracing(tracing)] });
const greeter = channel.client(GreeterService);

await greeter.greet({ name: "Ada" });
await greeter.greet({ name: "" }).catch((error) => console.log(error.codeName));

// Once both have closed, all spans have ended.
await channel.close();
await server.shutdown();
await tracerProvider.forceFlush();
const spans = memory.getFinishedSpans();
for (const span of spans.filter(({ kind }) => kind === SpanKind.CLIENT)) {
  const { traceId, spanId } = span.spanContext();
  const child = spans.find(({ parentSpanContext }) => parentSpanContext?.spanId === spanId)!;
  console.log(`${span.name}: same trace on both sides: ${child.spanContext().traceId === traceId}`);
}
