import { AsyncLocalStorage } from "node:async_hooks";
import assert from "node:assert/strict";
import {
  type Context,
  context,
  type ContextManager,
  ROOT_CONTEXT,
  trace,
} from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { RpcError, Status } from "../../mod.ts";
import {
  callDurations,
  callRetries,
  clientMetrics,
  clientTracing,
  rpcClientDurations,
  rpcServerDurations,
  serverMetrics,
  serverTracing,
} from "../../src/telemetry/mod.ts";
import { testServer } from "../../src/testing/mod.ts";
import { RecordingMeterProvider } from "./recording_meter.ts";

/** The context manager of an SDK: contexts follow asynchronous calls. */
class Contexts implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>();
  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT;
  }
  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    given: Context,
    body: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.#storage.run(given, () => body.apply(thisArg as never, args));
  }
  bind<T>(_given: Context, target: T): T {
    return target;
  }
  enable(): this {
    return this;
  }
  disable(): this {
    return this;
  }
}

for (const wire of ["grpc", "lean"] as const) {
  Deno.test(`each histogram is recorded in the context of its own call's span: ${wire}`, async () => {
    context.setGlobalContextManager(new Contexts());
    try {
      const exporter = new InMemorySpanExporter();
      const tracerProvider = new TracerProvider({
        spanProcessors: [new SimpleSpanProcessor({ exporter })],
      });
      const meterProvider = new RecordingMeterProvider();
      const tracing = { tracerProvider, propagator: new W3CTraceContextPropagator() };
      const measured = { meterProvider, target: "test:1" };
      const calls = 3;
      {
        await using test = await testServer((router) => {
          router.method("/a.B/One", {}, (request) => request);
          router.method("/a.B/Two", {}, () => {
            throw new RpcError(Status.INTERNAL, "no");
          });
          router.method("/a.B/Three", { kind: "server_streaming" }, async function* (request) {
            yield request;
          });
        }, {
          serve: {
            observer: serverMetrics({ meterProvider }),
            interceptors: [serverTracing(tracing), rpcServerDurations({ meterProvider })],
          },
          connect: {
            wire,
            observer: clientMetrics(measured),
            interceptors: [
              clientTracing(tracing),
              callDurations(measured),
              callRetries(measured),
              rpcClientDurations(measured),
            ],
          },
        });
        const { channel } = test;
        // The first call makes the connection, in whose context the others must not end.
        await channel.call("/a.B/One", new Uint8Array(1));
        await channel.call("/a.B/Two", new Uint8Array(1)).catch(() => {});
        for await (const _ of channel.stream("/a.B/Three", new Uint8Array(1)));
      }
      const spans = new Map(
        exporter.getFinishedSpans().map((span) => [span.spanContext().spanId, span]),
      );
      assert.equal(spans.size, 2 * calls);
      const names = new Set<string>();
      for (const { name, attributes, context: at } of meterProvider.measurements) {
        if (name.endsWith(".started")) continue;
        names.add(name);
        const span = spans.get(trace.getSpanContext(at)?.spanId ?? "none");
        const method = attributes["grpc.method"] ?? attributes["rpc.method"];
        assert.equal(span?.name, method, name);
        assert.equal(span?.kind, name.includes(".server.") ? 1 : 2, name);
      }
      assert.deepEqual([...names].sort(), [
        "grpc.client.attempt.duration",
        "grpc.client.attempt.rcvd_total_compressed_message_size",
        "grpc.client.attempt.sent_total_compressed_message_size",
        "grpc.client.call.duration",
        "grpc.client.call.retry_delay",
        "grpc.server.call.duration",
        "grpc.server.call.rcvd_total_compressed_message_size",
        "grpc.server.call.sent_total_compressed_message_size",
        "rpc.client.call.duration",
        "rpc.server.call.duration",
      ]);
    } finally {
      context.disable();
    }
  });
}
