import assert from "node:assert/strict";
import {
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { type Channel, connect, RpcError, serve, type ServiceConfig, Status } from "../../mod.ts";
import { registerResolver } from "../../src/rpc/resolver/mod.ts";
import { callRetries, clientTracing } from "../../src/telemetry/mod.ts";
import { RecordingMeterProvider } from "./recording_meter.ts";

const POLICY = {
  retry: {
    name: [{}],
    retryPolicy: {
      maxAttempts: 4,
      initialBackoff: "0.02s",
      maxBackoff: "0.02s",
      backoffMultiplier: 1,
      retryableStatusCodes: ["UNAVAILABLE"],
    },
  },
  hedging: {
    name: [{}],
    hedgingPolicy: { maxAttempts: 3, hedgingDelay: "0.02s", nonFatalStatusCodes: ["UNAVAILABLE"] },
  },
};

/** A server whose `/a.B/Flaky` fails the first `failures` calls, and whose `/a.B/Slow` answers the first call last. */
async function start(
  policy: keyof typeof POLICY | undefined,
  failures: number,
): Promise<
  AsyncDisposable & { channel: Channel; meter: RecordingMeterProvider; span(): ReadableSpan }
> {
  let calls = 0;
  let release = () => {};
  const second = new Promise<void>((resolve) => release = resolve);
  const server = await serve("127.0.0.1:0", (router) => {
    router.method("/a.B/Flaky", {}, (request) => {
      if (calls++ < failures) throw new RpcError(Status.UNAVAILABLE, "busy");
      return request;
    });
    router.method("/a.B/Slow", {}, async (request) => {
      if (calls++ === 0) await second;
      else release();
      return request;
    });
    router.method("/a.B/Many", { kind: "server_streaming" }, async function* (request) {
      if (calls++ < failures) throw new RpcError(Status.UNAVAILABLE, "busy");
      yield request;
      yield request;
    });
  });
  const exporter = new InMemorySpanExporter();
  const tracerProvider = new TracerProvider({
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
  });
  const meter = new RecordingMeterProvider();
  const target = server.addresses[0];
  const serviceConfig = {
    methodConfig: policy === undefined ? [] : [POLICY[policy]],
  } as ServiceConfig;
  const channel = connect(target, {
    serviceConfig,
    interceptors: [
      clientTracing({ tracerProvider, target }),
      callRetries({ meterProvider: meter, target }),
    ],
  });
  return {
    channel,
    meter,
    span: () => exporter.getFinishedSpans()[0],
    async [Symbol.asyncDispose]() {
      await channel.close();
      await server.close();
    },
  };
}

const sent = new Uint8Array(1);
const EVENTS = /^vrpc\./;
const eventsOf = (span: ReadableSpan) =>
  span.events.filter(({ name }) => EVENTS.test(name)).map(({ name, attributes }) => [
    name,
    attributes!["previous-rpc-attempts"],
    attributes!["transparent-retry"],
    attributes!["rpc.status_code"],
  ]);

Deno.test("retries are events of the span, and counted by A96's names", async () => {
  await using test = await start("retry", 2);
  await test.channel.call("/a.B/Flaky", sent);
  assert.deepEqual(eventsOf(test.span()), [
    ["vrpc.retry", 1, false, "UNAVAILABLE"],
    ["vrpc.retry", 2, false, "UNAVAILABLE"],
  ]);
  const port = Number(test.channel.stats().connections[0].address.split(":").at(-1));
  assert.equal(test.span().attributes["network.peer.address"], "127.0.0.1");
  assert.equal(test.span().attributes["network.peer.port"], port);
  assert.deepEqual(test.meter.values("grpc.client.call.retries"), [2]);
  assert.deepEqual(test.meter.values("grpc.client.call.hedges"), []);
  assert.deepEqual(test.meter.values("grpc.client.call.transparent_retries"), []);
  const [delayS] = test.meter.values("grpc.client.call.retry_delay");
  // Two waits of 20 ms, less a fifth each.
  assert.ok(delayS >= 0.031, `${delayS}`);
  const [{ attributes }] = test.meter.of("grpc.client.call.retries");
  assert.deepEqual(Object.keys(attributes).sort(), ["grpc.method", "grpc.target"]);
});

Deno.test("retries of a stream of replies are events of its span", async () => {
  await using test = await start("retry", 1);
  let replies = 0;
  for await (
    const _ of test.channel.stream("/a.B/Many", sent)
  ) replies++;
  assert.equal(replies, 2);
  assert.deepEqual(eventsOf(test.span()), [["vrpc.retry", 1, false, "UNAVAILABLE"]]);
  assert.deepEqual(test.meter.values("grpc.client.call.retries"), [1]);
});

Deno.test("hedges are events of the span, without the status of another attempt", async () => {
  await using test = await start("hedging", 0);
  await test.channel.call("/a.B/Slow", sent);
  assert.deepEqual(eventsOf(test.span())[0], ["vrpc.hedge", 1, false, undefined]);
  assert.ok(test.meter.values("grpc.client.call.hedges")[0] >= 1);
  assert.deepEqual(test.meter.values("grpc.client.call.retries"), []);
});

Deno.test("a call of one attempt has no events of attempts, and a delay of 0", async () => {
  await using test = await start(undefined, 0);
  await test.channel.call("/a.B/Flaky", sent);
  // The first call waits for the connection.
  assert.deepEqual(test.span().events.map(({ name }) => name), ["Delayed LB pick complete"]);
  assert.deepEqual(test.meter.values("grpc.client.call.retry_delay"), [0]);
});

Deno.test("a call that no connection can take has neither peer nor event", async () => {
  const exporter = new InMemorySpanExporter();
  const tracerProvider = new TracerProvider({
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
  });
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  await using channel = connect(`127.0.0.1:${port}`, {
    interceptors: [clientTracing({ tracerProvider, target: "a:1" })],
  });
  await assert.rejects(channel.call("/a.B/C", sent), { code: Status.UNAVAILABLE });
  const [span] = exporter.getFinishedSpans();
  assert.deepEqual(span.events, []);
  assert.equal(span.attributes["network.peer.address"], undefined);
  assert.equal(span.attributes["error.type"], "UNAVAILABLE");
});

Deno.test("retries by a config of the resolver are events of the span too", async () => {
  await using test = await start(undefined, 1);
  await test.channel.ready();
  registerResolver("attempts", {
    async *watch() {
      yield {
        addresses: [test.channel.stats().connections[0].address],
        serviceConfig: { methodConfig: [POLICY.retry] },
      };
    },
  });
  const exporter = new InMemorySpanExporter();
  const tracerProvider = new TracerProvider({
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
  });
  await using channel = connect("attempts:///a", {
    interceptors: [clientTracing({ tracerProvider })],
  });
  await channel.call("/a.B/Flaky", sent);
  assert.deepEqual(eventsOf(exporter.getFinishedSpans()[0]), [
    ["vrpc.retry", 1, false, "UNAVAILABLE"],
  ]);
});
