import assert from "node:assert/strict";
import { AggregationTemporality, MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import { RpcError, Status } from "../../mod.ts";
import {
  callDurations,
  clientMetrics,
  observeChannel,
  observeServer,
  serverMetrics,
} from "../../src/telemetry/mod.ts";
import { testServer } from "../../src/testing/mod.ts";

/** Reader that collects on demand. */
class Reader extends MetricReader {
  protected override onForceFlush(): Promise<void> {
    return Promise.resolve();
  }

  protected override onShutdown(): Promise<void> {
    return Promise.resolve();
  }

  override selectAggregationTemporality(): AggregationTemporality {
    return AggregationTemporality.CUMULATIVE;
  }
}

/** Collects measurements: `name{label="value"}` → count of values and their sum. */
async function figures(reader: Reader): Promise<Record<string, { count?: number; sum: number }>> {
  const { resourceMetrics, errors } = await reader.collect();
  assert.deepEqual(errors, []);
  const all: Record<string, { count?: number; sum: number }> = {};
  for (const metric of resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics)) {
    for (const { attributes, value } of metric.dataPoints) {
      const labels = Object.entries(attributes).map(([k, v]) => `${k}=${v}`).sort().join(",");
      all[`${metric.descriptor.name}{${labels}}`] = typeof value === "number"
        ? { sum: value }
        : { count: (value as { count: number }).count, sum: (value as { sum: number }).sum };
    }
  }
  return all;
}

async function start(wire: "grpc" | "lean", compress = false) {
  const reader = new Reader();
  const meterProvider = new MeterProvider({ readers: [reader] });
  const target = "the-target";
  const { server, channel, [Symbol.asyncDispose]: dispose } = await testServer((router) => {
    router.method("/test/echo", {}, (request) => request);
    router.method("/test/fail", {}, () => {
      throw new RpcError(Status.ABORTED, "Not today");
    });
    router.method(
      "/test/hang",
      {},
      (_, { signal }) =>
        new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    );
    router.method("/test/twice", { kind: "server_streaming" }, async function* (request) {
      yield request;
      yield request;
    });
  }, {
    serve: { observer: serverMetrics({ meterProvider }), compress },
    connect: {
      wire,
      observer: clientMetrics({ meterProvider, target }),
      interceptors: [callDurations({ meterProvider, target })],
    },
  });
  const observations = [
    observeServer(server, { meterProvider }),
    observeChannel(channel, { meterProvider, target }),
  ];
  return {
    reader,
    channel,
    async [Symbol.asyncDispose]() {
      for (const observation of observations) observation[Symbol.dispose]();
      await dispose();
    },
  };
}

for (const wire of ["grpc", "lean"] as const) {
  Deno.test(`calls are measured on both sides: ${wire}`, async () => {
    await using measuring = await start(wire);
    const { reader, channel } = measuring;
    await channel.call("/test/echo", new Uint8Array(100));
    await channel.call("/test/echo", new Uint8Array(28));
    await assert.rejects(channel.call("/test/fail", new Uint8Array()), { code: Status.ABORTED });
    await assert.rejects(channel.call("/no/such", new Uint8Array()), {
      code: Status.UNIMPLEMENTED,
    });
    for await (const _ of channel.stream("/test/twice", new Uint8Array(10))) { /* both */ }
    await assert.rejects(channel.call("/test/hang", new Uint8Array(), { timeoutMs: 20 }), {
      code: Status.DEADLINE_EXCEEDED,
    });
    const seen = await figures(reader);
    const both = (name: string, method: string, status: string) => [
      seen[`grpc.server.call.${name}{grpc.method=${method},grpc.status=${status}}`],
      seen[
        `grpc.client.attempt.${name}{grpc.method=${method},grpc.status=${status},grpc.target=the-target}`
      ],
    ];
    for (const found of both("sent_total_compressed_message_size", "test/echo", "OK")) {
      assert.deepEqual(found, { count: 2, sum: 128 });
    }
    for (const found of both("rcvd_total_compressed_message_size", "test/echo", "OK")) {
      assert.deepEqual(found, { count: 2, sum: 128 });
    }
    assert.equal(both("duration", "test/fail", "ABORTED")[0].count, 1);
    assert.equal(both("duration", "test/fail", "ABORTED")[1].count, 1);
    // Unknown methods do not become labels.
    assert.equal(both("duration", "other", "UNIMPLEMENTED")[0].count, 1);
    const [sent] = both("sent_total_compressed_message_size", "test/twice", "OK");
    assert.deepEqual(sent, { count: 1, sum: 20 });
    assert.equal(both("duration", "test/hang", "DEADLINE_EXCEEDED")[1].count, 1);
    assert.deepEqual(seen["grpc.server.call.started{grpc.method=test/echo}"], { sum: 2 });
    const durations = (method: string, status: string) =>
      seen[
        `grpc.client.call.duration{grpc.method=${method},grpc.status=${status},grpc.target=the-target}`
      ];
    assert.equal(durations("test/twice", "OK").count, 1);
    assert.equal(durations("test/hang", "DEADLINE_EXCEEDED").count, 1);
    assert.deepEqual(seen["vrpc.server.connections{}"], { sum: 1 });
    assert.deepEqual(seen["vrpc.client.queued_calls{grpc.target=the-target}"], { sum: 0 });
  });
}

Deno.test("sizes are measured after compression", async () => {
  await using measuring = await start("grpc", true);
  const { reader, channel } = measuring;
  await channel.call("/test/echo", new Uint8Array(10_000), { compress: true });
  const seen = await figures(reader);
  for (const way of ["sent", "rcvd"]) {
    const { sum } = seen[
      `grpc.server.call.${way}_total_compressed_message_size{grpc.method=test/echo,grpc.status=OK}`
    ];
    assert.ok(sum > 0 && sum < 1_000, `${sum}`);
  }
});
