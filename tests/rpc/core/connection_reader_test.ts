import assert from "node:assert/strict";
import type { ConnectionEngine } from "../../../src/call/wire.ts";
import { TurnScheduler } from "../../../src/event_loop/turns.ts";
import { ConnectionReader } from "../../../src/rpc/core/connection_reader.ts";
import type { ByteStream } from "../../../src/transport/types.ts";
import { POLL_TURNS, VirtualLoop } from "../../event_loop/virtual_loop.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { FullStream, GivingStream, microtasks, SlowStream } from "./byte_streams.ts";
import { silentEngine } from "./silent_engine.ts";

/** A reader on a virtual loop. `receive` stands for the engine's. */
function begin<Stream extends ByteStream>(
  stream: Stream,
  { receive = () => {}, deferClose = false }: {
    receive?: (bytes: number) => void;
    deferClose?: boolean;
  } = {},
) {
  const clock = new FakeClock(1000.25);
  const loop = new VirtualLoop();
  const pieces: number[] = [];
  let ends = 0;
  const engine: ReturnType<typeof silentEngine> & ConnectionEngine = {
    ...silentEngine(),
    receive(chunk) {
      pieces.push(chunk.length);
      receive(chunk.length);
    },
    receiveEnd: () => ends++,
  };
  const owner = {
    closed: false,
    lingering: false,
    reasons: [] as string[],
    inputs: 0,
    discarded: 0,
    onInput: () => owner.inputs++,
    onDiscarded: (count: number) => owner.discarded += count,
    fail(error: unknown): never {
      throw error;
    },
    close(reason: string) {
      owner.closed = true;
      owner.reasons.push(reason);
    },
  };
  const turns = new TurnScheduler(loop, POLL_TURNS);
  const reader = new ConnectionReader(owner, { stream, engine, clock, turns }, deferClose);
  /** Runs turns of the loop until no connection waits for one. */
  const turn = async () => {
    for (; loop.immediates > 0; await microtasks()) loop.turn();
  };
  const end = () => {
    owner.closed = true;
    stream.close();
    reader.interrupt();
    return running;
  };
  const running = reader.run();
  return { clock, loop, engine, owner, reader, pieces, turn, end, stream, ends: () => ends };
}

Deno.test("a short read reaches the engine at once, without a turn of the event loop", async () => {
  const { stream, pieces, owner, loop, end } = begin(new GivingStream());
  await stream.give(100);
  assert.deepEqual(pieces, [100]);
  assert.equal(owner.inputs, 1);
  assert.equal(loop.immediates, 0);
  await end();
});

Deno.test("a connection waits for a turn after each 64 KiB of input", async () => {
  const { stream, pieces, loop, turn, end } = begin(new GivingStream());
  for (let i = 0; i < 16; i++) await stream.give(4_000);
  assert.equal(pieces.length, 16);
  await stream.give(4_000);
  assert.equal(pieces.length, 16);
  assert.equal(loop.immediates, 1);
  assert.equal(stream.reading, false);
  await turn();
  assert.equal(pieces.length, 17);
  await stream.give(4_000);
  assert.equal(pieces.length, 18);
  await end();
});

Deno.test("slices of a long read that take more than 1 ms each have a turn each", async () => {
  const { stream, pieces, loop, turn, end, clock } = begin(new GivingStream(), {
    receive: () => {
      clock.tick(2);
      loop.work(2);
    },
  });
  await stream.give(4_096);
  assert.deepEqual(pieces, [1_024]);
  await turn();
  assert.deepEqual(pieces, [1_024, 1_024, 1_024, 1_024]);
  assert.ok(loop.turns > 3 * POLL_TURNS, `${loop.turns} turns`);
  await end();
});

Deno.test("reads pause until the engine wants input", async () => {
  const { stream, engine, reader, end } = begin(new GivingStream(), {
    receive: () => {
      engine.wantsRead = false;
    },
  });
  await stream.give(10);
  assert.equal(stream.reading, false);
  reader.resume();
  await microtasks();
  assert.equal(stream.reading, false);
  engine.wantsRead = true;
  reader.resume();
  await microtasks();
  assert.equal(stream.reading, true);
  await end();
});

Deno.test("input of a lingering connection is discarded", async () => {
  const { stream, owner, pieces, end } = begin(new GivingStream());
  owner.lingering = true;
  await stream.give(10);
  await stream.give(20);
  assert.equal(owner.discarded, 30);
  assert.deepEqual(pieces, []);
  await stream.give(null);
  assert.deepEqual(owner.reasons, ["The connection was closed"]);
  await end();
});

for (const deferClose of [false, true]) {
  const when = deferClose ? "on a turn of the event loop" : "at once";
  Deno.test(`the end of the stream closes the connection ${when}`, async () => {
    const { stream, owner, turn, ends, end } = begin(new GivingStream(), { deferClose });
    await stream.give(null);
    assert.equal(owner.closed, !deferClose);
    await turn();
    assert.equal(ends(), 1);
    assert.deepEqual(owner.reasons, ["The peer closed the connection"]);
    await end();
  });

  Deno.test(`a failed read closes the connection ${when}`, async () => {
    const { stream, owner, turn, end } = begin(new SlowStream(), { deferClose });
    stream.close();
    await microtasks();
    assert.equal(owner.closed, !deferClose);
    await turn();
    assert.deepEqual(owner.reasons, ["Connection lost: closed"]);
    await end();
  });
}

Deno.test("interrupt() ends a throttle, and a closed connection is read no more", async () => {
  const { owner, engine, clock, pieces, reader } = begin(new FullStream(5), {
    receive: () => {
      Object.assign(engine, { readThrottledUntilMs: clock.now() + 1_000 });
    },
  });
  await microtasks();
  assert.deepEqual(pieces, [1_024]);
  assert.equal(clock.pendingTimers, 1);
  owner.closed = true;
  reader.interrupt();
  await microtasks();
  assert.equal(clock.pendingTimers, 0);
  assert.deepEqual(pieces, [1_024]);
});
