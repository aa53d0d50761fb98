import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import { ByteWriter } from "../../../src/bytes/writer.ts";
import type { ConnectionEngine } from "../../../src/call/wire.ts";
import { ConnectionDriver } from "../../../src/rpc/core/connection_driver.ts";
import type { ByteStream } from "../../../src/transport/types.ts";
import { VirtualClock } from "../../fixtures/virtual_clock.ts";

/** An engine that takes everything and says what a test puts into `out`. */
function silentEngine(): ConnectionEngine & { lost: string[]; drained: number } {
  return {
    out: new ByteWriter(),
    onOutput() {},
    receive() {},
    receiveEnd() {},
    transportLost(reason) {
      this.lost.push(reason);
    },
    outputDrained() {
      this.drained++;
    },
    nextTimerMs: () => Infinity,
    onTimer() {},
    wantsRead: true,
    finished: false,
    bufferedBytes: 0,
    lost: [],
    drained: 0,
  };
}

/** A stream whose writes end when the test says so. */
class SlowStream implements ByteStream {
  readonly peer = { address: "peer", transport: "memory" };
  readonly localAddress = "here";
  readonly writes: ((count: number) => void)[] = [];
  #reject: (error: Error) => void = () => {};
  read(): Promise<number | null> {
    return new Promise((_, reject) => this.#reject = reject);
  }
  write(): Promise<number> {
    return new Promise((resolve) => this.writes.push(resolve));
  }
  closeWrite(): Promise<void> {
    return Promise.resolve();
  }
  close(): void {
    this.#reject(new Error("closed"));
  }
}

function begin() {
  const clock = new VirtualClock();
  const engine = silentEngine();
  const stream = new SlowStream();
  const driver = new ConnectionDriver({
    stream,
    engine,
    clock,
    onClose() {},
    stallTimeoutMs: 8_000,
  });
  driver.start();
  return { clock, engine, stream, driver };
}

async function microtasks(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

async function macrotasks(): Promise<void> {
  for (let i = 0; i < 200; i++) await new Promise((resolve) => setImmediate(resolve));
}

Deno.test("a write that takes nothing closes the connection after the stall time", async () => {
  const { clock, engine, driver } = begin();
  engine.out.u32(1);
  driver.wake();
  await microtasks();
  clock.advance(7_900);
  assert.equal(driver.closed, false);
  clock.advance(1_200);
  assert.equal(driver.closed, true);
  assert.deepEqual(engine.lost, ["The peer read nothing for 8000 ms"]);
});

Deno.test("a write that takes a byte now and then is not stalled", async () => {
  const { clock, engine, stream, driver } = begin();
  engine.out.u32(1);
  driver.wake();
  await microtasks();
  for (let i = 0; i < 3; i++) {
    clock.advance(7_500);
    stream.writes.at(-1)!(1);
    await microtasks();
  }
  assert.equal(driver.closed, false);
  assert.equal(stream.writes.length, 4);
  stream.writes.at(-1)!(1);
  await microtasks();
  assert.equal(engine.drained, 1);
  clock.advance(60_000);
  assert.equal(driver.closed, false);
  driver.close("The test is over");
});

/** A stream that fills the buffer of each read, `count` times, and then waits. */
class FullStream extends SlowStream {
  #value = 0;
  constructor(public count: number) {
    super();
  }
  override read(buffer?: Uint8Array): Promise<number | null> {
    if (this.count-- <= 0) return super.read();
    for (let i = 0; i < buffer!.length; i++) buffer![i] = this.#value++;
    return Promise.resolve(buffer!.length);
  }
}

/** An engine whose input costs `costMs` of virtual time for each piece; the stream fills `reads` reads. */
function beginFull(costMs: number, reads = 2) {
  const clock = new VirtualClock();
  const pieces: Uint8Array[] = [];
  let received = () => {};
  const engine = {
    ...silentEngine(),
    receive(piece: Uint8Array) {
      pieces.push(piece.slice());
      clock.advance(costMs);
      received();
    },
  };
  // The first fills the small buffer, others the large one.
  const stream = new FullStream(reads);
  const driver = new ConnectionDriver({ stream, engine, clock, onClose() {} });
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

Deno.test("a long read that costs much is taken in slices, between which others get a turn", async () => {
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

Deno.test("long reads that cost little are soon taken whole", async () => {
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

Deno.test("a connection that is closed between two slices takes nothing more", async () => {
  const { driver, pieces, total } = beginFull(3);
  const begun = total(2 * 1_024);
  driver.start();
  await begun;
  driver.close("The test is over");
  for (let i = 0; i < 100; i++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(pieces.length, 2);
});

/** A driver whose engine wants to be read 1 s after each input; the stream fills `reads` reads. */
function beginSlow(reads = 2) {
  const clock = new VirtualClock();
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
  });
  driver.start();
  return { clock, driver, engine, bytes: () => bytes };
}

Deno.test("an engine that wants to be read later is", async () => {
  const { clock, driver, bytes } = beginSlow();
  // Slices double, and the third is the rest of the first read.
  for (const expected of [1_024, 3_072, 4_096, 8_192, 16_384]) {
    await macrotasks();
    assert.equal(bytes(), expected);
    clock.advance(999);
    await macrotasks();
    assert.equal(bytes(), expected);
    clock.advance(1);
  }
  driver.close("The test is over");
  await macrotasks();
  assert.equal(clock.pending, 0);
});

Deno.test("64 connections at a time wait to be read later, and one that closes makes room", async () => {
  const all = Array.from({ length: 64 }, () => beginSlow());
  await macrotasks();
  const hasty = beginSlow();
  await macrotasks();
  assert.equal(hasty.bytes(), 4_096 + 65_536);
  assert.ok(all.every(({ bytes }) => bytes() === 1_024));
  all[0].driver.close("The test is over");
  const slow = beginSlow();
  await macrotasks();
  assert.equal(slow.bytes(), 1_024);
  for (const { driver } of [...all, hasty, slow]) driver.close("The test is over");
});

Deno.test("a client's connection ends at once, a server's when it is its turn", async () => {
  for (const deferClose of [false, true]) {
    for (const end of [() => Promise.resolve(null), () => Promise.reject(new Error("reset"))]) {
      const stream = new SlowStream();
      stream.read = end;
      const { promise: closed, resolve } = Promise.withResolvers<void>();
      const clock = new VirtualClock();
      const engine = silentEngine();
      const driver = new ConnectionDriver({
        stream,
        engine,
        clock,
        onClose: () => resolve(),
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

/** A stream whose reads the test answers. */
class GivingStream extends SlowStream {
  closed = false;
  #give: ((count: number) => void) | undefined;
  #asked = () => {};
  override read(): Promise<number | null> {
    return new Promise((resolve) => {
      this.#give = resolve;
      this.#asked();
    });
  }
  /** Answers the next read, which may wait for its turn. */
  async give(count: number): Promise<void> {
    if (this.#give === undefined) await new Promise<void>((resolve) => this.#asked = resolve);
    const give = this.#give!;
    this.#give = undefined;
    give(count);
    await microtasks();
  }
  override close(): void {
    this.closed = true;
    this.#give?.(0);
  }
}

Deno.test("a connection at its end is closed once its peer has sent more than windows allow", async () => {
  const clock = new VirtualClock();
  const engine = { ...silentEngine(), finished: true };
  const stream = new GivingStream();
  new ConnectionDriver({ stream, engine, clock, onClose() {} }).start();
  await microtasks();
  for (let i = 0; i < 64; i++) await stream.give(65_536);
  // When there is a read again, the one before has been looked at.
  await stream.give(1);
  assert.equal(stream.closed, true);
  assert.deepEqual(engine.lost, ["The peer did not stop sending"]);
});

for (const closedGracefully of [true, false]) {
  const what = closedGracefully
    ? "waits for a peer that still takes what was sent, within limits"
    : "after an error waits half a second, whatever comes";
  Deno.test(`the end of a connection ${what}`, async () => {
    const begin = async () => {
      const clock = new VirtualClock();
      const engine = { ...silentEngine(), finished: true, closedGracefully };
      const stream = new GivingStream();
      const options = { stream, engine, clock, onClose() {}, lingerMs: 5_000 };
      const driver = new ConnectionDriver({ ...options, stallTimeoutMs: 30_000 });
      driver.start();
      await microtasks();
      return { clock, stream };
    };
    const { clock, stream } = await begin();
    clock.advance(499);
    assert.equal(stream.closed, false);
    await stream.give(13);
    clock.advance(1);
    assert.equal(stream.closed, !closedGracefully);
    if (!closedGracefully) return;
    // Every read starts the time anew, for 30 s in all.
    for (let ms = 500; ms < 25_000; ms += 4_900) {
      await stream.give(13);
      clock.advance(4_900);
      assert.equal(stream.closed, false);
    }
    await stream.give(13);
    clock.advance(4_900);
    await stream.give(13);
    clock.advance(99);
    assert.equal(stream.closed, false);
    clock.advance(1);
    assert.equal(stream.closed, true);
    // A flood is no sign of reading.
    const flood = await begin();
    for (let i = 0; i < 300; i++) await flood.stream.give(4_096);
    flood.clock.advance(4_999);
    await flood.stream.give(4_096);
    // When there is a read again, the one before has been looked at.
    await flood.stream.give(1);
    flood.clock.advance(1);
    assert.equal(flood.stream.closed, true);
  });
}
