import assert from "node:assert/strict";
import { Metadata } from "../../src/call/metadata.ts";
import { Status } from "../../src/call/status.ts";
import { MemoryPool } from "../../src/limits/memory_pool.ts";
import type { ServerCall } from "../../src/call/wire.ts";
import { echo, gather, Outcome, Pair, pieces, request, whole } from "./pair.ts";
import { serverCallSink } from "../fixtures/sinks.ts";

const bytes = (n: number, seed = 7) => new Uint8Array(n).map((_, i) => (i * 31 + seed) & 0xff);

for (
  const [name, cut] of [["whole", whole], ["byte by byte", pieces(1)], [
    "in 7s",
    pieces(7),
  ]] as const
) {
  Deno.test(`unary call, bytes ${name}`, () => {
    const pair = new Pair(echo, { cut });
    pair.run();
    assert(pair.client.usable);
    for (let i = 0; i < 5; i++) {
      const outcome = new Outcome();
      const call = pair.client.startCall(request("/test.Echo/Unary", { timeoutMs: 1500 }), outcome);
      call.sendLastMessage(bytes(i * 100), false);
      pair.run();
      assert.equal(outcome.code, Status.OK);
      assert.deepEqual(outcome.messages, [bytes(i * 100)]);
    }
    assert.equal(pair.server.activeCalls, 0);
    assert.equal(pair.client.activeCalls, 0);
  });

  Deno.test(`1 MiB both ways through small windows, bytes ${name}`, () => {
    if (name !== "whole" && name !== "in 7s") return;
    const pair = new Pair(echo, { cut });
    pair.run();
    const outcome = new Outcome();
    const call = pair.client.startCall(request("/test.Echo/Unary"), outcome);
    call.sendLastMessage(bytes(1 << 20), false);
    pair.run();
    assert.equal(outcome.code, Status.OK);
    assert.deepEqual(outcome.messages[0], bytes(1 << 20));
  });
}

Deno.test("every cut of a small exchange gives the same outcome", () => {
  for (let at = 1; at < 300; at++) {
    const pair = new Pair(echo, {
      cut: (b) => [b.subarray(0, at), b.subarray(at)].filter((p) => p.length > 0),
    });
    pair.run();
    const outcome = new Outcome();
    pair.client.startCall(
      request("/test.Echo/Unary", { metadata: new Metadata({ "x-key": "v", "y-bin": bytes(9) }) }),
      outcome,
    )
      .sendLastMessage(bytes(64), false);
    pair.run();
    assert.equal(outcome.code, Status.OK);
    assert.deepEqual(outcome.messages, [bytes(64)]);
  }
});

Deno.test("metadata travels both ways, repeated and binary", () => {
  let seen: Metadata | null = null;
  const pair = new Pair((call) => {
    seen = call.metadata;
    call.sink = gather(call, (messages) => {
      call.sendHeaders(new Metadata([["h", "1"], ["h", "2"], ["h-bin", bytes(3)]]));
      call.sendMessage(messages[0], false);
      call.sendStatus(
        Status.NOT_FOUND,
        "no such thing: 100 % ünïcode\n",
        new Metadata({ "t-bin": bytes(300) }),
      );
      call.handlerDone();
    });
  });
  pair.run();
  const outcome = new Outcome();
  const metadata = new Metadata([["a", "1"], ["a", "2"], ["b-bin", bytes(5)], ["b-bin", bytes(6)], [
    "authorization",
    "x",
  ]]);
  pair.client.startCall(request("/a/b", { metadata }), outcome).sendLastMessage(bytes(1), false);
  pair.run();
  assert.deepEqual(seen!.getAll("a"), ["1", "2"]);
  assert.deepEqual(seen!.getAll("b-bin"), [bytes(5), bytes(6)]);
  assert.equal(seen!.get("authorization"), "x");
  assert.equal(seen!.get("user-agent"), "vrpc");
  assert.equal(outcome.code, Status.NOT_FOUND);
  assert.equal(outcome.statuses[0].message, "no such thing: 100 % ünïcode\n");
  assert.deepEqual(outcome.headers!.getAll("h"), ["1", "2"]);
  assert.deepEqual(outcome.headers!.get("h-bin"), bytes(3));
  assert.deepEqual(outcome.trailers!.get("t-bin"), bytes(300));
});

