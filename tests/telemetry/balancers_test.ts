import assert from "node:assert/strict";
import { Metadata } from "../../src/call/metadata.ts";
import { Status } from "../../src/call/status.ts";
import { connect, serve } from "../../mod.ts";
import { encodeLoadReport } from "../../src/rpc/balancer/orca.ts";
import { clientMetrics } from "../../src/telemetry/mod.ts";
import { FakeHost } from "../rpc/balancer/fake_host.ts";
import { RecordingMeterProvider } from "./recording_meter.ts";

function start() {
  const meter = new RecordingMeterProvider();
  const { balancer } = clientMetrics({ meterProvider: meter, target: "t", balancers: true });
  return { meter, observer: balancer! };
}

/** Labels of the measurements of an instrument, without the target. */
const labelsOf = (meter: RecordingMeterProvider, name: string) =>
  meter.of(name).map(({ attributes: { "grpc.target": target, ...labels } }) => {
    assert.equal(target, "t");
    return Object.values(labels).join(" ");
  });

Deno.test("outlier_detection counts ejections, and outliers that stay for either reason", async () => {
  const { meter, observer } = start();
  const host = Object.assign(new FakeHost(), { observer });
  const config = (enforcementPercentage: number) => ({
    interval: "1s",
    maxEjectionPercent: 25,
    failurePercentageEjection: {
      threshold: 50,
      enforcementPercentage,
      minimumHosts: 1,
      requestVolume: 1,
    },
    childPolicy: [{ round_robin: {} }],
  });
  const balancer = host.make("outlier_detection", config(100));
  let addresses = ["1.1.1.1:1", "1.1.1.2:1", "1.1.1.3:1", "1.1.1.4:1"];
  balancer.update(addresses);
  host.setAll("READY");
  const interval = async () => {
    for (const address of addresses) {
      host.at(address).end(/[12]:1$/.test(address) ? Status.UNAVAILABLE : Status.OK);
    }
    await host.clock.advance(1_000);
  };
  await interval();
  const prefix = "grpc.lb.outlier_detection.ejections_";
  assert.deepEqual(labelsOf(meter, `${prefix}enforced`), ["failure_percentage"]);
  assert.deepEqual(labelsOf(meter, `${prefix}unenforced`), [
    "failure_percentage max_ejection_overflow",
  ]);
  addresses = addresses.slice(1);
  balancer.update(addresses, config(0));
  await interval();
  assert.equal(
    labelsOf(meter, `${prefix}unenforced`).at(-1),
    "failure_percentage enforcement_percentage",
  );
  assert.equal(meter.of(`${prefix}enforced`).length, 1);
  balancer.close();
});

Deno.test("weighted_round_robin counts updates without usable weights, and records them", async () => {
  const { meter, observer } = start();
  const host = Object.assign(new FakeHost(), { observer });
  const balancer = host.make("weighted_round_robin", {
    blackoutPeriod: "0s",
    weightExpirationPeriod: "2s",
    weightUpdatePeriod: "1s",
  });
  balancer.update(["1.1.1.1:1", "1.1.1.2:1"]);
  host.setAll("READY");
  const prefix = "grpc.lb.wrr.";
  const last = () => {
    const found = meter.measurements.splice(0).map(({ name, value }) =>
      `${name.slice(prefix.length)} ${value}`
    );
    return found;
  };
  // The update when both became READY.
  assert.deepEqual(last().slice(-4), [
    "rr_fallback 1",
    "endpoint_weight_not_yet_usable 2",
    "endpoint_weights 0",
    "endpoint_weights 0",
  ]);
  for (const address of ["1.1.1.1:1", "1.1.1.2:1"]) {
    const trailers = new Metadata();
    const report = encodeLoadReport({ applicationUtilization: 0.5, requestsPerSecond: 10 });
    trailers.set("endpoint-load-metrics-bin", report);
    host.at(address).end(Status.OK, trailers);
  }
  await host.clock.advance(1_000);
  assert.deepEqual(last(), ["endpoint_weights 20", "endpoint_weights 20"]);
  await host.clock.advance(1_000);
  assert.deepEqual(last(), [
    "rr_fallback 1",
    "endpoint_weight_stale 2",
    "endpoint_weights 0",
    "endpoint_weights 0",
  ]);
  balancer.close();
});

for (const wire of ["grpc", "lean"] as const) {
  Deno.test(`connections are counted, with the reason of their end: ${wire}`, async () => {
    const { meter } = start();
    const server = await serve("127.0.0.1:0", (router) => {
      router.method("/a.B/C", {}, (request) => request);
    });
    const open = (target: string) =>
      connect(target, {
        wire,
        observer: clientMetrics({ meterProvider: meter, target: "t", balancers: true }),
      });
    const prefix = "grpc.subchannel.";
    const left = open(server.addresses[0]);
    await left.call("/a.B/C", new Uint8Array(1));
    assert.deepEqual(meter.values(`${prefix}connection_attempts_succeeded`), [1]);
    await left.close();
    assert.deepEqual(labelsOf(meter, `${prefix}disconnections`), ["subchannel shutdown"]);
    await using kept = open(server.addresses[0]);
    await kept.call("/a.B/C", new Uint8Array(1));
    const gone = new Promise<void>((resolve) => {
      const poll = () =>
        meter.of(`${prefix}disconnections`).length > 1 ? resolve() : setTimeout(poll, 5);
      poll();
    });
    await server.shutdown();
    await gone;
    assert.equal(
      labelsOf(meter, `${prefix}disconnections`)[1],
      wire === "grpc" ? "GOAWAY NO_ERROR" : "unknown",
    );
    assert.deepEqual(meter.values(`${prefix}open_connections`), [1, -1, 1, -1]);
    assert.equal(
      meter.of(`${prefix}open_connections`)[0].attributes["grpc.security_level"],
      "none",
    );
    await kept.call("/a.B/C", new Uint8Array(1)).catch(() => {});
    assert.ok(meter.values(`${prefix}connection_attempts_failed`).length > 0);
  });
}

Deno.test("what an observer of balancers throws does not reach the channel", async () => {
  await using server = await serve("127.0.0.1:0", (router) => {
    router.method("/a.B/C", {}, (request) => request);
  });
  const thrown = () => {
    throw new Error("no");
  };
  await using channel = connect(server.addresses[0], {
    printFailures: false,
    observer: {
      started: () => undefined,
      balancer: {
        ...{ connected: thrown, connectFailed: thrown, disconnected: thrown },
        ...{ outlier: thrown, weighed: thrown },
      },
    },
  });
  assert.deepEqual(await channel.call("/a.B/C", new Uint8Array(1)), new Uint8Array(1));
});
