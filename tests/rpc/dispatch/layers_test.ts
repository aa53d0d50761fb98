import assert from "node:assert/strict";
import { Status } from "../../../src/call/status.ts";
import { deadlineExceeded, RpcError } from "../../../src/errors.ts";
import {
  composeDispatchers,
  concurrencyLimit,
  methodTimeouts,
  panicBarrier,
} from "../../../src/rpc/dispatch/layers.ts";
import type { DispatcherWrapper } from "../../../src/rpc/dispatch/dispatcher.ts";
import type { HandlerContext, MethodInfo } from "../../../src/rpc/core/types.ts";
import { bytesCodec } from "../../../src/codec/bytes.ts";
import { misbehaviours } from "../../fixtures/misbehaviour.ts";
import { tryEdges } from "../../fixtures/option_edges.ts";
import { FakeCall, FakeHost } from "../../fixtures/fake_call.ts";

const bytes = (...values: number[]) => new Uint8Array(values);

/** Creates a host whose `/hold` calls end when the test resolves them. */
function setUp(dispatcher: DispatcherWrapper) {
  const held: PromiseWithResolvers<Uint8Array>[] = [];
  const signals: AbortSignal[] = [];
  const host = new FakeHost((router) => {
    router.method("/now", {}, (request) => request);
    router.method("/hold", {}, (_, context) => {
      signals.push(context.signal);
      const one = Promise.withResolvers<Uint8Array>();
      held.push(one);
      return one.promise;
    });
    router.method("/stream", { kind: "server_streaming" }, async function* () {
      yield bytes(1);
      const one = Promise.withResolvers<Uint8Array>();
      held.push(one);
      yield await one.promise;
    });
    router.method("/throw", {}, () => {
      throw new Error("secret");
    });
    router.method("/reject", {}, () => Promise.reject(new Error("secret")));
    router.method("/broken", { kind: "server_streaming" }, async function* () {
      yield bytes(1);
      await Promise.reject(new Error("secret"));
    });
  }, { dispatcher });
  const start = (path: string) => host.accept(new FakeCall(path)).request(bytes(7));
  return { host, held, signals, start };
}

const turn = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("concurrencyLimit() runs `limit` calls, queues `maxQueue`, and refuses the rest at once", async () => {
  const { held, start } = setUp(concurrencyLimit({ limit: 2, maxQueue: 1 }));
  const calls = [start("/hold"), start("/hold"), start("/hold"), start("/hold")];
  assert.equal(held.length, 2);
  assert.equal(calls[3].status, Status.RESOURCE_EXHAUSTED);
  assert.match(calls[3].statusMessage, /2 calls run and 1 wait, limits are 2 and 1/);
  held[0].resolve(bytes(1));
  await calls[0].ended;
  await turn();
  assert.equal(held.length, 3);
  held[1].reject(new Error("x"));
  held[2].resolve(bytes(3));
  await Promise.all([calls[1].ended, calls[2].ended]);
  assert.equal(calls[2].status, Status.OK);
  const plain = start("/now");
  assert.equal(plain.responded, true, "no Promise is involved");
});

Deno.test("concurrencyLimit() counts streams until their end", async () => {
  const { held, start } = setUp(concurrencyLimit({ limit: 1, methods: ["/stream"] }));
  const first = start("/stream");
  assert.equal(start("/stream").status, Status.RESOURCE_EXHAUSTED);
  assert.equal(start("/now").status, Status.OK, "another method");
  await turn();
  held[0].resolve(bytes(2));
  await first.ended;
  assert.equal(first.messages.length, 2);
});

Deno.test("concurrencyLimit() frees the slot of a stream that was never read", async () => {
  const { host, held, start } = setUp(concurrencyLimit({ limit: 1 }));
  const call = new FakeCall("/stream");
  call.writable = false;
  host.accept(call).request(bytes());
  call.cancel();
  await call.ended;
  const next = start("/hold");
  assert.equal(next.status, undefined);
  held[0].resolve(bytes());
  await next.ended;
});

Deno.test("panicBarrier() passes on the end of a stream that was never read", async () => {
  // Replies asynchronously, as a worker pool does.
  const later: DispatcherWrapper = (next) => ({
    find: (path) => next.find(path),
    dispatch: async (method, request, context) => {
      await turn();
      return await next.dispatch(method, request, context);
    },
  });
  const { host, held, start } = setUp(
    composeDispatchers(panicBarrier(), concurrencyLimit({ limit: 1 }), later),
  );
  const call = host.accept(new FakeCall("/stream")).request(bytes());
  call.cancel();
  await turn();
  await turn();
  const next = start("/hold");
  await turn();
  assert.equal(next.status, undefined);
  held[0].resolve(bytes());
  await next.ended;
});

