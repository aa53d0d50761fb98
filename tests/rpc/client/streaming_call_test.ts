import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { connect, serve } from "../../../mod.ts";
import { Metadata } from "../../../src/call/metadata.ts";
import { Status } from "../../../src/call/status.ts";
import type { ClientCall, ClientCallSink } from "../../../src/call/wire.ts";
import { bytesCodec } from "../../../src/codec/bytes.ts";
import { RpcError } from "../../../src/errors.ts";
import { LEAN_LIMITS } from "../../../src/limits/connection_limits.ts";
import { MemoryPool } from "../../../src/limits/memory_pool.ts";
import type { CallCore, ClientMethod } from "../../../src/rpc/client/call_core.ts";
import { ClientStream } from "../../../src/rpc/client/streaming_call.ts";
import type { CallOptions } from "../../../src/rpc/core/types.ts";
import { DeadlineQueue } from "../../../src/rpc/core/deadline_queue.ts";
import { EMPTY, text, untext } from "../../fixtures/bytes.ts";
import { failure } from "../../../src/testing/failure.ts";
import { memoryAddress } from "../../fixtures/names.ts";
import { until } from "../../fixtures/waiting.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";

const none = () => new Metadata();
const ONE = Uint8Array.of(1);

/** A bidirectional call whose engine the test plays. */
class Fixture {
  readonly clock = new FakeClock(1000.25);
  sink!: ClientCallSink;
  readonly sent: string[] = [];
  readonly pauses: boolean[] = [];
  writable = true;
  halfClosed = false;
  cancelled = false;
  readonly stream: ClientStream;
  readonly memory: MemoryPool;

  constructor(memory = new MemoryPool(), encoding = "identity", options: CallOptions = {}) {
    this.memory = memory;
    const call = {
      sendMessage: (message: Uint8Array) => void this.sent.push(untext(message)),
      sendLastMessage: (message: Uint8Array) => void this.sent.push(`${untext(message)}.`),
      halfClose: () => void (this.halfClosed = true),
      cancel: () => void (this.cancelled = true),
      setReadPaused: (paused: boolean) => void this.pauses.push(paused),
      encoding,
    };
    Object.defineProperty(call, "writable", { get: () => this.writable });
    const core = {
      clock: this.clock,
      deadlines: new DeadlineQueue(this.clock, assert.ifError),
      compress: false,
      memory,
      starter: {
        start: (_: unknown, sink: ClientCallSink) => {
          this.sink = sink;
          return call as unknown as ClientCall;
        },
      },
    } as unknown as CallCore;
    const method = {
      path: "/t.S/Chat",
      kind: "bidi_streaming",
      requestCodec: bytesCodec,
      responseCodec: bytesCodec,
      maxReceiveBytes: 1_000_000,
      maxSendBytes: 100,
      timeoutMs: Infinity,
      waitForReady: false,
    } as ClientMethod;
    this.stream = new ClientStream(core, method, options).begin();
  }

  receive(...messages: Uint8Array[]): void {
    for (const message of messages) this.sink.onMessage(message, false);
  }
}

Deno.test("reading pauses above 64 KiB of unread messages and resumes at half of that", async () => {
  const fixture = new Fixture();
  fixture.receive(new Uint8Array(32_768), new Uint8Array(32_768));
  assert.deepEqual(fixture.pauses, []);
  fixture.receive(new Uint8Array(1));
  assert.deepEqual(fixture.pauses, [true]);
  await fixture.stream.receive();
  assert.deepEqual(fixture.pauses, [true]);
  await fixture.stream.receive();
  assert.deepEqual(fixture.pauses, [true, false]);
});

Deno.test("reading pauses above 1,024 unread messages, as empty ones cost memory too", async () => {
  const fixture = new Fixture();
  for (let i = 0; i < 1_024; i++) fixture.receive(EMPTY);
  assert.deepEqual(fixture.pauses, []);
  fixture.receive(EMPTY);
  assert.deepEqual(fixture.pauses, [true]);
  for (let i = 0; i < 512; i++) await fixture.stream.receive();
  assert.deepEqual(fixture.pauses, [true]);
  await fixture.stream.receive();
  assert.deepEqual(fixture.pauses, [true, false]);
});