Deno.test("a message over the limit is refused when its length arrives", () => {
  const cancels: string[] = [];
  const pair = new Pair((call) => {
    call.sink = {
      onMessage() {},
      onHalfClose() {},
      onWritable() {},
      onCancel: (code, reason) => {
        cancels.push(`${code} ${reason}`);
        call.handlerDone();
      },
    };
  }, { server: { maxReceiveMessageBytes: 100 } });
  pair.run();
  const outcome = new Outcome();
  pair.client.startCall(request("/a/b"), outcome).sendLastMessage(bytes(101), false);
  pair.run();
  assert.equal(outcome.code, Status.RESOURCE_EXHAUSTED);
  assert.match(outcome.statuses[0].message, /101 bytes: the limit is 100/);
  assert.equal(cancels.length, 1);
  assert.equal(pair.server.activeCalls, 0);
});

Deno.test("cancel by the client reaches the server once and frees the slot when the handler ends", () => {
  let call: ServerCall | null = null;
  const cancels: number[] = [];
  const pair = new Pair((c) => {
    call = c;
    c.sink = {
      onMessage() {},
      onHalfClose() {},
      onWritable() {},
      onCancel: (code) => cancels.push(code),
    };
  });
  pair.run();
  const outcome = new Outcome();
  const mine = pair.client.startCall(request("/a/b"), outcome);
  mine.sendLastMessage(bytes(1), false);
  pair.run();
  mine.cancel();
  mine.cancel();
  pair.run();
  assert.deepEqual(cancels, [Status.CANCELLED]);
  assert.equal(outcome.statuses.length, 0);
  assert.equal(pair.server.activeCalls, 1);
  call!.handlerDone();
  call!.handlerDone();
  assert.equal(pair.server.activeCalls, 0);
});

Deno.test("RFC 9113 §5.1.2: calls above the stream limit are refused and not counted as processed", () => {
  const pair = new Pair((call) => {
    call.sink = serverCallSink();
  }, { server: { maxConcurrentStreams: 2 } });
  const outcomes = [1, 2, 3].map(() => new Outcome());
  pair.run();
  assert.equal(pair.client.maxCalls, 2);
  pair.client.startCall(request("/a/b"), outcomes[0]);
  pair.client.startCall(request("/a/b"), outcomes[1]);
  assert.throws(() => pair.client.startCall(request("/a/b"), outcomes[2]), RangeError);
});

Deno.test("RFC 9113 §6.8: in a drain open calls finish, new ones are refused, both ends finish", () => {
  let held: ServerCall | null = null;
  const pair = new Pair((call) => {
    call.sink = gather(call, () => held = call);
  });
  pair.run();
  const outcome = new Outcome();
  pair.client.startCall(request("/a/b"), outcome).sendLastMessage(bytes(2), false);
  pair.run();
  pair.server.drain(pair.nowMs);
  pair.run();
  assert.equal(pair.client.usable, false);
  assert.equal(pair.server.finished, false);
  held!.respond(bytes(3));
  held!.handlerDone();
  pair.run();
  assert.equal(outcome.code, Status.OK);
  assert(pair.server.finished);
  assert(pair.server.closedGracefully);
  assert(pair.client.finished);
});

Deno.test("a lost connection ends every call with UNAVAILABLE, once", () => {
  const pair = new Pair((call) => {
    call.sink = {
      onMessage() {},
      onHalfClose() {},
      onWritable() {},
      onCancel: () => call.handlerDone(),
    };
  });
  pair.run();
  const outcomes = [new Outcome(), new Outcome()];
  for (const outcome of outcomes) pair.client.startCall(request("/a/b"), outcome);
  pair.run();
  pair.client.transportLost("gone", pair.nowMs);
  pair.client.transportLost("gone", pair.nowMs);
  pair.server.transportLost("gone", pair.nowMs);
  for (const outcome of outcomes) {
    assert.deepEqual(outcome.statuses.map((s) => s.code), [Status.UNAVAILABLE]);
  }
  assert.equal(pair.server.activeCalls, 0);
});

