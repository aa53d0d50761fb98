import assert from "node:assert/strict";
import { MemoryPool } from "../../src/limits/memory_pool.ts";
import { Metadata } from "../../src/call/metadata.ts";
import { Status } from "../../src/call/status.ts";
import { Control } from "../../src/lean/format/frames.ts";
import {
  concat,
  control,
  drain,
  echo,
  OK,
  Pair,
  recordedClient,
  recordedServer,
  start,
  utf8,
} from "./harness.ts";

// Each test runs with the wire whole and cut into single bytes.
const CUTS: [string, (bytes: number) => number][] = [["whole", (n) => n], [
  "byte by byte",
  () => 1,
]];

for (const [name, cut] of CUTS) {
  Deno.test(`a unary call comes back, ${name}`, () => {
    const pair = new Pair({ handle: echo, cut });
    pair.run();
    assert.equal(pair.client.engine.ready, true);
    const call = start(pair.client.engine, "/echo");
    call.call.sendLastMessage(utf8("hello"), false);
    assert.equal(pair.client.engine.activeCalls, 1);
    pair.run();
    assert.deepEqual(call.messages, ["hello"]);
    assert.equal(call.status, OK);
    assert.deepEqual(call.events, ["headers", "message 5", "status OK"]);
    assert.equal(pair.client.engine.activeCalls, 0);
    assert.equal(pair.server.engine.activeCalls, 0);
    assert.deepEqual(pair.server.notes, []);
  });

  Deno.test(`metadata, timeout, headers, trailers and status travel, ${name}`, () => {
    const pair = new Pair({ cut });
    pair.run();
    const call = start(pair.client.engine, "/m", {
      metadata: new Metadata([["a", "1"], ["a", "2"], ["b-bin", Uint8Array.of(0, 255)]]),
      timeoutMs: 1234.5,
      authority: "there",
    });
    call.call.sendLastMessage(utf8("x"), false);
    pair.run();
    const { call: served } = pair.server.calls[0];
    assert.equal(served.timeoutMs, 1235);
    assert.equal(served.authority, "there");
    assert.deepEqual(served.metadata.getAll("a"), ["1", "2"]);
    assert.deepEqual(served.metadata.get("b-bin"), Uint8Array.of(0, 255));
    served.sendHeaders(new Metadata({ h: "head" }));
    served.sendMessage(utf8("one"), false);
    served.sendStatus(Status.NOT_FOUND, "nothing: ☃", new Metadata({ t: "tail" }));
    served.handlerDone();
    pair.run();
    assert.equal(call.headers?.get("h"), "head");
    assert.deepEqual(call.messages, ["one"]);
    assert.equal(call.status, Status.NOT_FOUND);
    assert.equal(call.message, "nothing: ☃");
    assert.equal(call.trailers?.get("t"), "tail");
    assert.equal(call.progress, "processed");
  });

  Deno.test(`a bidirectional call half-closes on its own, ${name}`, () => {
    const pair = new Pair({ cut });
    pair.run();
    const call = start(pair.client.engine, "/chat", {
      requestStreams: true,
      singleResponse: false,
    });
    pair.run();
    const served = pair.server.calls[0];
    served.call.sendMessage(utf8("server first"), false);
    call.call.sendMessage(utf8("a"), false);
    call.call.sendMessage(utf8(""), false);
    pair.run();
    assert.deepEqual(served.messages, ["a", ""]);
    call.call.halfClose();
    pair.run();
    assert.deepEqual(served.events, ["message 1", "message 0", "half-close"]);
    served.call.sendMessage(utf8("late"), false);
    served.call.sendStatus(OK, "", new Metadata({ t: "1" }));
    served.call.handlerDone();
    pair.run();
    assert.deepEqual(call.messages, ["server first", "late"]);
    assert.equal(call.status, OK);
    assert.equal(call.trailers?.get("t"), "1");
  });

  Deno.test(`large messages go both ways in pieces under credit, ${name}`, () => {
    const size = name === "whole" ? 3_000_000 : 300_000;
    const pair = new Pair({ handle: echo, cut });
    pair.run();
    const call = start(pair.client.engine, "/echo");
    call.call.sendLastMessage(new Uint8Array(size).fill(97), false);
    pair.run();
    assert.equal(call.status, OK);
    assert.equal(call.messages[0].length, size);
    assert.ok(call.messages[0] === "a".repeat(size));
    assert.equal(pair.server.engine.bufferedBytes, 0);
    assert.equal(pair.client.engine.bufferedBytes, 0);
  });
}