Deno.test("send() resolves once the call is writable", async () => {
  const fixture = new Fixture();
  await fixture.stream.send(text("a"));
  fixture.writable = false;
  let resolved = false;
  const second = fixture.stream.send(text("b")).then(() => resolved = true);
  await Promise.resolve();
  assert.equal(resolved, false);
  fixture.sink.onWritable();
  await second;
  assert.deepEqual(fixture.sent, ["a", "b"]);
});

Deno.test("a message above the limit fails the call with RESOURCE_EXHAUSTED", async () => {
  const fixture = new Fixture();
  const error = await failure(fixture.stream.send(new Uint8Array(101)));
  assert.equal(error.code, Status.RESOURCE_EXHAUSTED);
  assert.equal(fixture.cancelled, true);
  assert.equal(fixture.stream.error, error);
});

Deno.test("queued messages are received before the status", async () => {
  const fixture = new Fixture();
  fixture.receive(text("last"));
  fixture.sink.onStatus(Status.ABORTED, "no more", none, "processed");
  assert.equal(untext((await fixture.stream.receive())!), "last");
  assert.equal((await failure(fixture.stream.receive())).code, Status.ABORTED);
});

Deno.test("an abort after the end of a call drops the messages that are not read yet", async () => {
  for (const code of [Status.OK, Status.ABORTED]) {
    const abort = new AbortController();
    const { sink, stream } = new Fixture(undefined, undefined, { signal: abort.signal });
    sink.onMessage(text("one"), false);
    sink.onMessage(text("two"), false);
    sink.onStatus(code, "over", none, "processed");
    assert.equal(untext((await stream.receive())!), "one");
    abort.abort();
    const expected = code === Status.OK ? Status.CANCELLED : code;
    for (let i = 0; i < 2; i++) assert.equal((await failure(stream.receive())).code, expected);
  }
  const abort = new AbortController();
  const { sink, stream } = new Fixture(undefined, undefined, { signal: abort.signal });
  sink.onMessage(text("last"), false);
  sink.onStatus(Status.OK, "", none, "processed");
  assert.equal(untext((await stream.receive())!), "last");
  abort.abort();
  assert.equal(await stream.receive(), null);
});

Deno.test("cancelling drops queued messages and rejects pending sends", async () => {
  const fixture = new Fixture();
  fixture.receive(text("unread"));
  fixture.writable = false;
  const pending = failure(fixture.stream.send(text("a")));
  const reason = RpcError.from(new Error("enough"));
  fixture.stream.cancel(reason);
  assert.equal(await pending, reason);
  assert.equal(await failure(fixture.stream.receive()), reason);
  assert.equal(fixture.cancelled, true);
});

Deno.test("one receive at a time, and no send after closeSend()", async () => {
  const fixture = new Fixture();
  const first = fixture.stream.receive();
  await assert.rejects(fixture.stream.receive(), TypeError);
  fixture.stream.closeSend();
  assert.equal(fixture.halfClosed, true);
  await assert.rejects(fixture.stream.send(text("late")), TypeError);
  fixture.sink.onStatus(Status.OK, "", none, "processed");
  assert.equal(await first, null);
});

Deno.test("unread messages count against the channel's memory, with 256 bytes on top of each", async () => {
  const memory = new MemoryPool(100_000);
  const others = new Fixture(memory);
  const f = new Fixture(memory);
  f.sink.onMessage(text("a"), false);
  assert.equal(memory.used, 257);
  assert.equal(untext((await f.stream.receive())!), "a");
  assert.equal(memory.used, 0);
  // A message that a reader waits for counts nothing.
  const waiting = f.stream.receive();
  f.sink.onMessage(text("b"), false);
  assert.equal(untext((await waiting)!), "b");
  assert.equal(memory.used, 0);
  for (let i = 0; i < 1_000 && !f.cancelled; i++) f.sink.onMessage(EMPTY, false);
  assert.equal(f.cancelled, true);
  assert.equal(memory.used, 0);
  const error = await failure(f.stream.receive());
  assert.equal(error.code, Status.RESOURCE_EXHAUSTED);
  assert.match(error.message, /limits\.maxBufferedBytes is used up/);
  // Other calls of the channel go on.
  others.sink.onMessage(text("c"), false);
  assert.equal(untext((await others.stream.receive())!), "c");
});

