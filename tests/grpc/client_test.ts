import assert from "node:assert/strict";
import { Status } from "../../src/call/status.ts";
import type { ClientCall, ServerCall } from "../../src/call/wire.ts";
import { ErrorCode } from "../../src/http2/constants.ts";
import { rst, windowUpdate } from "../http2/frames.ts";
import { Client } from "../http2/client_peer.ts";
import { echo, Outcome, Pair, request } from "./pair.ts";
import { serverCallSink } from "../fixtures/sinks.ts";

Deno.test("a path that HPACK cannot carry leaves the connection unchanged", () => {
  const pair = new Pair(echo);
  pair.run();
  assert.throws(() => pair.client.startCall(request("/a/\u20ac"), new Outcome()), TypeError);
  assert.throws(
    () => pair.client.startCall(request("/a/b", { authority: "\u20ac" }), new Outcome()),
    TypeError,
  );
  assert.equal(pair.client.activeCalls, 0);
  const outcome = new Outcome();
  pair.client.startCall(request("/a/b"), outcome).sendLastMessage(new Uint8Array(3), false);
  pair.run();
  assert.equal(outcome.code, Status.OK);
  assert.deepEqual(pair.notes, []);
});

Deno.test("calls that cancel each other when the connection ends are counted once", () => {
  const client = new Client();
  const calls: ClientCall[] = [];
  const outcomes: Outcome[] = [];
  for (let i = 0; i < 3; i++) {
    const outcome = new Outcome();
    const { onStatus } = outcome;
    outcome.onStatus = (...end) => {
      onStatus.apply(outcome, end);
      for (const call of calls) call.cancel();
    };
    outcomes.push(outcome);
    calls.push(client.start(outcome));
  }
  client.engine.transportLost("gone", 1);
  assert.deepEqual(outcomes.map((one) => one.statuses.length), [1, 0, 0]);
  assert.equal(client.callEnds, 3);
});

Deno.test("refused calls are not charged to the server", () => {
  const client = new Client({ resetBurst: 10, overheadBurst: 10 });
  for (let i = 0; i < 100; i++) {
    const outcome = new Outcome();
    client.start(outcome).sendLastMessage(new Uint8Array(8), false);
    client.send(rst(2 * i + 1, ErrorCode.REFUSED_STREAM));
    assert.equal(outcome.statuses[0].progress, "refused");
  }
  assert.equal(client.engine.finished, false);
  assert.deepEqual(client.notes, []);
});

Deno.test("resets that cross on the wire, as when both sides' deadlines pass, are no overhead", () => {
  const client = new Client({ resetBurst: 10, overheadBurst: 10 });
  for (let i = 0; i < 100; i++) {
    const call = client.start();
    call.sendLastMessage(new Uint8Array(8), false);
    call.cancel();
    client.send(windowUpdate(2 * i + 1, 1), rst(2 * i + 1, ErrorCode.CANCEL));
  }
  assert.equal(client.engine.finished, false);
  assert.deepEqual(client.notes, []);
});

Deno.test("gRPC A8: a connection that delivers data is alive although its PING acknowledgement is late", () => {
  const client = new Client({ keepaliveTimeMs: 10_000, keepaliveTimeoutMs: 5_000 });
  const outcome = new Outcome();
  client.start(outcome);
  client.engine.onTimer(client.nowMs = 10_000); // pings
  assert.equal(client.output().filter((f) => f.type === 6).length, 1);
  client.nowMs = 14_000;
  client.send(windowUpdate(0, 5));
  client.nowMs = 15_000;
  client.engine.onTimer(client.nowMs);
  assert.equal(client.engine.finished, false);
  client.nowMs = 19_000;
  client.engine.onTimer(client.nowMs);
  assert.equal(client.engine.finished, true);
  assert.equal(outcome.code, Status.UNAVAILABLE);
});

Deno.test("a server's flood of resets of closed streams ends the connection", () => {
  const client = new Client({ overheadBurst: 10 });
  client.start().cancel();
  client.start();
  for (let i = 0; i < 100 && !client.engine.finished; i++) client.send(rst(1, ErrorCode.CANCEL));
  assert.equal(client.engine.finished, true);
});

Deno.test("a server's idle timer is armed when a handler ends after its call", () => {
  const calls: ServerCall[] = [];
  const onCall = (call: ServerCall) => {
    calls.push(call);
    call.sink = serverCallSink();
  };
  const pair = new Pair(onCall, { server: { maxConnectionIdleMs: 100 } });
  pair.run();
  const call = pair.client.startCall(request("/a/b"), new Outcome());
  pair.run();
  call.cancel();
  pair.run();
  assert.equal(pair.server.activeCalls, 1);
  let told = 0;
  pair.server.onOutput = () => void told++;
  calls[0].handlerDone();
  assert.equal(told, 1);
  assert.equal(pair.server.nextTimerMs(), pair.nowMs + 100);
});

Deno.test("a server's connection is idle from the end of its last call, not from its last input", () => {
  let call: ServerCall | undefined;
  const onCall = (arrived: ServerCall) => {
    call = arrived;
    arrived.sink = serverCallSink();
  };
  const pair = new Pair(onCall, { server: { maxConnectionIdleMs: 1_000 } });
  pair.run();
  const outcome = new Outcome();
  pair.client.startCall(request("/a/b"), outcome).sendLastMessage(new Uint8Array(1), false);
  pair.run();
  // Without a look at the timers, which have nothing to say meanwhile.
  pair.nowMs += 5_500;
  call!.respond(new Uint8Array(1));
  call!.handlerDone();
  pair.pass(0);
  pair.pass(900);
  assert.equal(outcome.code, 0);
  assert.equal(pair.client.usable, true);
  pair.pass(200);
  assert.equal(pair.client.usable, false);
});

Deno.test("RFC 9113 §5.1.1: a client whose stream identifiers are used up drains", () => {
  let changes = 0;
  const pair = new Pair(echo);
  pair.run();
  pair.client.sink.onStateChange = () => void changes++;
  // As after 2^30 calls.
  pair.client.http2.streams.nextId = 0x7ffffffd;
  for (const last of [false, true]) {
    const outcome = new Outcome();
    const call = pair.client.startCall(request("/test.Echo/Unary"), outcome);
    assert.equal(changes, last ? 1 : 0);
    assert.equal(pair.client.usable, !last);
    call.sendLastMessage(new Uint8Array(1), false);
    pair.run();
    assert.equal(outcome.code, 0);
  }
  assert.equal(pair.client.finished, true);
});