Deno.test("a paused reader pauses the writer; memory stays bounded", () => {
  const received: number[] = [];
  let call: ServerCall | null = null;
  const pair = new Pair((c) => {
    call = c;
    c.sink = {
      onMessage: (m) => received.push(m.length),
      onHalfClose() {},
      onWritable() {},
      onCancel() {},
    };
    c.setReadPaused(true);
  });
  pair.run();
  const outcome = new Outcome();
  const mine = pair.client.startCall(request("/a/b", { requestStreams: true }), outcome);
  let sent = 0;
  while (mine.writable && sent < 10_000) {
    mine.sendMessage(bytes(1000), false);
    sent++;
    pair.run();
  }
  assert(sent < 200, `${sent} messages of 1000 bytes were taken while the reader was paused`);
  call!.setReadPaused(false);
  pair.run();
  assert.equal(received.length, sent);
  assert(outcome.writableCalls > 0);
});

Deno.test("gRPC A8: keepalive closes a connection whose peer does not answer", () => {
  const pair = new Pair(echo, {
    client: { keepaliveTimeMs: 10_000, keepaliveTimeoutMs: 1_000, keepaliveWithoutCalls: true },
  });
  pair.run();
  pair.nowMs += 10_001;
  pair.client.onTimer(pair.nowMs);
  pair.client.out.clear(); // the ping is lost
  pair.nowMs += 1_001;
  pair.client.onTimer(pair.nowMs);
  assert(pair.client.finished);
});

Deno.test("gRPC A8: a server closes a connection that pings too often with too_many_pings", () => {
  const pair = new Pair(echo);
  pair.run();
  for (let i = 0; i < 5; i++) pair.client.ping(pair.nowMs, () => {});
  pair.run();
  assert(pair.server.finished);
  assert(pair.notes.some((n) => n.includes("too_many_pings")));
});

Deno.test("a large message is refused when the server's memory is used up; memory is freed at the end of the call", () => {
  const pool = new MemoryPool(300_000);
  const pair = new Pair(echo, { server: { memory: pool } });
  pair.run();
  const outcomes = [0, 1, 2, 3, 4].map(() => new Outcome());
  // Each announces 200 kB, sends all but the last bytes, and stays.
  const calls = outcomes.map((outcome) => {
    const call = pair.client.startCall(request("/a/b", { requestStreams: true }), outcome);
    pair.run();
    return call;
  });
  for (let i = 0; i < calls.length; i++) {
    const id = 1 + 2 * i;
    for (let at = 0; at < 4; at++) {
      const payload = new Uint8Array(9 + 16_000);
      payload.set([0, 0x3e, 0x80, 0, 0, 0, 0, 0, id]);
      if (at === 0) payload.set([0, 0, 0x03, 0x0d, 0x40], 9);
      pair.server.receive(payload, pair.nowMs);
    }
  }
  assert(pool.used <= 300_000);
  pair.run();
  assert(outcomes.some((o) => o.code === Status.RESOURCE_EXHAUSTED));
  pair.server.transportLost("gone", pair.nowMs);
  assert.equal(pool.used, 0);
});

Deno.test("a large reply after a long silence does not count as stalled", () => {
  let call: ServerCall | undefined;
  const pair = new Pair((arrived) => {
    call = arrived;
    arrived.sink = gather(arrived, () => {});
  });
  pair.run();
  const outcome = new Outcome();
  pair.client.startCall(request("/test.Echo/Slow"), outcome).sendLastMessage(bytes(1), false);
  pair.run();
  // Twice as long as a reply may stand still at most.
  pair.nowMs += 20 * 30_000;
  call!.respond(new Uint8Array(1_000_000));
  call!.handlerDone();
  // Timers are looked at before the client's credit has come.
  if (pair.server.nextTimerMs() <= pair.nowMs) pair.server.onTimer(pair.nowMs);
  pair.run();
  assert.deepEqual(outcome.statuses.map(({ code }) => code), [Status.OK]);
});
