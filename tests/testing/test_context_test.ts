import assert from "node:assert/strict";
import { type RpcError, Status } from "../../mod.ts";
import { FakeClock, testContext, testServer } from "../../src/testing/mod.ts";
import { EMPTY, text, untext } from "../fixtures/bytes.ts";

Deno.test("a handler gets what the test gives", () => {
  using context = testContext({
    metadata: { user: "ada", "trace-bin": new Uint8Array([1]) },
    peer: { address: "10.0.0.1:5000" },
    authority: "shop.example",
    wire: "lean",
    method: { path: "/shop.v1.Orders/Get", kind: "unary" },
    values: [["tenant", 7]],
  });
  assert.equal(context.metadata.get("user"), "ada");
  assert.deepEqual(context.metadata.get("trace-bin"), new Uint8Array([1]));
  assert.deepEqual(context.peer, { address: "10.0.0.1:5000", transport: "memory" });
  assert.equal(context.authority, "shop.example");
  assert.equal(context.wire, "lean");
  assert.equal(context.method.path, "/shop.v1.Orders/Get");
  assert.equal(context.values.get("tenant"), 7);
  assert.equal(context.timeRemainingMs(), Infinity);
  assert.throws(() => context.stream, /has a single reply/);
});

Deno.test("what the handler sets can be read", async () => {
  using context = testContext();
  context.responseHeaders.set("cache", "miss");
  assert.equal(context.headersSent, false);
  context.sendHeaders();
  assert.equal(context.headersSent, true);
  assert.equal(context.responseHeaders.get("cache"), "miss");
  const replies: unknown[] = [];
  context.stream.write("one");
  context.stream.write("two", { last: true });
  for await (const reply of context.stream) replies.push(reply);
  assert.deepEqual(replies, ["one", "two"]);
});

Deno.test("the deadline passes in the clock's time, the nearest one first", async () => {
  const clock = new FakeClock();
  using context = testContext({ timeoutMs: 500, clock });
  const { signal } = context;
  await clock.advance(100);
  assert.equal(context.timeRemainingMs(), 400);
  context.tightenDeadline(1_000);
  assert.equal(context.timeRemainingMs(), 400);
  context.tightenDeadline(50);
  await clock.advance(49);
  assert.equal(signal.aborted, false);
  await clock.advance(1);
  assert.equal((signal.reason as RpcError).code, Status.DEADLINE_EXCEEDED);
  assert.throws(() => context.tightenDeadline(-1), RangeError);
  assert.throws(() => testContext({ timeoutMs: NaN }), RangeError);
});

Deno.test("a cancel fires the signal and fails pending writes", async () => {
  const clock = new FakeClock();
  using context = testContext({ timeoutMs: 500, clock });
  const write = context.stream.write("unread");
  context.cancel();
  await assert.rejects(write, (error) => (error as RpcError).code === Status.CANCELLED);
  assert.equal((context.signal.reason as RpcError).code, Status.CANCELLED);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("calls that a handler makes inherit the deadline", async () => {
  await using backend = await testServer((router) => {
    router.method("/ms", {}, (_request, context) => text(`${context.timeRemainingMs() <= 5_000}`));
  });
  const handler = () => backend.channel.call("/ms", EMPTY);
  using context = testContext({ timeoutMs: 5_000 });
  assert.equal(untext(await context.run(handler)), "true");
  assert.equal(untext(await handler()), "false");
});
