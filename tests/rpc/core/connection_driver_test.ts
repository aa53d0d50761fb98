import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import { TurnScheduler } from "../../../src/event_loop/turns.ts";
import { ConnectionDriver } from "../../../src/rpc/core/connection_driver.ts";
import { POLL_TURNS, VirtualLoop } from "../../event_loop/virtual_loop.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { FullStream, GivingStream, microtasks, SlowStream } from "./byte_streams.ts";
import { FailureLog } from "../../../src/rpc/core/failure_log.ts";
import { serverLog } from "../../../src/rpc/core/log.ts";
import { silentEngine } from "./silent_engine.ts";

const silentFailures = new FailureLog(serverLog, false);

function begin() {
  const clock = new FakeClock(1000.25);
  const engine = silentEngine();
  const stream = new SlowStream();
  const driver = new ConnectionDriver({
    stream,
    engine,
    clock,
    onClose() {},
    failures: silentFailures,
    stallTimeoutMs: 8_000,
  });
  driver.start();
  return { clock, engine, stream, driver };
}

Deno.test("a write that accepts no byte closes the connection after the stall timeout", async () => {
  const { clock, engine, driver } = begin();
  engine.out.u32(1);
  driver.wake();
  await microtasks();
  clock.tick(7_900);
  assert.equal(driver.closed, false);
  clock.tick(1_200);
  assert.equal(driver.closed, true);
  assert.deepEqual(engine.lost, ["The peer read nothing for 8000 ms"]);
});

Deno.test("a write that accepts a byte now and then is not stalled", async () => {
  const { clock, engine, stream, driver } = begin();
  engine.out.u32(1);
  driver.wake();
  await microtasks();
  for (let i = 0; i < 3; i++) {
    clock.tick(7_500);
    stream.writes.at(-1)!(1);
    await microtasks();
  }
  assert.equal(driver.closed, false);
  assert.equal(stream.writes.length, 4);
  stream.writes.at(-1)!(1);
  await microtasks();
  assert.equal(engine.drained, 1);
  clock.tick(60_000);
  assert.equal(driver.closed, false);
  driver.close("The test is over");
});

/** A driver whose engine takes `costMs` of virtual time for each slice; the stream fills `reads` reads. */
function beginFull(costMs: number, reads = 2) {
  const clock = new FakeClock(1000.25);
  const pieces: Uint8Array[] = [];
  let received = () => {};
  const engine = {
    ...silentEngine(),
    receive(piece: Uint8Array) {
      pieces.push(piece.slice());
      clock.tick(costMs);
      received();
    },
  };
  // The first read fills the small buffer, later ones the large one.
  const stream = new FullStream(reads);
  const driver = new ConnectionDriver({
    stream,
    engine,
    clock,
    onClose() {},
    failures: silentFailures,
  });
  return {
    driver,
    pieces,
    bytes: () => Uint8Array.from(pieces.flatMap((piece) => [...piece])),
    total: (count: number) =>
      new Promise<void>((resolve) => {
        received = () => {
          if (pieces.reduce((sum, piece) => sum + piece.length, 0) >= count) resolve();
        };
      }),
  };
}

Deno.test("a long, costly read is processed in slices, between which other connections get a turn", async () => {
  const { driver, pieces, bytes, total } = beginFull(3);
  const all = total(4_096 + 65_536);
  const seen: number[] = [];
  const count = () => {
    seen.push(pieces.length);
    if (pieces.length < 68) setImmediate(count);
  };
  setImmediate(count);
  driver.start();
  await all;
  assert.deepEqual(pieces.map((piece) => piece.length), new Array(68).fill(1_024));
  assert.deepEqual(bytes(), Uint8Array.from({ length: 69_632 }, (_, i) => i));
  for (let between = 2; between < 68; between++) {
    assert.ok(seen.includes(between), `no turn after ${between} pieces`);
  }
  driver.close("The test is over");
});

