import assert from "node:assert/strict";
import { RpcError, Status } from "../../mod.ts";
import { FakeClock, latency, testServer } from "../../src/testing/mod.ts";
import { EMPTY } from "../fixtures/bytes.ts";
import { failure } from "../../src/testing/failure.ts";

Deno.test("timers fire in order, and see what earlier ones have set off", async () => {
  const clock = new FakeClock();
  const seen: string[] = [];
  clock.setTimer(() => seen.push(`late at ${clock.now()}`), 30);
  clock.setTimer(() => {
    Promise.resolve().then(() => clock.setTimer(() => seen.push(`chained at ${clock.now()}`), 5));
  }, 10);
  const cancelled = clock.setTimer(() => seen.push("cancelled"), 1);
  clock.clearTimer(cancelled);
  await clock.advance(20);
  assert.deepEqual(seen, ["chained at 15"]);
  assert.equal(clock.now(), 20);
  assert.equal(clock.pendingTimers, 1);
  await clock.advance(10);
  assert.deepEqual(seen, ["chained at 15", "late at 30"]);
  await assert.rejects(clock.advance(-1), /Cannot advance by -1 ms/);
});

Deno.test("a deadline of an hour passes at once, on both ends", async () => {
  const clock = new FakeClock();
  let ended: unknown;
  await using test = await testServer((router) => {
    router.method("/slow", {}, (_request, { signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          ended = signal.reason;
          reject(signal.reason);
        });
      }));
  }, { clock });
  const call = failure(test.channel.call("/slow", EMPTY, { timeoutMs: 3_599_000 }));
  const { code } = await clock.run(call);
  assert.equal(code, Status.DEADLINE_EXCEEDED);
  await clock.advance(10);
  assert.ok(ended instanceof RpcError);
  assert.ok(clock.now() >= 3_599_000, `${clock.now()}`);
});

Deno.test("retries wait in fake time", async () => {
  const clock = new FakeClock();
  const atMs: number[] = [];
  await using test = await testServer((router) => {
    router.method("/load", {}, (request) => {
      atMs.push(clock.now());
      if (atMs.length < 3) throw new RpcError(Status.UNAVAILABLE, "busy");
      return request;
    });
  }, {
    clock,
    random: () => 0.5,
    connect: {
      serviceConfig: {
        methodConfig: [{
          name: [{}],
          retryPolicy: {
            maxAttempts: 3,
            initialBackoff: "10s",
            maxBackoff: "60s",
            backoffMultiplier: 2,
            retryableStatusCodes: ["UNAVAILABLE"],
          },
        }],
      },
    },
  });
  assert.deepEqual(await clock.run(test.channel.call("/load", EMPTY)), EMPTY);
  assert.deepEqual(atMs, [0, 10_000, 30_000]);
});

Deno.test("run says when a promise waits for something else, or for too long", async () => {
  const clock = new FakeClock();
  await assert.rejects(clock.run(clock.sleep(3_600_001)), /waits for more than 3600000 ms/);
});

Deno.test("latency holds calls in the clock's time, and ends with the call", async () => {
  const clock = new FakeClock();
  let handled = 0;
  await using test = await testServer((router) => {
    router.use(latency({ ms: 100, jitterMs: 50, random: () => 0.5, clock }));
    router.method("/x", {}, (request) => {
      handled++;
      return request;
    });
  }, { clock });
  await clock.run(test.channel.call("/x", EMPTY));
  assert.equal(clock.now(), 125);
  const call = failure(test.channel.call("/x", EMPTY, { timeoutMs: 50 }));
  assert.equal((await clock.run(call)).code, Status.DEADLINE_EXCEEDED);
  assert.equal(handled, 1);
  assert.throws(() => latency({ ms: -1 }), RangeError);
});

Deno.test("tick fires timers before it returns, block fires none", () => {
  const clock = new FakeClock(1_000);
  const seen: number[] = [];
  clock.setTimer(() => {
    seen.push(clock.now());
    clock.setTimer(() => seen.push(clock.now()), 5);
  }, 10);
  clock.tick(9);
  assert.deepEqual(seen, []);
  clock.block(20);
  assert.deepEqual([seen, clock.now()], [[], 1_029]);
  clock.tick(0);
  assert.deepEqual(seen, [1_029]);
  clock.tick(10);
  assert.deepEqual([seen, clock.now()], [[1_029, 1_034], 1_039]);
  assert.deepEqual([clock.pendingTimers, clock.timersSet], [0, 2]);
  for (const move of ["tick", "block"] as const) assert.throws(() => clock[move](NaN), RangeError);
});
