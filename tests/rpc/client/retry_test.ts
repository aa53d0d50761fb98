import assert from "node:assert/strict";
import { RpcError, Status } from "../../../mod.ts";
import { EMPTY, text, untext } from "../../fixtures/bytes.ts";
import { failure } from "../../../src/testing/failure.ts";
import { Network } from "../../fixtures/network.ts";
import { failUntil, passUntil, retrying, startPolicyServer } from "./policy_server.ts";

Deno.test("a retry waits for the back-off and sends the number of earlier attempts (gRPC A6)", async () => {
  await using network = new Network();
  const { server, channel, attempts } = await startPolicyServer(network, retrying, failUntil(3));
  const call = channel.call("/t.S/Unary", text("hi"));
  await network.until(() => attempts.length === 1);
  // random() is a half: exactly the nominal back-off.
  await network.pass(99);
  assert.equal(attempts.length, 1);
  await network.pass(1);
  await network.until(() => attempts.length === 2);
  await network.pass(199);
  assert.equal(attempts.length, 2);
  await network.pass(1);
  assert.equal(untext(await call), "hi");
  assert.deepEqual(attempts, [undefined, "1", "2"]);
  assert.equal(channel.stats().retries, 2);
  await server.close();
});

Deno.test("after maxAttempts the call fails with the status of the last attempt", async () => {
  await using network = new Network();
  const { server, channel, attempts } = await startPolicyServer(network, retrying, failUntil(9));
  const call = failure(channel.call("/t.S/Unary", EMPTY));
  await passUntil(network, call);
  assert.equal((await call).message, "attempt 4");
  assert.equal(attempts.length, 4);
  await server.close();
});

Deno.test("a status that is not retryable is not retried", async () => {
  await using network = new Network();
  const { server, channel, attempts } = await startPolicyServer(
    network,
    retrying,
    failUntil(9, Status.INTERNAL),
  );
  assert.equal((await failure(channel.call("/t.S/Unary", EMPTY))).code, Status.INTERNAL);
  assert.equal(attempts.length, 1);
  await server.close();
});

Deno.test("the server's pushback sets the delay of a retry or forbids it (gRPC A6)", async () => {
  await using network = new Network();
  let said = "3000";
  const { server, channel, attempts } = await startPolicyServer(
    network,
    retrying,
    (attempt, ctx) => {
      if (attempt > 1) return;
      ctx.responseTrailers.set("grpc-retry-pushback-ms", said);
      throw new RpcError(Status.UNAVAILABLE, "busy");
    },
  );
  const call = channel.call("/t.S/Unary", text("x"));
  await network.until(() => attempts.length === 1);
  await network.pass(2_999);
  assert.equal(attempts.length, 1);
  await network.pass(1);
  assert.equal(untext(await call), "x");
  for (said of ["-1", "soon"]) {
    attempts.length = 0;
    assert.equal((await failure(channel.call("/t.S/Unary", EMPTY))).message, "busy");
    assert.equal(attempts.length, 1);
  }
  await server.close();
});

Deno.test("the throttle stops retries while calls fail and allows them after successes (gRPC A6)", async () => {
  await using network = new Network();
  let good = false;
  const { server, channel, attempts } = await startPolicyServer(
    network,
    { ...retrying, retryThrottling: { maxTokens: 4, tokenRatio: 0.5 } },
    () => {
      if (!good) throw new RpcError(Status.UNAVAILABLE, "down");
    },
  );
  // 4 tokens: the second failure leaves 2, which is not more than half.
  const first = failure(channel.call("/t.S/Unary", EMPTY));
  await passUntil(network, first);
  assert.equal(attempts.length, 2);
  await failure(channel.call("/t.S/Unary", EMPTY));
  assert.equal(attempts.length, 3);
  good = true;
  for (let i = 0; i < 6; i++) await channel.call("/t.S/Unary", EMPTY);
  good = false;
  attempts.length = 0;
  const again = failure(channel.call("/t.S/Unary", EMPTY));
  await passUntil(network, again);
  assert.equal(attempts.length, 2);
  await server.close();
});

Deno.test("cancellation and deadline end a call between its attempts", async () => {
  await using network = new Network();
  const { server, channel, attempts } = await startPolicyServer(network, retrying, failUntil(9));
  const controller = new AbortController();
  const cancelled = failure(channel.call("/t.S/Unary", EMPTY, { signal: controller.signal }));
  await network.until(() => attempts.length === 1);
  await network.settle();
  controller.abort();
  assert.equal((await cancelled).code, Status.CANCELLED);
  const late = failure(channel.call("/t.S/Unary", EMPTY, { timeoutMs: 150 }));
  await network.until(() => attempts.length === 2);
  await passUntil(network, late);
  assert.equal((await late).code, Status.DEADLINE_EXCEEDED);
  assert.equal(attempts.length, 3);
  await server.close();
});