Deno.test("concurrencyLimit(): a cancelled call leaves the queue", async () => {
  const { held, start } = setUp(concurrencyLimit({ limit: 1, maxQueue: 1 }));
  const running = start("/hold");
  const waiting = start("/hold");
  waiting.cancel();
  await waiting.ended;
  const another = start("/hold");
  assert.equal(another.status, undefined);
  held[0].resolve(bytes());
  await running.ended;
  await turn();
  held[1].resolve(bytes());
  await another.ended;
  assert.equal(held.length, 2);
});

Deno.test("concurrencyLimit(): a call whose deadline passed in the queue does not run", async () => {
  const { host, held, start } = setUp(concurrencyLimit({ limit: 1, maxQueue: 2 }));
  const running = start("/hold");
  const waiting = host.accept(new FakeCall("/hold", { timeoutMs: 50 })).request(bytes());
  const next = start("/hold");
  host.clock.block(50);
  held[0].resolve(bytes());
  await running.ended;
  await waiting.ended;
  assert.equal(waiting.status, Status.DEADLINE_EXCEEDED);
  await turn();
  held[1].resolve(bytes());
  await next.ended;
  assert.equal(held.length, 2);
  host.deadlines.close();
});

Deno.test("methodTimeouts() ends calls with DEADLINE_EXCEEDED and fires their signals", async () => {
  const { host, held, signals, start } = setUp(methodTimeouts({ methods: { "/hold": 50 } }));
  const call = start("/hold");
  const relaxed = start("/stream");
  host.clock.tick(60);
  assert.equal(call.status, Status.DEADLINE_EXCEEDED);
  assert.match(call.statusMessage, /50 ms/);
  assert.equal(signals[0].aborted, true);
  held[0].resolve(bytes());
  await call.ended;
  assert.equal(relaxed.status, undefined);
  relaxed.cancel();
  const sooner = host.accept(new FakeCall("/hold", { timeoutMs: 10 })).request();
  host.clock.tick(15);
  assert.equal(sooner.statusMessage, deadlineExceeded().message, "the caller's own deadline");
  assert.throws(() => methodTimeouts({ defaultMs: 0 }), RangeError);
  assert.throws(() => methodTimeouts({ methods: { "/a": NaN } }), RangeError);
});

Deno.test("concurrencyLimit() refuses options out of range", () => {
  tryEdges([
    ["limit", 1, Infinity, true],
    ["maxQueue", 0, Infinity, true],
  ], (option) => concurrencyLimit({ limit: 1, ...option }));
});

Deno.test("panicBarrier() converts every exception into an RpcError", async () => {
  const panics: string[] = [];
  const seen: unknown[] = [];
  const spy: DispatcherWrapper = (next) => ({
    find: (path) => next.find(path),
    dispatch: async (method, request, context) => {
      try {
        return await next.dispatch(method, request, context);
      } catch (error) {
        seen.push(error);
        throw error;
      }
    },
  });
  const { start } = setUp(composeDispatchers(
    spy,
    panicBarrier((method, error) => {
      panics.push(`${method.path} ${(error as Error).message}`);
      throw new Error("the hook fails too");
    }),
  ));
  for (const path of ["/throw", "/reject", "/broken"]) {
    const call = start(path);
    await call.ended;
    assert.equal(call.status, Status.UNKNOWN);
    assert.ok(!call.statusMessage.includes("secret"));
  }
  assert.deepEqual(panics, ["/throw secret", "/reject secret", "/broken secret"]);
  assert.ok(seen.every((error) => error instanceof RpcError));
});

Deno.test("concurrencyLimit() frees the slot of a dispatcher that returns or throws anything", async () => {
  for (const [name, bad] of Object.entries(misbehaviours())) {
    // A call that never ends keeps its slot.
    if (/never/.test(name)) continue;
    const odd: DispatcherWrapper = (next) => ({
      find: (path) => next.find(path),
      dispatch: (method, ...args) =>
        method.path === "/hold" ? bad() as never : next.dispatch(method, ...args),
    });
    const { start } = setUp(composeDispatchers(concurrencyLimit({ limit: 1 }), odd));
    await start("/hold").ended;
    const next = start("/now");
    await next.ended;
    assert.equal(next.status, Status.OK, name);
  }
});

Deno.test("panicBarrier() passes on nothing but bytes, streams and RpcErrors", async () => {
  const { method, context } = wrappedCall();
  for (const [name, bad] of Object.entries(misbehaviours())) {
    if (/never|thenable/.test(name)) continue;
    const barrier = panicBarrier(() => Promise.reject(new Error("ignored")) as never)({
      find: () => method,
      dispatch: () => bad() as never,
    });
    try {
      const reply = await barrier.dispatch(method, bytes(), context);
      if (reply instanceof Uint8Array) continue;
      for await (const _ of reply) { /* until its end */ }
    } catch (error) {
      assert.ok(error instanceof RpcError, name);
    }
  }
  assert.throws(() => panicBarrier(5 as never), TypeError);
});

function wrappedCall() {
  const method = {
    path: "/odd",
    kind: "unary",
    requestCodec: bytesCodec,
    responseCodec: bytesCodec,
  };
  return { method: method as MethodInfo, context: {} as HandlerContext };
}
