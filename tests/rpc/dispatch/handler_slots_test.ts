import assert from "node:assert/strict";
import { connect, type RpcError, serve, Status } from "../../../mod.ts";
import { HandlerSlots } from "../../../src/rpc/dispatch/handler_slots.ts";
import { EMPTY, text, untext } from "../../fixtures/bytes.ts";
import { failure } from "../../../src/testing/failure.ts";
import { FakeCall, FakeHost } from "../../fixtures/fake_call.ts";
import { memoryAddress } from "../../fixtures/names.ts";
import { sleep } from "../../fixtures/waiting.ts";

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("HandlerSlots: calls beyond the limit wait in order, and leave", async () => {
  const slots = new HandlerSlots(1);
  const started: string[] = [];
  const waiter = (name: string) => ({ startHandler: () => void started.push(name) });
  const [a, b, c, d] = ["a", "b", "c", "d"].map(waiter);
  assert.equal(slots.take(a), true);
  for (const one of [b, c, d]) assert.equal(slots.take(one), false);
  slots.leave(c);
  slots.release();
  assert.deepEqual(started, [], "never in the middle of what ended the handler");
  const late = waiter("late");
  assert.equal(slots.take(late), false, "not ahead of those that wait");
  await turn();
  assert.deepEqual(started, ["b"]);
  slots.release();
  await turn();
  slots.release();
  await turn();
  assert.deepEqual(started, ["b", "d", "late"]);
});

Deno.test("RFC 9113 §5.1.2: a call waits while handlers of cancelled calls take all slots, and ends like any other", async () => {
  const held: PromiseWithResolvers<Uint8Array>[] = [];
  const host = new FakeHost((router) => {
    router.method("/hold", {}, () => (held.push(Promise.withResolvers()), held.at(-1)!.promise));
    router.method("/echo", {}, (request) => request);
    router.method("/many", { kind: "bidi_streaming" }, async function* (requests) {
      yield* requests;
    });
  }, { maxHandlers: 1 });
  const first = host.accept(new FakeCall("/hold")).request();
  first.cancel();
  assert.equal(first.done, 0, "its handler runs on");
  const echo = host.accept(new FakeCall("/echo")).request(text("echo"));
  const many = host.accept(new FakeCall("/many")).request(text("many"));
  const late = host.accept(new FakeCall("/echo", { timeoutMs: 50 })).request();
  const dropped = host.accept(new FakeCall("/echo")).request();
  dropped.cancel();
  assert.equal(dropped.done, 1);
  host.clock.tick(60);
  assert.equal(late.status, Status.DEADLINE_EXCEEDED);
  assert.equal(echo.status, undefined);
  held[0].resolve(EMPTY);
  await Promise.all([first.ended, echo.ended, many.ended]);
  assert.equal(untext(echo.messages[0]), "echo");
  assert.equal(untext(many.messages[0]), "many");
  assert.equal(held.length, 1);
});

for (const wire of ["grpc", "lean"] as const) {
  Deno.test(`cancel 100 and open 100 at once: none is refused (${wire})`, async () => {
    const running = new Set<number>();
    let most = 0;
    await using server = await serve(memoryAddress(), (router) => {
      let id = 0;
      // Does not react to its signal.
      router.method("/slow", {}, async (request) => {
        const own = id++;
        running.add(own);
        most = Math.max(most, running.size);
        await sleep(20);
        running.delete(own);
        return request;
      });
    });
    await using channel = connect(server.addresses[0], { wire, poolSize: 1 });
    await channel.ready();
    for (let round = 0; round < 3; round++) {
      const controller = new AbortController();
      const cancelled = Array.from(
        { length: 100 },
        () => failure(channel.call("/slow", EMPTY, { signal: controller.signal })),
      );
      await sleep(5);
      controller.abort();
      const calls = Array.from({ length: 100 }, (_, i) => channel.call("/slow", text(`${i}`)));
      assert.deepEqual((await Promise.all(calls)).map(untext), calls.map((_, i) => `${i}`));
      for (const error of await Promise.all(cancelled)) {
        assert.equal((error as RpcError).code, Status.CANCELLED);
      }
    }
    assert.ok(most <= 128, `${most} handlers ran at once`);
    assert.equal(server.stats().connections.grpc + server.stats().connections.lean, 1);
  });

  // More than the server's budget for streams that are left.
  const BUDGET = 1_500;

  Deno.test(`a client that leaves streams over and over delays no other call (${wire})`, async () => {
    await using server = await serve(memoryAddress(), (router) => {
      router.method("/echo", {}, (request) => request);
      router.method("/stream", { kind: "server_streaming" }, async function* () {
        for (let i = 0; i < 1_000; i++) {
          yield new Uint8Array(1_000);
          // A handler that needs a while to notice.
          if (i % 10 === 9) await sleep(30);
        }
      });
    });
    await using channel = connect(server.addresses[0], { wire, poolSize: 1 });
    await channel.ready();
    let stop = false;
    let left = 0;
    const leave = async () => {
      while (!stop) {
        for await (const _ of channel.stream("/stream", EMPTY)) break;
        left++;
      }
    };
    const workers = Array.from({ length: 10 }, leave);
    const times: number[] = [];
    const endMs = performance.now() + 3_000;
    while (performance.now() < endMs || left <= BUDGET) {
      const startMs = performance.now();
      await channel.call("/echo", EMPTY, { timeoutMs: 5_000 });
      times.push(performance.now() - startMs);
      await sleep(5);
    }
    stop = true;
    await Promise.all(workers);
    times.sort((a, b) => a - b);
    const median = times[times.length >> 1];
    assert.ok(median < 250, `the median echo took ${median} ms`);
    assert.equal(channel.stats().connections.length, 1);
    const { grpc, lean } = server.stats().connections;
    assert.equal(grpc + lean, 1, "the connection was closed");
  });
}
