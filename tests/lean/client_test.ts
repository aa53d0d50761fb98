/** The client's hello, pings and routes: "Hello" and "Goodbye" in src/lean/README.md. */

import assert from "node:assert/strict";
import { echo, Pair, start, utf8 } from "./harness.ts";

Deno.test("with a peer that knows the hello, calls are sent together with it", () => {
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

Deno.test("a client that knows the hello by ALPN may use the default credit of a server with a smaller window", () => {
  const pair = new Pair({ server: { callWindowBytes: 8_192 }, client: { peerKnowsHello: true } });
  const call = start(pair.client.engine, "/a");
  call.call.sendLastMessage(new Uint8Array(40_000), false);
  pair.run();
  assert.deepEqual(pair.server.notes, []);
  assert.deepEqual(pair.server.calls[0].events, ["message 40000", "half-close"]);
});

Deno.test("pings are answered; keepalive pings a silent server and ends a dead connection", () => {
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
  // The server stops sending.
  const { engine } = pair.client;
  for (let turn = 0; turn < 10 && !engine.finished; turn++) {
    engine.onTimer(Math.max(engine.nextTimerMs(), pair.nowMs));
    engine.out.clear();
  }
  assert.equal(engine.finished, true);
  assert.match(pair.client.notes[0], /No answer to a ping within 1000 ms/);
});

Deno.test("too frequent pings end the connection with a reason that the client understands", () => {
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

Deno.test("a route that no server accepts is refused by the client and does not affect the connection", () => {
  const pair = new Pair();
  pair.run();
  const { engine } = pair.client;
  const neighbour = start(engine, "/a");
  for (const path of ["", "\0a", "/" + "x".repeat(1_024), "/" + "x".repeat(70_000)]) {
    assert.throws(() => start(engine, path), TypeError);
  }
  neighbour.call.sendLastMessage(new Uint8Array(1), false);
  pair.run();
  assert.equal(engine.activeCalls, 1);
  assert.deepEqual(pair.server.calls[0].events, ["message 1", "half-close"]);
});
