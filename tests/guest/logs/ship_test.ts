import assert from "node:assert/strict";
import type { LogRecord } from "@logtape/logtape";
import { connect, serve, type Server } from "../../../mod.ts";
import { LogService } from "../../../proto/gen/vrpc/guest/v1/guest_pb.ts";
import { addLogReceiver, type GuestLogRecord, shipLogs } from "../../../src/guest/mod.ts";
import { until } from "../../fixtures/waiting.ts";

function record(text: string, properties: Record<string, unknown> = {}): LogRecord {
  return {
    category: ["app", "part"],
    level: "warning",
    message: ["Text ", text, ""],
    rawMessage: "Text {text}",
    timestamp: 1_700_000_000_000,
    properties,
  };
}

/** A parent that keeps the records; `stop` and `start` again on the same address. */
async function parent() {
  const records: GuestLogRecord[] = [];
  const dropped: number[] = [];
  let server: Server | undefined;
  const start = async (address = "127.0.0.1:0") => {
    server = await serve(address, (router) => {
      addLogReceiver(router, {
        onRecord: (one) => records.push(one),
        onDropped: (count) => dropped.push(count),
      });
    });
    return server.addresses[0];
  };
  const address = await start();
  const stop = async () => await server?.shutdown({ graceMs: 0 });
  return {
    address,
    records,
    dropped,
    stop,
    start: () => start(address),
    [Symbol.asyncDispose]: stop,
  };
}

Deno.test("records reach the parent in order, with their values", async () => {
  await using to = await parent();
  await using shipper = shipLogs(to.address, { gatherMs: 1 });
  for (let i = 0; i < 1_200; i++) {
    shipper.sink(record(`${i}`, { i, big: 2n, error: new Error("x") }));
  }
  await until(() => to.records.length === 1_200);
  const [first] = to.records;
  assert.match(first.guest, /^127\.0\.0\.1:/);
  assert.deepEqual({ ...first, guest: "", properties: "" }, {
    guest: "",
    timestampMs: 1_700_000_000_000,
    level: "warning",
    category: ["app", "part"],
    message: "Text 0",
    template: "Text {text}",
    properties: "",
  });
  assert.deepEqual(JSON.parse(to.records[7].properties).i, 7);
  assert.deepEqual(to.records.map(({ message }) => message), [
    ...Array.from({ length: 1_200 }, (_, i) => `Text ${i}`),
  ]);
  await until(() => shipper.stats().waiting === 0);
  assert.deepEqual(shipper.stats(), { waiting: 0, shipped: 1_200, dropped: 0 });
});

Deno.test("records wait for a parent that is away, and what does not fit is counted and said", async () => {
  await using to = await parent();
  await using shipper = shipLogs(to.address, { gatherMs: 1, maxRecords: 10 });
  shipper.sink(record("first"));
  await until(() => to.records.length === 1);
  await to.stop();
  for (let i = 0; i < 50; i++) {
    shipper.sink(record(`${i}`));
    // The first are taken as a batch, which is sent again and again.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const { dropped, waiting } = shipper.stats();
  assert.ok(dropped > 0);
  assert.equal(waiting + dropped, 50);
  await to.start();
  await until(() => to.dropped.length > 0 && shipper.stats().waiting === 0);
  assert.equal(to.dropped.reduce((sum, one) => sum + one), dropped);
  const texts = to.records.map(({ message }) => message);
  assert.equal(new Set(texts).size, texts.length, "none twice");
  assert.equal(texts.length, 1 + waiting);
});

Deno.test("a batch that is sent again is taken once, too large ones are refused", async () => {
  await using to = await parent();
  await using channel = connect(to.address);
  const batch = { sender: 7n, sequence: 1n, dropped: 0n };
  const records = [{ timestampMs: 1, level: "odd", category: [], message: "m" }];
  for (let i = 0; i < 2; i++) {
    const session = channel.client(LogService).ship();
    await session.send({ ...batch, records });
    assert.equal((await session.receive())?.sequence, 1n);
    session.cancel();
  }
  assert.equal(to.records.length, 1);
  assert.equal(to.records[0].level, "info");
  const session = channel.client(LogService).ship();
  await session.send({ ...batch, sequence: 2n, records: Array(1_001).fill(records[0]) });
  await assert.rejects(session.receive(), /limit is 1000/);
});

Deno.test("close sends what waits, and does not wait for a parent that is away", async () => {
  await using to = await parent();
  const shipper = shipLogs(to.address);
  shipper.sink(record("last"));
  await shipper.close();
  assert.equal(to.records.length, 1);
  shipper.sink(record("after"));
  assert.equal(shipper.stats().waiting, 0);
  await to.stop();
  const lost = shipLogs(to.address);
  lost.sink(record("lost"));
  await lost.close({ timeoutMs: 50 });
  assert.equal(lost.stats().waiting, 1);
  assert.throws(() => shipLogs(to.address, { maxRecords: 0 }), RangeError);
});