Deno.test("routes are numbered after their first use, and the numbers agree", () => {
  const pair = new Pair({ handle: echo, server: { maxRoutes: 2 } });
  pair.run();
  for (const route of ["/a", "/b", "/a", "/c", "/c", "/b", "/a", "vrpc/hello"]) {
    const call = start(pair.client.engine, route);
    call.call.sendLastMessage(utf8("x"), false);
    pair.run();
    assert.equal(call.status, OK);
    assert.equal(pair.server.calls.at(-1)?.call.path, route);
  }
});

Deno.test("with a peer that knows the hello, calls go out with it", () => {
  const pair = new Pair({ handle: echo, client: { peerKnowsHello: true } });
  const { engine } = pair.client;
  assert.equal(engine.usable, true);
  const small = start(engine, "/echo");
  small.call.sendLastMessage(utf8("at once"), false);
  const large = start(engine, "/echo");
  large.call.sendLastMessage(new Uint8Array(500_000).fill(98), false);
  const again = start(engine, "/echo");
  again.call.sendLastMessage(utf8("again"), false);
  pair.run();
  assert.equal(small.messages[0], "at once");
  assert.equal(large.messages[0].length, 500_000);
  assert.equal(again.messages[0], "again");
  const after = start(engine, "/echo");
  after.call.sendLastMessage(utf8("after"), false);
  pair.run();
  assert.deepEqual(after.messages, ["after"]);
  assert.deepEqual(pair.server.calls.map((c) => c.call.path), ["/echo", "/echo", "/echo", "/echo"]);
});

Deno.test("a cancel reaches the handler, and frees the client at once", () => {
  const pair = new Pair();
  pair.run();
  const call = start(pair.client.engine, "/slow");
  call.call.sendLastMessage(utf8("x"), false);
  pair.run();
  call.call.cancel();
  assert.equal(pair.client.engine.activeCalls, 0);
  pair.run();
  assert.deepEqual(
    pair.server.calls[0].events.at(-1),
    "cancel CANCELLED: The client cancelled the call",
  );
  assert.equal(call.status, undefined);
  pair.server.calls[0].call.sendStatus(OK, "");
  pair.server.calls[0].call.sendMessage(utf8("nobody"), false);
  pair.run();
  assert.equal(pair.client.engine.finished, false);
});

Deno.test("a paused reader stops the sender, with bounded memory, and goes on", () => {
  const pair = new Pair();
  pair.run();
  const call = start(pair.client.engine, "/s", { requestStreams: true, singleResponse: false });
  pair.run();
  const served = pair.server.calls[0];
  served.call.setReadPaused(true);
  const chunk = new Uint8Array(10_000);
  let sent = 0;
  while (call.call.writable && sent < 1_000) {
    call.call.sendMessage(chunk, false);
    sent++;
    pair.run();
  }
  assert.ok(sent < 30, `${sent} chunks went out`);
  assert.ok(served.raw.length * 10_000 <= 131_072);
  const before = served.raw.length;
  served.call.setReadPaused(false);
  pair.run();
  assert.ok(served.raw.length > before);
  assert.equal(call.events.at(-1), "writable");
  assert.equal(served.raw.length, sent);
});

Deno.test("calls above the limit are refused, and say that they may be tried elsewhere", () => {
  const pair = new Pair({ server: { maxConcurrentStreams: 2 } });
  pair.run();
  assert.equal(pair.client.engine.maxCalls, 2);
  const first = start(pair.client.engine, "/x");
  first.call.sendLastMessage(utf8(""), false);
  const second = start(pair.client.engine, "/x");
  second.call.sendLastMessage(utf8(""), false);
  assert.throws(() => start(pair.client.engine, "/x"), /2 calls are open, limit is 2/);
  // The client's slot is free at once, the handler still runs.
  first.call.cancel();
  pair.server.engine.onOutput = () => {};
  pair.run();
  assert.equal(pair.server.engine.activeCalls, 1);
});

