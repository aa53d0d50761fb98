import assert from "node:assert/strict";
import { MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import { dialEgress, serveEgress } from "../../src/guest/mod.ts";
import { observeEgress } from "../../src/telemetry/mod.ts";

class Reader extends MetricReader {
  protected override onForceFlush(): Promise<void> {
    return Promise.resolve();
  }

  protected override onShutdown(): Promise<void> {
    return Promise.resolve();
  }
}

Deno.test("the counts of an egress proxy are observed until disposal", async () => {
  const reader = new Reader();
  const meterProvider = new MeterProvider({ readers: [reader] });
  const collect = async () => {
    const { resourceMetrics } = await reader.collect();
    return resourceMetrics.scopeMetrics.flatMap(({ metrics }) =>
      metrics.flatMap(({ descriptor, dataPoints }) =>
        dataPoints.map(({ attributes, value }) =>
          [descriptor.name, ...Object.values(attributes), value].join(" ")
        )
      )
    );
  };
  await using proxy = await serveEgress("127.0.0.1:0", { allow: ["a.test:1"] });
  const observation = observeEgress(proxy, { meterProvider });
  await assert.rejects(dialEgress(proxy.addresses[0], "b.test:1"));
  const lines = await collect();
  assert.ok(lines.includes("vrpc.egress.refused forbidden 1"), lines.join("\n"));
  assert.ok(lines.includes("vrpc.egress.refused busy 0"));
  assert.ok(lines.includes("vrpc.egress.bytes sent 0"));
  assert.ok(lines.includes("vrpc.egress.tunnels 0"));
  assert.ok(lines.includes("vrpc.egress.tunnels.opened 0"));
  observation[Symbol.dispose]();
  await assert.rejects(dialEgress(proxy.addresses[0], "b.test:1"));
  assert.equal(proxy.stats().refused.forbidden, 2);
  assert.ok((await collect()).includes("vrpc.egress.refused forbidden 1"));
  await meterProvider.shutdown();
});