Deno.test("long, cheap reads are soon processed whole", async () => {
  const { driver, pieces, bytes, total } = beginFull(0, 4);
  const all = total(4_096 + 3 * 65_536);
  driver.start();
  await all;
  assert.deepEqual(
    pieces.map((piece) => piece.length),
    [1_024, 2_048, 1_024, 4_096, 8_192, 16_384, 32_768, 4_096, 65_536, 65_536],
  );
  assert.deepEqual(bytes(), Uint8Array.from({ length: 200_704 }, (_, i) => i));
  driver.close("The test is over");
});

Deno.test("a connection that is closed between two slices receives nothing more", async () => {
  const { driver, pieces, total } = beginFull(3);
  const begun = total(2 * 1_024);
  driver.start();
  await begun;
  driver.close("The test is over");
  for (let i = 0; i < 100; i++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(pieces.length, 2);
});

/** Runs turns until no connection waits for one. */
async function settle(loop: VirtualLoop): Promise<void> {
  for (await microtasks(); loop.immediates > 0; await microtasks()) loop.turn();
}

/** A driver whose engine throttles reads by 1 s after each input; the stream fills `reads` reads. */
function beginThrottled(loop: VirtualLoop, reads = 2) {
  const clock = new FakeClock(1000.25);
  let bytes = 0;
  const engine = {
    ...silentEngine(),
    readThrottledUntilMs: 0,
    receive(piece: Uint8Array, nowMs: number) {
      bytes += piece.length;
      engine.readThrottledUntilMs = nowMs + 1_000;
    },
  };
  const driver = new ConnectionDriver({
    stream: new FullStream(reads),
    engine,
    clock,
    onClose() {},
    failures: silentFailures,
    turns: new TurnScheduler(loop, POLL_TURNS),
  });
  driver.start();
  return { clock, driver, engine, bytes: () => bytes };
}

Deno.test("reads wait until the time for which the engine asks", async () => {
  const loop = new VirtualLoop();
  const { clock, driver, bytes } = beginThrottled(loop);
  // Slices double; the third is the rest of the first read.
  for (const expected of [1_024, 3_072, 4_096, 8_192, 16_384]) {
    await settle(loop);
    assert.equal(bytes(), expected);
    clock.tick(999);
    await settle(loop);
    assert.equal(bytes(), expected);
    clock.tick(1);
  }
  driver.close("The test is over");
  await settle(loop);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("64 connections are throttled at a time, and one that closes frees a slot", async () => {
  const loop = new VirtualLoop();
  const all = Array.from({ length: 64 }, () => beginThrottled(loop));
  await settle(loop);
  const unthrottled = beginThrottled(loop);
  await settle(loop);
  assert.equal(unthrottled.bytes(), 4_096 + 65_536);
  assert.ok(all.every(({ bytes }) => bytes() === 1_024));
  all[0].driver.close("The test is over");
  const throttled = beginThrottled(loop);
  await settle(loop);
  assert.equal(throttled.bytes(), 1_024);
  for (const { driver } of [...all, unthrottled, throttled]) driver.close("The test is over");
});

Deno.test("a client's connection ends at once, a server's on its turn", async () => {
  for (const deferClose of [false, true]) {
    for (const end of [() => Promise.resolve(null), () => Promise.reject(new Error("reset"))]) {
      const stream = new SlowStream();
      stream.read = end;
      const { promise: closed, resolve } = Promise.withResolvers<void>();
      const clock = new FakeClock(1000.25);
      const engine = silentEngine();
      const driver = new ConnectionDriver({
        stream,
        engine,
        clock,
        onClose: () => resolve(),
        failures: silentFailures,
        deferClose,
      });
      driver.start();
      await microtasks();
      assert.equal(driver.closed, !deferClose);
      await closed;
      assert.equal(engine.lost.length, 1);
    }
  }
});

Deno.test("a lingering connection is closed once its peer has sent more than windows allow", async () => {
  const clock = new FakeClock(1000.25);
  const engine = { ...silentEngine(), finished: true };
  const stream = new GivingStream();
  new ConnectionDriver({ stream, engine, clock, onClose() {}, failures: silentFailures }).start();
  await microtasks();
  for (let i = 0; i < 64; i++) await stream.give(65_536);
  // The next read starts after this one was processed.
  await stream.give(1);
  assert.equal(stream.closed, true);
  assert.deepEqual(engine.lost, ["The peer did not stop sending"]);
});

for (const closedGracefully of [true, false]) {
  const what = closedGracefully
    ? "waits for a peer that still reads, within limits"
    : "after an error waits 500 ms, whatever arrives";
  Deno.test(`the end of a connection ${what}`, async () => {
    const begin = async () => {
      const clock = new FakeClock(1000.25);
      const engine = { ...silentEngine(), finished: true, closedGracefully };
      const stream = new GivingStream();
      const options = {
        stream,
        engine,
        clock,
        onClose() {},
        failures: silentFailures,
        lingerMs: 5_000,
      };
      const driver = new ConnectionDriver({ ...options, stallTimeoutMs: 30_000 });
      driver.start();
      await microtasks();
      return { clock, stream };
    };
    const { clock, stream } = await begin();
    clock.tick(499);
    assert.equal(stream.closed, false);
    await stream.give(13);
    clock.tick(1);
    assert.equal(stream.closed, !closedGracefully);
    if (!closedGracefully) return;
    // Each read restarts the time, for 30 s in all.
    for (let ms = 500; ms < 25_000; ms += 4_900) {
      await stream.give(13);
      clock.tick(4_900);
      assert.equal(stream.closed, false);
    }
    await stream.give(13);
    clock.tick(4_900);
    await stream.give(13);
    clock.tick(99);
    assert.equal(stream.closed, false);
    clock.tick(1);
    assert.equal(stream.closed, true);
    // A flood doesn't restart it.
    const flood = await begin();
    for (let i = 0; i < 300; i++) await flood.stream.give(4_096);
    flood.clock.tick(4_999);
    await flood.stream.give(4_096);
    // The next read starts after this one was processed.
    await flood.stream.give(1);
    flood.clock.tick(1);
    assert.equal(flood.stream.closed, true);
  });
}

/** A client's driver whose write fails, and the input that its engine receives. */
async function beginBroken() {
  const clock = new FakeClock(1000.25);
  const received: number[] = [];
  const engine = {
    ...silentEngine(),
    receive: (piece: Uint8Array) => void received.push(piece.length),
  };
  const stream = new GivingStream();
  stream.write = () => Promise.reject(new Error("broken pipe"));
  let failures = 0;
  const driver = new ConnectionDriver({
    stream,
    engine,
    clock,
    onClose() {},
    failures: silentFailures,
    onWriteFailed: () => ++failures > 0,
  });
  driver.start();
  engine.out.u32(1);
  driver.wake();
  await microtasks();
  return { clock, driver, engine, stream, received, failures: () => failures };
}

Deno.test("RFC 9112 §9.6: after a failed write, a client still reads what the server had sent", async () => {
  const { driver, engine, stream, received, failures } = await beginBroken();
  assert.equal(driver.closed, false);
  assert.equal(failures(), 1);
  engine.out.u32(2);
  driver.wake();
  await stream.give(13);
  assert.deepEqual(received, [13]);
  assert.equal(failures(), 1, "nothing more is written");
  await stream.give(null);
  assert.equal(driver.closed, true);
  assert.deepEqual(engine.lost, ["Connection lost: broken pipe"]);
});

Deno.test("after a failed write, a client closes when its engine has finished, or after 500 ms", async () => {
  const finished = await beginBroken();
  finished.engine.finished = true;
  finished.driver.wake();
  await microtasks();
  assert.equal(finished.stream.closed, true);
  const silent = await beginBroken();
  silent.clock.tick(499);
  assert.equal(silent.stream.closed, false);
  silent.clock.tick(1);
  assert.equal(silent.stream.closed, true);
  assert.deepEqual(silent.engine.lost, ["Connection lost: broken pipe"]);
  for (const { clock } of [finished, silent]) assert.equal(clock.pendingTimers, 0);
});

Deno.test("an engine that closes at once is closed during a write, without lingering", async () => {
  const { engine, driver } = begin();
  engine.out.u32(1);
  driver.wake();
  await microtasks();
  Object.assign(engine, { finished: true, closesAtOnce: true });
  driver.wake();
  await microtasks();
  assert.equal(driver.closed, true);
  assert.equal(driver.lingering, false);
});
