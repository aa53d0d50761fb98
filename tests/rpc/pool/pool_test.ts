import assert from "node:assert/strict";
import { Status } from "../../../mod.ts";
import { EMPTY, text, untext } from "../../fixtures/bytes.ts";
import { failure } from "../../../src/testing/failure.ts";
import { Network } from "../../fixtures/network.ts";

Deno.test("without a server a call fails with the reason, and one with waitForReady succeeds later", async () => {
  await using network = new Network();
  const channel = network.connect("a");
  const waiting = channel.call("/suite/echo", text("patient"), { waitForReady: true });
  const error = await failure(channel.call("/suite/echo", EMPTY));
  assert.equal(error.code, Status.UNAVAILABLE);
  assert.equal(error.message, "Cannot connect to a: nobody is there");
  assert.equal(channel.state, "TRANSIENT_FAILURE");
  assert.equal(channel.stats().queuedCalls, 1);
  await network.up("a");
  await network.pass(1_000);
  assert.equal(untext(await waiting), "patient");
  assert.equal(channel.state, "READY");
});

Deno.test("calls above maxQueuedCalls fail with RESOURCE_EXHAUSTED", async () => {
  await using network = new Network();
  network.silent.add("a");
  const channel = network.connect("a", { maxQueuedCalls: 2 });
  const calls = [1, 2, 3].map(() => failure(channel.call("/suite/echo", EMPTY)));
  const third = await calls[2];
  assert.equal(third.code, Status.RESOURCE_EXHAUSTED);
  assert.equal(channel.stats().queuedCalls, 2);
  await channel.close();
  assert.equal((await calls[0]).code, Status.UNAVAILABLE);
});

Deno.test("a queued call can be cancelled and has a deadline", async () => {
  await using network = new Network();
  network.silent.add("a");
  const channel = network.connect("a");
  const controller = new AbortController();
  const cancelled = failure(channel.call("/suite/echo", EMPTY, { signal: controller.signal }));
  const late = failure(channel.call("/suite/echo", EMPTY, { timeoutMs: 500 }));
  controller.abort();
  assert.equal((await cancelled).code, Status.CANCELLED);
  await network.pass(502);
  assert.equal((await late).code, Status.DEADLINE_EXCEEDED);
  assert.equal(channel.stats().queuedCalls, 0);
});

Deno.test("ready() rejects with the reason after its timeout", async () => {
  await using network = new Network();
  const channel = network.connect("a");
  const ready = failure(channel.ready({ timeoutMs: 2_000 }));
  await network.settle();
  await network.pass(2_000);
  const error = await ready;
  assert.equal(error.code, Status.UNAVAILABLE);
  assert.equal(
    error.message,
    "Channel to a: not ready after 2000 ms: Cannot connect to a: nobody is there",
  );
});
