import assert from "node:assert/strict";
import { textOf } from "../../../src/errors.ts";
import { TurnScheduler } from "../../../src/event_loop/turns.ts";
import { ConnectionWriter } from "../../../src/rpc/core/connection_writer.ts";
import { POLL_TURNS, VirtualLoop } from "../../event_loop/virtual_loop.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { microtasks, SlowStream } from "./byte_streams.ts";
import { silentEngine } from "./silent_engine.ts";

/** A stream that records its writes and accepts at most `atMost` bytes of each. */
class RecordingStream extends SlowStream {
  readonly lengths: number[] = [];

  constructor(readonly atMost = Infinity) {
    super();
  }

  override write(data: Uint8Array): Promise<number> {
    this.lengths.push(data.length);
    return Promise.resolve(Math.min(data.length, this.atMost));
  }
}

/** A writer on a virtual loop; `onDrained` stands for the engine that produces more. */
function begin<Stream extends SlowStream>(stream: Stream, onDrained = () => {}) {
  const clock = new FakeClock(1000.25);
  const loop = new VirtualLoop();
  const engine = silentEngine();
  const owner = {
    closed: false,
    reasons: [] as string[],
    drained: 0,
    written: 0,
    onDrained() {
      owner.drained++;
      onDrained();
    },
    onWritten: () => owner.written++,
    fail(error: unknown): never {
      throw error;
    },
    onWriteFailed: (error: unknown) => owner.close(`Write failed: ${textOf(error)}`),
    close(reason: string) {
      if (owner.closed) return;
      owner.closed = true;
      owner.reasons.push(reason);
      writer.close();
    },
  };
  const turns = new TurnScheduler(loop, POLL_TURNS);
  const writer = new ConnectionWriter(owner, { stream, engine, clock, turns }, 8_000);
  return { clock, loop, engine, owner, writer, turns };
}

Deno.test("output goes out in one write, repeated for what the stream did not accept", async () => {
  const stream = new RecordingStream(60);
  const { engine, owner, writer } = begin(stream);
  engine.out.bytes(new Uint8Array(100));
  writer.start();
  assert.equal(writer.writing, true);
  await microtasks();
  assert.deepEqual(stream.lengths, [100, 40]);
  assert.equal(owner.drained, 1);
  assert.equal(owner.written, 1);
  assert.equal(writer.writing, false);
});

Deno.test("little output that comes during a write waits one turn for more", async () => {
  const stream = new RecordingStream();
  let more = 1;
  const { engine, loop, writer } = begin(stream, () => {
    if (more-- > 0) engine.out.bytes(new Uint8Array(10));
  });
  engine.out.bytes(new Uint8Array(100));
  writer.start();
  await microtasks();
  assert.deepEqual(stream.lengths, [100]);
  engine.out.bytes(new Uint8Array(20));
  loop.turn();
  await microtasks();
  assert.deepEqual(stream.lengths, [100, 30]);
});

Deno.test("16 KiB of output that come during a write go out at once", async () => {
  const stream = new RecordingStream();
  let more = 1;
  const { engine, writer } = begin(stream, () => {
    if (more-- > 0) engine.out.bytes(new Uint8Array(16_384));
  });
  engine.out.bytes(new Uint8Array(100));
  writer.start();
  await microtasks();
  assert.deepEqual(stream.lengths, [100, 16_384]);
});

Deno.test("a connection waits for a turn after each 64 KiB of output", async () => {
  const stream = new RecordingStream();
  let more = 4;
  const { engine, loop, writer } = begin(stream, () => {
    if (more-- > 0) engine.out.bytes(new Uint8Array(32_768));
  });
  engine.out.bytes(new Uint8Array(32_768));
  writer.start();
  await microtasks();
  assert.deepEqual(stream.lengths, [32_768, 32_768]);
  loop.run();
  await microtasks();
  assert.deepEqual(stream.lengths, [32_768, 32_768, 32_768, 32_768]);
  loop.run();
  await microtasks();
  assert.equal(stream.lengths.length, 5);
});

Deno.test("a write of 4 KiB and more waits while the event loop polls", async () => {
  for (const [bytes, drained] of [[4_095, 1], [4_096, 0]]) {
    const { engine, owner, loop, turns, writer } = begin(new RecordingStream());
    turns.onNextTurn(() => {});
    loop.turn();
    assert.equal(turns.isPolling(), true);
    engine.out.bytes(new Uint8Array(bytes));
    writer.start();
    await microtasks();
    assert.equal(owner.drained, drained);
    loop.run();
    await microtasks();
    assert.equal(owner.drained, 1);
  }
});

Deno.test("a write that accepts no byte for the timeout closes the connection", async () => {
  const stream = new SlowStream();
  const { engine, clock, owner, writer } = begin(stream);
  engine.out.bytes(new Uint8Array(100));
  writer.start();
  clock.tick(9_000);
  assert.deepEqual(owner.reasons, ["The peer read nothing for 8000 ms"]);
  assert.equal(writer.writing, false);
  stream.writes[0](100);
  await microtasks();
  assert.equal(owner.drained, 0);
  assert.equal(owner.written, 0);
});

Deno.test("a failed write closes the connection and discards the rest", async () => {
  const stream = new SlowStream();
  stream.write = () => Promise.reject(new Error("reset"));
  const { engine, owner, writer } = begin(stream);
  engine.out.bytes(new Uint8Array(100));
  writer.start();
  engine.out.bytes(new Uint8Array(100));
  await microtasks();
  assert.deepEqual(owner.reasons, ["Write failed: reset"]);
  assert.equal(engine.out.length, 0);
});

Deno.test("close() discards output, that of a write in progress at the write's end", async () => {
  const idle = begin(new SlowStream());
  idle.engine.out.bytes(new Uint8Array(100));
  idle.owner.close("The test is over");
  assert.equal(idle.engine.out.length, 0);
  const stream = new SlowStream();
  const busy = begin(stream);
  busy.engine.out.bytes(new Uint8Array(100));
  busy.writer.start();
  busy.engine.out.bytes(new Uint8Array(100));
  busy.owner.close("The test is over");
  assert.equal(busy.clock.pendingTimers, 0);
  stream.writes[0](100);
  await microtasks();
  assert.equal(busy.engine.out.length, 0);
});