Deno.test("handlers that still run count against the limit", () => {
  const pair = new Pair({
    server: { maxConcurrentStreams: 1 },
    handle: () => ({ onMessage() {}, onHalfClose() {}, onCancel() {}, onWritable() {} }),
  });
  pair.run();
  const first = start(pair.client.engine, "/x");
  first.call.sendLastMessage(utf8(""), false);
  pair.run();
  first.call.cancel();
  const second = start(pair.client.engine, "/x");
  second.call.sendLastMessage(utf8(""), false);
  pair.run();
  assert.equal(second.status, Status.UNAVAILABLE);
  assert.equal(second.progress, "refused");
  pair.server.calls[0].call.handlerDone();
  const third = start(pair.client.engine, "/x");
  third.call.sendLastMessage(utf8(""), false);
  pair.run();
  assert.equal(third.status, undefined);
  assert.equal(pair.server.calls.length, 2);
});

Deno.test("a drain lets open calls finish, refuses what crosses it, then both sides are finished", () => {
  const pair = new Pair();
  pair.run();
  const open = start(pair.client.engine, "/x");
  open.call.sendLastMessage(utf8(""), false);
  pair.run();
  pair.server.engine.drain(0);
  // Not yet heard of it: this one crosses the goodbye.
  const crossing = start(pair.client.engine, "/x");
  crossing.call.sendLastMessage(utf8(""), false);
  pair.run();
  assert.equal(crossing.status, Status.UNAVAILABLE);
  assert.equal(crossing.progress, "refused");
  assert.equal(pair.client.engine.usable, false);
  assert.throws(() => start(pair.client.engine, "/x"), /not usable/);
  assert.equal(pair.server.engine.finished, false);
  pair.server.calls[0].call.respond(utf8("done"));
  pair.server.calls[0].call.handlerDone();
  pair.run();
  assert.equal(open.status, OK);
  assert.equal(pair.client.engine.finished, true);
  pair.wait(1_000);
  assert.equal(pair.server.engine.finished, true);
  assert.equal(pair.server.engine.closedGracefully, true);
});

Deno.test("an abort ends every call with UNAVAILABLE", () => {
  const pair = new Pair();
  pair.run();
  const call = start(pair.client.engine, "/x");
  call.call.sendLastMessage(utf8(""), false);
  pair.run();
  pair.server.engine.abort("Stopped by hand", 0);
  assert.equal(pair.server.engine.finished, true);
  assert.equal(pair.server.engine.closedGracefully, false);
  pair.run();
  assert.equal(call.status, Status.UNAVAILABLE);
  assert.equal(call.message, "Stopped by hand");
  assert.equal(pair.client.engine.finished, true);
});

Deno.test("a lost connection ends calls on both sides, once", () => {
  const pair = new Pair();
  pair.run();
  const sent = start(pair.client.engine, "/x");
  sent.call.sendLastMessage(utf8(""), false);
  const unsent = start(pair.client.engine, "/y");
  pair.run();
  pair.client.engine.transportLost("gone", 0);
  pair.client.engine.transportLost("gone again", 0);
  pair.server.engine.receiveEnd(0);
  assert.equal(sent.status, Status.UNAVAILABLE);
  assert.equal(sent.progress, "processed");
  assert.equal(unsent.progress, "unprocessed");
  assert.deepEqual(
    pair.server.calls[0].events.at(-1),
    "cancel UNAVAILABLE: The peer closed the connection",
  );
  assert.equal(pair.server.engine.activeCalls, 0);
});

Deno.test("ping comes back; keepalive pings a silent server and ends a dead connection", () => {
  const pair = new Pair({
    client: { keepaliveTimeMs: 10_000, keepaliveTimeoutMs: 1_000, keepaliveWithoutCalls: true },
    server: { minPingIntervalMs: 5_000, permitPingWithoutCalls: true },
  });
  pair.run();
  let ponged = 0;
  pair.client.engine.ping(0, () => ponged++);
  pair.run();
  assert.equal(ponged, 1);
  pair.wait(100_000);
  assert.equal(pair.client.engine.finished, false);
  assert.deepEqual(pair.server.notes, []);
  // The server falls silent.
  const { engine } = pair.client;
  for (let turn = 0; turn < 10 && !engine.finished; turn++) {
    engine.onTimer(Math.max(engine.nextTimerMs(), pair.nowMs));
    engine.out.clear();
  }
  assert.equal(engine.finished, true);
  assert.match(pair.client.notes[0], /No answer to a ping within 1000 ms/);
});

