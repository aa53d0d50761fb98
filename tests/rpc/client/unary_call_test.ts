import assert from "node:assert/strict";
import { connect, type Metadata, RpcError, serve, Status } from "../../../mod.ts";
import { Metadata as Pairs } from "../../../src/call/metadata.ts";
import type {
  CallRequest,
  ClientCall,
  ClientCallSink,
  ClientConnection,
} from "../../../src/call/wire.ts";
import { MemoryPool } from "../../../src/limits/memory_pool.ts";
import type { CallCore, ClientMethod } from "../../../src/rpc/client/call_core.ts";
import { callUnary } from "../../../src/rpc/client/unary_call.ts";
import type { Connection } from "../../../src/rpc/pool/connection.ts";
import type { PickWaiter } from "../../../src/rpc/pool/pick_queue.ts";
import { DeadlineQueue } from "../../../src/rpc/core/deadline_queue.ts";
import { bytesCodec } from "../../../src/codec/bytes.ts";
import { EMPTY, text, untext } from "../../fixtures/bytes.ts";
import { failure } from "../../../src/testing/failure.ts";
import { memoryAddress } from "../../fixtures/names.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";

const none = () => new Pairs();

/** A connection that records the calls started on it and whether they were cancelled. */
class FakeWire {
  readonly started: { request: CallRequest; sink: ClientCallSink; cancelled: boolean }[] = [];
  readonly clock = new FakeClock(1000.25);
  readonly deadlines = new DeadlineQueue(this.clock, assert.ifError);

  readonly connection = {
    free: true,
    startCall: (request: CallRequest, sink: ClientCallSink): ClientCall => {
      const entry = { request, sink, cancelled: false };
      this.started.push(entry);
      return {
        sendMessage() {},
        sendLastMessage() {},
        halfClose() {},
        cancel: () => void (entry.cancelled = true),
        writable: true,
        setReadPaused() {},
        encoding: "identity",
      } as unknown as ClientCall;
    },
  } as unknown as Connection & ClientConnection;

  readonly core = {
    pool: { tryPick: () => this.connection, enqueue() {}, dequeue() {} },
    clock: this.clock,
    deadlines: this.deadlines,
    random: () => 0.5,
    compress: false,
    authority: undefined,
    batcher: undefined,
    memory: new MemoryPool(),
  } as unknown as CallCore;

  readonly method: ClientMethod = {
    path: "/a.B/C",
    kind: "unary",
    requestCodec: bytesCodec,
    responseCodec: bytesCodec,
    config: undefined,
    maxReceiveBytes: 1_000,
    maxSendBytes: Infinity,
    waitForReady: false,
    timeoutMs: Infinity,
    hasPolicy: false,
  } as ClientMethod;

  call(options = {}) {
    return callUnary<Uint8Array>(this.core, this.method, text("x"), options);
  }
}

Deno.test("a unary call with no reply or two fails with UNIMPLEMENTED", async () => {
  const wire = new FakeWire();
  const without = failure(wire.call());
  wire.started[0].sink.onStatus(Status.OK, "", none, "processed");
  assert.equal((await without).code, Status.UNIMPLEMENTED);

  const two = failure(wire.call());
  wire.started[1].sink.onMessage(EMPTY, false);
  wire.started[1].sink.onMessage(EMPTY, false);
  assert.equal((await two).code, Status.UNIMPLEMENTED);
  assert.ok(wire.started[1].cancelled);
});

Deno.test("an error status after a reply fails the call", async () => {
  const wire = new FakeWire();
  const call = failure(wire.call());
  wire.started[0].sink.onMessage(text("reply"), false);
  wire.started[0].sink.onStatus(Status.ABORTED, "no", none, "processed");
  assert.equal((await call).code, Status.ABORTED);
});

