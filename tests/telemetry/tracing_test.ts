import assert from "node:assert/strict";
import { SpanKind, SpanStatusCode, type TextMapPropagator } from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { RpcError, Status } from "../../mod.ts";
import { clientTracing, serverTracing } from "../../src/telemetry/mod.ts";
import { testServer } from "../../src/testing/mod.ts";

async function start(wire: "grpc" | "lean") {
  const exporter = new InMemorySpanExporter();
  const tracerProvider = new TracerProvider({
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
  });
  const options = { tracerProvider, propagator: new W3CTraceContextPropagator() };
  let traceparent: string | undefined;
  const { server, channel, [Symbol.asyncDispose]: dispose } = await testServer((router) => {
    router.method("/test.Service/Echo", {}, (request, { metadata }) => {
      traceparent = metadata.get("traceparent");
      return request;
    });
    router.method("/test.Service/Fail", {}, () => {
      throw new RpcError(Status.INTERNAL, "secret text");
    });
    router.method("/test.Service/Many", { kind: "server_streaming" }, async function* (request) {
      for (;;) yield request;
    });
  }, {
    serve: { interceptors: [serverTracing(options)] },
    connect: { wire, interceptors: [clientTracing(options)] },
  });
  return {
    channel,
    server,
    traceparent: () => traceparent,
    /** Resolves to the spans of both sides when there are `count`. */
    async spans(count: number) {
      while (exporter.getFinishedSpans().length < count) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      const all = exporter.getFinishedSpans();
      return {
        client: all.find(({ kind }) => kind === SpanKind.CLIENT)!,
        server: all.find(({ kind }) => kind === SpanKind.SERVER)!,
        all,
      };
    },
    [Symbol.asyncDispose]: dispose,
  };
}

for (const wire of ["grpc", "lean"] as const) {
  Deno.test(`the server's span is the child of the client's: ${wire}`, async () => {
    await using tracing = await start(wire);
    await tracing.channel.call("/test.Service/Echo", new Uint8Array(1));
    const { client, server } = await tracing.spans(2);
    assert.equal(client.name, "test.Service/Echo");
    const { traceId, spanId } = client.spanContext();
    assert.equal(tracing.traceparent(), `00-${traceId}-${spanId}-01`);
    assert.equal(server.spanContext().traceId, traceId);
    assert.equal(server.parentSpanContext?.spanId, spanId);
    const { "network.peer.address": of, ...own } = client.attributes;
    assert.match(String(of), /^memory:/);
    assert.deepEqual(own, {
      "rpc.system.name": "grpc",
      "rpc.method": "test.Service/Echo",
      "rpc.status_code": "OK",
    });
    // The lean wire has no :authority.
    const { "network.peer.address": peer, "server.address": authority, ...others } =
      server.attributes;
    assert.equal(authority, wire === "grpc" ? "localhost" : undefined);
    assert.deepEqual(others, own);
    assert.equal(typeof peer, "string");
    assert.equal(server.status.code, SpanStatusCode.UNSET);
  });

  Deno.test(`the span of a failure has its code, without its message: ${wire}`, async () => {
    await using tracing = await start(wire);
    const call = tracing.channel.call("/test.Service/Fail", new Uint8Array());
    await assert.rejects(call, { code: Status.INTERNAL });
    const { all } = await tracing.spans(2);
    for (const span of all) {
      assert.equal(span.attributes["rpc.status_code"], "INTERNAL");
      assert.equal(span.attributes["error.type"], "INTERNAL");
      assert.deepEqual(span.status, { code: SpanStatusCode.ERROR });
      assert.ok(span.events.every(({ name }) => name === "Delayed LB pick complete"));
      assert.ok(!/secret/.test(JSON.stringify(span.attributes)));
    }
  });

  Deno.test(`a stream's span ends when its reader stops: ${wire}`, async () => {
    await using tracing = await start(wire);
    for await (const _ of tracing.channel.stream("/test.Service/Many", new Uint8Array(1))) break;
    const { client, server } = await tracing.spans(2);
    assert.equal(client.attributes["rpc.status_code"], "CANCELLED");
    assert.equal(server.attributes["rpc.status_code"], "CANCELLED");
  });
}

Deno.test("a call does not fail for a context that no header can carry", async () => {
  const propagator: TextMapPropagator = {
    inject(_context, carrier, setter) {
      setter.set(carrier, "host", "x");
      setter.set(carrier, "baggage", "ü");
      setter.set(carrier, "traceparent", " 00-1 ");
    },
    extract: (context) => context,
    fields: () => [],
  };
  let received: string[] = [];
  await using pair = await testServer((router) => {
    router.method("/test.Service/Echo", {}, (request, { metadata }) => {
      received = [...metadata].map(([key, value]) => `${key}: ${value}`);
      return request;
    });
  }, { connect: { wire: "lean", interceptors: [clientTracing({ propagator })] } });
  await pair.channel.call("/test.Service/Echo", new Uint8Array(1));
  assert.deepEqual(received, ["traceparent: 00-1"]);
});