Deno.test("pings that come too fast are answered with a goodbye the client understands", () => {
  const pair = new Pair();
  pair.run();
  for (let i = 0; i < 4; i++) {
    pair.client.engine.ping(0, () => {});
    pair.run();
  }
  assert.equal(pair.client.engine.tooManyPings, true);
  assert.equal(pair.client.engine.finished, true);
  assert.match(pair.server.notes[0], /Too many pings: the least interval is 7200000 ms/);
});

Deno.test("a message above the limit fails its call on either side, not the connection", () => {
  const pair = new Pair({ server: { maxReceiveMessageBytes: 100_000 } });
  pair.run();
  const call = start(pair.client.engine, "/x");
  call.call.sendLastMessage(new Uint8Array(200_000), false);
  pair.run();
  assert.equal(call.status, Status.RESOURCE_EXHAUSTED);
  assert.match(pair.server.calls[0].events.at(-1)!, /cancel RESOURCE_EXHAUSTED/);
  const back = start(pair.client.engine, "/x", { maxReceiveMessageBytes: 10 });
  back.call.sendLastMessage(utf8(""), false);
  pair.run();
  pair.server.calls[1].call.respond(new Uint8Array(11));
  pair.server.calls[1].call.handlerDone();
  pair.run();
  assert.equal(back.status, Status.RESOURCE_EXHAUSTED);
  assert.equal(pair.client.engine.finished, false);
});

Deno.test("metadata that can't be sent fails the call", () => {
  const pair = new Pair();
  pair.run();
  const call = start(pair.client.engine, "/x", {
    metadata: new Metadata({ a: "x".repeat(70_000) }),
  });
  pair.wait(10);
  assert.equal(call.status, Status.INTERNAL);
  assert.equal(call.progress, "unprocessed");
  const big = start(pair.client.engine, "/x", {
    metadata: new Metadata({ a: "x".repeat(20_000) }),
  });
  big.call.sendLastMessage(utf8(""), false);
  pair.run();
  assert.equal(big.status, Status.RESOURCE_EXHAUSTED);
  assert.match(big.message, /limit is 16384/);
});

Deno.test("a connection that gets too old, or idles too long, is drained", () => {
  const old = new Pair({ server: { maxConnectionAgeMs: 1_000, maxConnectionAgeGraceMs: 500 } });
  old.run();
  const call = start(old.client.engine, "/x");
  call.call.sendLastMessage(utf8(""), false);
  old.wait(1_200);
  assert.equal(old.client.engine.usable, false);
  assert.equal(call.status, undefined);
  old.wait(500);
  assert.equal(call.status, Status.UNAVAILABLE);
  const idle = new Pair({ server: { maxConnectionIdleMs: 1_000 } });
  idle.wait(900);
  assert.equal(idle.client.engine.usable, true);
  idle.wait(200);
  assert.equal(idle.client.engine.finished, true);
});

Deno.test("a connection idles from the end of its last call on, whatever was read before", () => {
  const pair = new Pair({ server: { maxConnectionIdleMs: 1_000 } });
  pair.run();
  const call = start(pair.client.engine, "/x");
  call.call.sendLastMessage(utf8(""), false);
  pair.wait(5_500);
  const [{ call: served }] = pair.server.calls;
  served.respond(utf8(""));
  served.handlerDone();
  pair.wait(900);
  assert.equal(call.status, OK);
  assert.equal(pair.client.engine.usable, true);
  pair.wait(200);
  assert.equal(pair.client.engine.usable, false);
});

Deno.test("a client that has said goodbye can stay neither without calls nor beyond the age with one", () => {
  const server = { maxConnectionAgeMs: 1_000, maxConnectionAgeGraceMs: 500 };
  for (const calls of [0, 1]) {
    const pair = new Pair({ server });
    pair.run();
    const { engine } = pair.client;
    if (calls === 1) start(engine, "/x").call.sendLastMessage(utf8(""), false);
    pair.run();
    engine.out.bytes(control(Control.GOODBYE, 0, concat(Uint8Array.of(0), new Uint8Array(8))));
    pair.run();
    assert.equal(pair.server.engine.finished, false);
    pair.wait(calls === 0 ? 1_100 : 1_600);
    assert.equal(pair.server.engine.finished, true);
  }
});

