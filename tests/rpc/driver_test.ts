import assert from "node:assert/strict";
import { ByteWriter } from "../../src/bytes/writer.ts";
import type { ConnectionEngine } from "../../src/call/wire.ts";
import { Driver } from "../../src/rpc/driver.ts";
import type { ByteStream } from "../../src/transport/types.ts";
import { VirtualClock } from "./virtual_clock.ts";

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
  const driver = new Driver({ stream, engine, clock, onClose() {}, stallTimeoutMs: 8_000 });
  driver.start();
  return { clock, engine, stream, driver };
}

async function microtasks(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
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
