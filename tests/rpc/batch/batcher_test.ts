import assert from "node:assert/strict";
import { connect } from "../../../mod.ts";
import { text, untext } from "../../fixtures/bytes.ts";
import { startBatchServer } from "./batch_server.ts";

Deno.test("calls made in one turn are sent in one batch", async () => {
  const { server, address } = await startBatchServer(true);
  await using _ = server;
  await using channel = connect(address, { batch: true });
  await channel.ready();
  const calls = Array.from({ length: 64 }, (_, i) => channel.call("/suite/echo", text(`${i}`)));
  assert.deepEqual((await Promise.all(calls)).map(untext), calls.map((_, i) => `${i}`));
  const stats = channel.stats();
  assert.equal(stats.batchedCalls, 64);
  assert.equal(stats.activeCalls, 0);
});

Deno.test("calls are sent singly once the server has answered UNIMPLEMENTED", async () => {
  const { server, address } = await startBatchServer(false);
  await using _ = server;
  await using channel = connect(address, { batch: true });
  const calls = [1, 2, 3].map((n) => channel.call("/suite/echo", text(`${n}`)));
  assert.deepEqual((await Promise.all(calls)).map(untext), ["1", "2", "3"]);
  const { callsStarted, batchedCalls } = channel.stats();
  await channel.call("/suite/echo", text("more"));
  assert.equal(channel.stats().batchedCalls, batchedCalls);
  assert.equal(channel.stats().callsStarted, callsStarted + 1);
});

Deno.test("large and compressed requests are sent singly", async () => {
  const { server, address } = await startBatchServer(true);
  await using _ = server;
  await using channel = connect(address, { batch: { maxBytes: 1_000 } });
  await channel.call("/suite/echo", new Uint8Array(1_001));
  await channel.call("/suite/echo", new Uint8Array(900).fill(1), { compress: true });
  assert.equal(channel.stats().batchedCalls, 0);
  await channel.call("/suite/echo", new Uint8Array(1_000));
  assert.equal(channel.stats().batchedCalls, 1);
});

Deno.test("a batch is sent after maxDelayMs", async () => {
  const { server, address } = await startBatchServer(true);
  await using _ = server;
  await using channel = connect(address, { batch: { maxDelayMs: 20 } });
  await channel.ready();
  const first = channel.call("/suite/echo", text("a"));
  await new Promise((resolve) => setTimeout(resolve, 1));
  const second = channel.call("/suite/echo", text("b"));
  assert.deepEqual((await Promise.all([first, second])).map(untext), ["a", "b"]);
});