Deno.test("the end of a call, and its cancellation, return what its unread messages count", async () => {
  const f = new Fixture();
  for (let i = 0; i < 10; i++) f.sink.onMessage(text("a"), false);
  assert.equal(f.memory.used, 2_570);
  f.sink.onStatus(Status.OK, "", none, "processed");
  assert.equal(f.memory.used, 0);
  for (let i = 0; i < 10; i++) assert.equal(untext((await f.stream.receive())!), "a");
  assert.equal(await f.stream.receive(), null);
  assert.equal(f.memory.used, 0);
  const g = new Fixture();
  g.sink.onMessage(text("a"), false);
  g.stream.cancel(new RpcError(Status.CANCELLED, "enough"));
  assert.equal(g.memory.used, 0);
});

Deno.test("compressed messages wait compressed", async () => {
  const f = new Fixture(new MemoryPool(1_000_000), "gzip");
  const packed = new Uint8Array(gzipSync(new Uint8Array(900_000)));
  for (let i = 0; i < 20; i++) f.sink.onMessage(packed, true);
  assert.equal(f.memory.used, 20 * (packed.length + 256));
  for (let i = 0; i < 20; i++) assert.equal((await f.stream.receive())!.length, 900_000);
  f.sink.onMessage(text("not gzip"), true);
  f.sink.onMessage(packed, true);
  assert.equal((await failure(f.stream.receive())).code, Status.INTERNAL);
  assert.equal(f.cancelled, true);
  assert.equal((await failure(f.stream.receive())).code, Status.INTERNAL);
  // After the end of the call as well.
  const g = new Fixture(new MemoryPool(), "gzip");
  g.sink.onMessage(text("not gzip"), true);
  g.sink.onStatus(Status.OK, "", none, "processed");
  assert.equal((await failure(g.stream.receive())).code, Status.INTERNAL);
  assert.equal((await failure(g.stream.receive())).code, Status.INTERNAL);
});

for (const wire of ["grpc", "lean"] as const) {
  Deno.test(`a server that floods a reader which does not read costs its call alone: ${wire}`, async () => {
    await using server = await serve(memoryAddress("flood"), (router) => {
      router.method("/flood/Many", { kind: "bidi_streaming" }, async function* () {
        for (let i = 0; i < 1_000_000; i++) yield ONE;
      });
      router.method("/flood/Echo", {}, (request) => request);
    });
    await using channel = connect(server.addresses[0], {
      wire,
      poolSize: 1,
      limits: { maxBufferedBytes: 1_048_576 },
    });
    await using flood = channel.session("/flood/Many", { initial: ONE });
    const read = async () => {
      while (await flood.receive() !== null) { /* fewer than arrive */ }
    };
    await flood.receive();
    await until(() => server.stats().calls.active === 0);
    const error = await failure(read());
    assert.equal(error.code, Status.RESOURCE_EXHAUSTED);
    assert.match(error.message, /limits\.maxBufferedBytes/);
    assert.deepEqual(await channel.call("/flood/Echo", ONE), ONE);
  });
}

Deno.test("by default a call may leave a whole window of tiny messages unread", async () => {
  const f = new Fixture();
  for (let i = 0; i < LEAN_LIMITS.callWindowBytes; i++) f.sink.onMessage(ONE, false);
  assert.equal(f.cancelled, false);
  assert.equal((await f.stream.receive())!.length, 1);
  f.stream.cancel(new RpcError(Status.CANCELLED, "enough"));
  assert.equal(f.memory.used, 0);
});