Deno.test("a unary call restarts when unprocessed, once when refused, never when processed", async () => {
  const wire = new FakeWire();
  const turn = () => new Promise((resolve) => setTimeout(resolve, 0));
  const call = wire.call();
  wire.started[0].sink.onStatus(Status.UNAVAILABLE, "", none, "unprocessed");
  await turn();
  wire.started[1].sink.onStatus(Status.UNAVAILABLE, "", none, "refused");
  await turn();
  wire.started[2].sink.onMessage(text("third time"), false);
  wire.started[2].sink.onStatus(Status.OK, "", none, "processed");
  assert.equal(untext(await call), "third time");

  const refused = failure(wire.call());
  wire.started[3].sink.onStatus(Status.UNAVAILABLE, "", none, "refused");
  await turn();
  wire.started[4].sink.onStatus(Status.UNAVAILABLE, "again", none, "refused");
  assert.equal((await refused).message, "again");

  const processed = failure(wire.call());
  wire.started[5].sink.onStatus(Status.UNAVAILABLE, "lost", none, "processed");
  assert.equal((await processed).message, "lost");
  assert.equal(wire.started.length, 6);
});

Deno.test("the deadline is sent to the server and enforced by the client", async () => {
  const wire = new FakeWire();
  const call = failure(wire.call({ timeoutMs: 250 }));
  assert.equal(wire.started[0].request.timeoutMs, 250);
  wire.clock.tick(251);
  assert.equal((await call).code, Status.DEADLINE_EXCEEDED);
  assert.ok(wire.started[0].cancelled);
  wire.deadlines.close();
});

Deno.test("a call whose deadline has passed is not sent: at the start, with a connection, as a retry", async () => {
  const wire = new FakeWire();
  const turn = () => new Promise((resolve) => setTimeout(resolve, 0));
  const parent = { timeRemainingMs: () => 0 };
  for (const options of [{ timeoutMs: 0 }, { timeoutMs: 250, parent }]) {
    assert.equal((await failure(wire.call(options))).code, Status.DEADLINE_EXCEEDED);
  }
  assert.equal(wire.deadlines.size, 0);

  let waiter: PickWaiter | undefined;
  const pool = wire.core.pool as unknown as {
    tryPick: unknown;
    enqueue: (one: PickWaiter) => void;
  };
  const { tryPick } = pool;
  pool.tryPick = () => undefined;
  pool.enqueue = (one) => waiter = one;
  const queued = failure(wire.call({ timeoutMs: 10 }));
  wire.clock.block(10);
  waiter!.onPick(wire.connection);
  assert.equal((await queued).code, Status.DEADLINE_EXCEEDED);
  pool.tryPick = tryPick;
  assert.equal(wire.started.length, 0);

  const retried = failure(wire.call({ timeoutMs: 10 }));
  wire.started[0].sink.onStatus(Status.UNAVAILABLE, "", none, "unprocessed");
  wire.clock.block(10);
  await turn();
  assert.equal((await retried).code, Status.DEADLINE_EXCEEDED);
  assert.equal(wire.started.length, 1);
  wire.deadlines.close();
});

Deno.test("the time sent to the server is what is left, under 1 ms too", async () => {
  const wire = new FakeWire();
  const call = failure(wire.call({ timeoutMs: 0.25 }));
  assert.equal(wire.started[0].request.timeoutMs, 0.25);
  wire.clock.tick(2);
  assert.equal((await call).code, Status.DEADLINE_EXCEEDED);
  wire.deadlines.close();
});

Deno.test("events after the end of a call are ignored", async () => {
  const wire = new FakeWire();
  const call = wire.call();
  const { sink } = wire.started[0];
  sink.onMessage(text("one"), false);
  sink.onStatus(Status.OK, "", none, "processed");
  assert.equal(untext(await call), "one");
  sink.onMessage(text("two"), false);
  sink.onStatus(Status.INTERNAL, "", none, "processed");
});

Deno.test("onTrailers receives the trailers of a failed call", async () => {
  await using server = await serve(memoryAddress(), (router) => {
    router.method("/fail", {}, (_, ctx) => {
      ctx.responseTrailers.set("t", "2");
      throw new RpcError(Status.NOT_FOUND, "gone");
    });
  });
  await using channel = connect(server.addresses[0]);
  let trailers: Metadata | undefined;
  await failure(channel.call("/fail", EMPTY, { onTrailers: (metadata) => trailers = metadata }));
  assert.equal(trailers?.get("t"), "2");
});
