import assert from "node:assert/strict";
import { Linger } from "../../../src/rpc/core/linger.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";

function begin(closedGracefully: boolean, maxDiscardedBytes?: number) {
  const clock = new FakeClock(1000.25);
  const closed: string[] = [];
  const times = { quietMs: 5_000, maxMs: 30_000 };
  const engine = { closedGracefully, maxDiscardedBytes };
  const linger = new Linger(engine, clock, times, (reason) => closed.push(reason));
  return { clock, closed, linger };
}

Deno.test("Linger closes after its quiet time, or after 500 ms following an error", () => {
  for (const [closedGracefully, quietMs] of [[true, 5_000], [false, 500]] as const) {
    const { clock, closed } = begin(closedGracefully);
    clock.tick(quietMs - 1);
    assert.deepEqual(closed, []);
    clock.tick(1);
    assert.deepEqual(closed, ["The connection was closed"]);
  }
});

Deno.test("input extends a Linger after a graceful shutdown, up to its longest time", () => {
  const { clock, closed, linger } = begin(true);
  for (let ms = 0; ms < 25_000; ms += 2_500) {
    linger.onInput(13);
    clock.tick(2_500);
  }
  assert.deepEqual(closed, []);
  linger.onInput(13);
  clock.tick(2_500);
  linger.onInput(13);
  clock.tick(2_499);
  assert.deepEqual(closed, []);
  clock.tick(1);
  assert.deepEqual(closed, ["The connection was closed"]);
});

Deno.test("input doesn't extend a Linger after an error", () => {
  const { clock, closed, linger } = begin(false);
  clock.tick(499);
  linger.onInput(13);
  clock.tick(1);
  assert.deepEqual(closed, ["The connection was closed"]);
});

Deno.test("Linger is not extended by more than 1 MiB, and closes above 4 MiB", () => {
  const { clock, closed, linger } = begin(true);
  linger.onInput(1_048_577);
  clock.tick(5_000);
  assert.deepEqual(closed, ["The connection was closed"]);
  const flooded = begin(true);
  flooded.linger.onInput(4_194_304);
  assert.deepEqual(flooded.closed, []);
  flooded.linger.onInput(1);
  assert.deepEqual(flooded.closed, ["The peer did not stop sending"]);
});

Deno.test("RFC 9112 §9.6: the rest of a request extends a Linger up to the engine's limit", () => {
  const { clock, closed, linger } = begin(true, 67_108_864);
  for (let ms = 0; ms < 25_000; ms += 2_500) {
    linger.onInput(6_000_000);
    clock.tick(2_500);
  }
  assert.deepEqual(closed, []);
  linger.onInput(7_108_864);
  assert.deepEqual(closed, []);
  linger.onInput(1);
  assert.deepEqual(closed, ["The peer did not stop sending"]);
});

Deno.test("Linger waits once more when its timer was late, because the thread was blocked", () => {
  for (const closedGracefully of [true, false]) {
    const { clock, closed } = begin(closedGracefully);
    clock.block(6_000);
    clock.tick(99);
    assert.deepEqual(closed, []);
    clock.block(6_000);
    clock.tick(0);
    assert.deepEqual(closed, ["The connection was closed"]);
  }
});

Deno.test("Linger.stop() cancels the close", () => {
  const { clock, linger } = begin(true);
  linger.stop();
  assert.equal(clock.pendingTimers, 0);
});