Deno.test("what waits for credit does not stop the reading of credit", () => {
  const pair = new Pair({ handle: echo, client: { maxSendBufferBytes: 100_000 } });
  pair.run();
  const calls = Array.from({ length: 3 }, () => {
    const call = start(pair.client.engine, "/echo");
    call.call.sendLastMessage(new Uint8Array(4_000_000), false);
    return call;
  });
  pair.run();
  for (const call of calls) assert.equal(call.messages[0]?.length, 4_000_000);
});

Deno.test("connections share what they may hold, and count it exactly", () => {
  const memory = new MemoryPool(2_000_000);
  const one = new Pair({ server: { memory } });
  const two = new Pair({ server: { memory } });
  one.run();
  two.run();
  const call = start(one.client.engine, "/x", { requestStreams: true });
  call.call.sendMessage(new Uint8Array(900_000), false);
  // The reader is not paused, so the pieces come; the message is not complete before its last.
  one.run();
  assert.equal(memory.used, 0);
  one.server.calls[0].call.sendMessage(new Uint8Array(990_000), false);
  assert.ok(memory.used > 850_000, `${memory.used}`);
  const small = start(two.client.engine, "/x");
  small.call.sendLastMessage(utf8(""), false);
  two.run();
  // Its fair share is a quarter of the half that is left.
  two.server.calls[0].call.respond(new Uint8Array(300_000));
  two.run();
  assert.equal(small.status, Status.RESOURCE_EXHAUSTED);
  assert.match(small.message, /the memory for messages is used up/);
  one.run();
  assert.equal(memory.used, 0);
  assert.equal(memory.holders, 0);
});

Deno.test("on a link of 12 KB/s every call gets its reply, though the last waits long for credit", () => {
  const made = recordedServer({}, (recorded) => ({
    onMessage() {},
    onHalfClose() {
      recorded.call.respond(new Uint8Array(200_000));
      recorded.call.handlerDone();
    },
    onCancel: (code, reason) => recorded.onCancel(code, reason),
    onWritable() {},
  }));
  const { engine } = recordedClient();
  const deliver = (nowMs: number) => made.engine.receive(drain(engine, nowMs), nowMs);
  deliver(0);
  engine.receive(drain(made.engine), 0);
  const calls = Array.from({ length: 10 }, () => {
    const call = start(engine, "/x");
    call.call.sendLastMessage(new Uint8Array(1), false);
    return call;
  });
  // The socket's buffer takes all at once; the link is what is slow.
  const link: Uint8Array[] = [];
  for (let nowMs = 0; calls.some(({ status }) => status === undefined); nowMs += 500) {
    assert.ok(nowMs < 400_000);
    if (engine.out.length > 0) deliver(nowMs);
    while (made.engine.out.length > 0) link.push(drain(made.engine, nowMs));
    for (let room = 6_000; room > 0 && link.length > 0;) {
      const bytes = link.shift()!;
      engine.receive(bytes.slice(0, room), nowMs);
      if (bytes.length > room) link.unshift(bytes.subarray(room));
      room -= bytes.length;
    }
    for (const one of [engine, made.engine]) if (one.nextTimerMs() <= nowMs) one.onTimer(nowMs);
  }
  assert.deepEqual(calls.map(({ status }) => status), calls.map(() => OK));
});

Deno.test("a handler hears when its reply can't wait for want of memory, or its metadata is too large", () => {
  const pair = new Pair({ server: { memory: new MemoryPool(10_000) } });
  pair.run();
  const first = start(pair.client.engine, "/large");
  const second = start(pair.client.engine, "/long");
  for (const { call } of [first, second]) call.sendLastMessage(utf8("x"), false);
  pair.run();
  const [large, long] = pair.server.calls;
  large.call.sendMessage(new Uint8Array(5_000_000), false);
  long.call.sendHeaders(new Metadata({ long: "y".repeat(70_000) }));
  for (const { call, events } of [large, long]) {
    assert.equal(call.closed, true);
    assert.match(events.join(), /cancel/);
    call.handlerDone();
  }
  pair.run();
  assert.equal(first.status, Status.RESOURCE_EXHAUSTED);
  assert.equal(second.status, Status.INTERNAL);
  assert.equal(pair.server.engine.activeCalls, 0);
});
