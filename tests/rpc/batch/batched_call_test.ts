import assert from "node:assert/strict";
import { connect, type RpcError, Status } from "../../../mod.ts";
import { text, untext } from "../../fixtures/bytes.ts";
import { startBatchServer } from "./batch_server.ts";

Deno.test("a server that allows one concurrent call gets no batch stream", async () => {
  const { server, address } = await startBatchServer(true, { maxConcurrentStreams: 1 });
  await using _ = server;
  await using channel = connect(address, { batch: true, poolSize: 1 });
  const calls = Array.from({ length: 3 }, () => channel.call("/suite/echo", text("x")));
  for (const reply of await Promise.all(calls)) assert.equal(untext(reply), "x");
  assert.equal(channel.stats().batchedCalls, 0);
});

Deno.test("batched calls start on an open batch stream while other calls use all slots", async () => {
  const { server, seen, address } = await startBatchServer(true, { maxConcurrentStreams: 2 });
  await using _ = server;
  await using channel = connect(address, { batch: { maxBytes: 100 }, poolSize: 1 });
  const controller = new AbortController();
  const large = new Uint8Array(101);
  const hang = () => channel.call("/suite/hang", large, { signal: controller.signal });
  const echo = () => channel.call("/suite/echo", text("x"), { timeoutMs: 2_000 });
  // In this order they wait for the connection; the second hanging call gets no slot.
  const first = hang();
  const opener = echo();
  const second = hang();
  const behind = echo();
  assert.equal(untext(await opener), "x");
  assert.equal(untext(await behind), "x");
  assert.equal(untext(await echo()), "x");
  assert.equal(channel.stats().queuedCalls, 1);
  controller.abort();
  for (const call of [first, second]) await assert.rejects(call, { code: Status.CANCELLED });
  assert.equal((await seen.wait<RpcError>(untext(large))).code, Status.CANCELLED);
});

Deno.test("a batched call whose deadline passed before its batch was sent does not leave the client", async () => {
  const { server, address, seen } = await startBatchServer(true);
  await using _ = server;
  await using channel = connect(address, { batch: true, poolSize: 1 });
  await channel.call("/suite/echo", text("first"));
  const busy = (ms: number) => {
    const end = performance.now() + ms;
    while (performance.now() < end);
  };
  const late = channel.call("/suite/hang", text("late"), { timeoutMs: 5 });
  const inTime = channel.call("/suite/echo", text("in time"));
  // The batch is sent at the end of the turn.
  busy(6);
  await assert.rejects(late, { code: Status.DEADLINE_EXCEEDED });
  assert.equal(untext(await inTime), "in time");
  assert.equal(seen.get("late started"), undefined);
  assert.equal(channel.stats().activeCalls, 0);
  assert.equal(channel.stats().batchedCalls, 2);
});

Deno.test("a batched call whose message is detached before its batch is sent fails alone", async () => {
  const { server, address } = await startBatchServer(true);
  await using _ = server;
  await using channel = connect(address, { batch: true, poolSize: 1 });
  const message = text("lost");
  const lost = channel.call("/suite/echo", message);
  const other = channel.call("/suite/echo", text("x"));
  structuredClone(message, { transfer: [message.buffer] });
  await assert.rejects(lost, { code: Status.INTERNAL, message: /buffer was detached or resized/ });
  assert.equal(untext(await other), "x");
});
