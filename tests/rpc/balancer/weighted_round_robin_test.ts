import assert from "node:assert/strict";
import { Metadata } from "../../../src/call/metadata.ts";
import { Status } from "../../../src/call/status.ts";
import {
  decodeLoadReport,
  decodeReportInterval,
  encodeLoadReport,
  encodeLoadReportRequest,
  type LoadReport,
  ORCA_TRAILER,
} from "../../../src/rpc/balancer/orca.ts";
import { StrideScheduler } from "../../../src/rpc/balancer/stride_scheduler.ts";
import { addLoadReports } from "../../../src/services/load_reports.ts";
import { connect, serve } from "../../../mod.ts";
import { EMPTY } from "../../fixtures/bytes.ts";
import { memoryAddress } from "../../fixtures/names.ts";
import { FakeHost } from "./fake_host.ts";

const trailers = (report: LoadReport) => {
  const metadata = new Metadata();
  metadata.set(ORCA_TRAILER, encodeLoadReport(report));
  return metadata;
};

Deno.test("load reports and requests survive encoding, and unknown fields are skipped", () => {
  const report = {
    cpuUtilization: 0.5,
    memoryUtilization: 0.25,
    applicationUtilization: 1.5,
    requestsPerSecond: 100,
    errorsPerSecond: 3,
  };
  assert.deepEqual(decodeLoadReport(encodeLoadReport(report)), report);
  // Fields 3 (varint), 4 (length), 15 (fixed32).
  const unknown = new Uint8Array([0x18, 0x96, 0x01, 0x22, 2, 1, 2, 0x7d, 1, 2, 3, 4]);
  assert.deepEqual(decodeLoadReport(unknown), {});
  for (let i = 1; i < unknown.length; i++) decodeLoadReport(unknown.subarray(0, i));
  assert.equal(decodeLoadReport(new Uint8Array([0x22, 9])), undefined);
  assert.equal(decodeLoadReport(new Uint8Array([9, 1])), undefined);
  for (const ms of [0, 1, 999.5, 10_000, 86_400_000]) {
    assert.equal(decodeReportInterval(encodeLoadReportRequest(ms)), ms);
  }
});

Deno.test("a stride scheduler yields indices in proportion to weights", () => {
  const counts = (weights: number[]) => {
    const scheduler = new StrideScheduler(weights, 12_345);
    const all = weights.map(() => 0);
    for (let i = 0; i < 60_000; i++) all[scheduler.next()]++;
    return all.map((count) => Math.round(count / 600));
  };
  assert.deepEqual(counts([1, 2, 3]), [17, 33, 50]);
  assert.deepEqual(counts([10, 0, 30]), [17, 33, 50]);
  assert.deepEqual(counts([0, 0, 5, 0]), [25, 25, 25, 25]);
});

Deno.test("weighted_round_robin follows the reports of calls after the blackout", () => {
  const host = new FakeHost();
  host.make("weighted_round_robin", { blackoutPeriod: "5s" }).update(["a", "b"]);
  host.setAll("READY");
  const report = (name: string, cpuUtilization: number) =>
    host.at(name).end(Status.OK, trailers({ requestsPerSecond: 100, cpuUtilization }));
  report("a", 0.9);
  report("b", 0.3);
  host.clock.tick(4_000);
  assert.deepEqual(host.count(100), { a: 50, b: 50 });
  host.clock.tick(2_000);
  const counts = host.count(1_000);
  assert.ok(Math.abs(counts.b - 750) < 10, JSON.stringify(counts));
  // Without further reports the weights expire.
  host.clock.tick(180_000);
  assert.deepEqual(host.count(100), { a: 50, b: 50 });
});

Deno.test("errors lower the weight, and the application's own utilization comes first", () => {
  const host = new FakeHost();
  host.make("weighted_round_robin", { blackoutPeriod: "0s" }).update(["a", "b"]);
  host.setAll("READY");
  const common = { requestsPerSecond: 100, applicationUtilization: 0.5, cpuUtilization: 0.1 };
  host.at("a").end(Status.OK, trailers({ ...common, errorsPerSecond: 50 }));
  host.at("b").end(Status.OK, trailers(common));
  host.clock.tick(1_000);
  const { a, b } = host.count(900);
  assert.ok(Math.abs(a - 300) < 5 && Math.abs(b - 600) < 5, `${a} ${b}`);
});

Deno.test("reports out of band come by a stream to each server, which is opened again", () => {
  const host = new FakeHost();
  const balancer = host.make("weighted_round_robin", {
    enableOobLoadReport: true,
    blackoutPeriod: "0s",
  });
  balancer.update(["a", "b"]);
  host.setAll("READY");
  const [a, b] = ["a", "b"].map((name) => host.at(name));
  assert.equal(decodeReportInterval(a.streams[0].request), 10_000);
  a.streams[0].onMessage(encodeLoadReport({ requestsPerSecond: 10, cpuUtilization: 0.2 }));
  b.streams[0].onMessage(encodeLoadReport({ requestsPerSecond: 10, cpuUtilization: 0.6 }));
  host.clock.tick(1_000);
  assert.ok(Math.abs(host.count(400).a - 300) < 5);
  a.streams[0].onEnd(Status.UNAVAILABLE, "");
  host.clock.tick(1_000);
  assert.equal(a.streams.length, 2);
  b.set("CONNECTING");
  assert.equal(b.openStreams, 0);
  balancer.close();
  assert.equal(host.clock.pendingTimers, 0);
});

Deno.test("a server reports its load in trailers and by a stream", async () => {
  for (const enableOobLoadReport of [false, true]) {
    let reports = 0;
    await using server = await serve([memoryAddress("orca"), memoryAddress("orca")], (router) => {
      addLoadReports(router, () => {
        reports++;
        return { requestsPerSecond: 1, cpuUtilization: 0.5 };
      }, { perCall: !enableOobLoadReport });
      router.method("/echo", {}, (request) => request);
    });
    await using channel = connect(server.addresses, {
      balancer: { weighted_round_robin: { enableOobLoadReport } },
    });
    await channel.ready();
    let trailer: Uint8Array | undefined;
    await channel.call("/echo", EMPTY, {
      onTrailers: (metadata) => trailer = metadata.get(ORCA_TRAILER),
    });
    while (reports < (enableOobLoadReport ? 2 : 1)) {
      await new Promise((next) => setTimeout(next, 5));
    }
    assert.equal(trailer === undefined, enableOobLoadReport);
    assert.equal(channel.stats().activeCalls, 0);
  }
});
