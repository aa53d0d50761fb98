import assert from "node:assert/strict";
import { Status } from "../../../src/call/status.ts";
import { text } from "../../fixtures/bytes.ts";
import { Http1Wire, respond, start } from "./wires.ts";

const PROTO = { "content-type": "application/proto" };
const IDEMPOTENT = { method: { idempotent: true } };

function call(wire: Http1Wire, more = {}) {
  const called = start(wire, more);
  called.call.sendLastMessage(text("hi"), false);
  return called;
}

Deno.test("HTTP/1.1 is ready at once and carries one call at a time", () => {
  const wire = new Http1Wire();
  assert.ok(wire.client.ready && wire.client.usable);
  assert.equal(wire.client.maxCalls, 1);
  call(wire);
  assert.throws(() => start(wire), RangeError);
  respond(wire, 200, PROTO);
  call(wire);
  assert.equal(wire.sent()!.method, "POST");
});

Deno.test("a connection that closes with its response is replaced without delay", () => {
  const wire = new Http1Wire();
  assert.equal(wire.client.endedByCall, false);
  const { outcome } = call(wire);
  wire.sent();
  wire.send("HTTP/1.1 200 OK\r\ncontent-type: application/proto\r\nconnection: close\r\n\r\n");
  assert.equal(wire.client.usable, false);
  assert.ok(wire.stateChanges > 0);
  wire.client.receiveEnd(0);
  assert.equal(outcome.code, Status.OK);
  assert.ok(wire.client.finished && wire.client.endedByCall);
  assert.throws(() => start(wire), RangeError);
});

Deno.test("how far a call got when its connection is lost", () => {
  const lost = (wire: Http1Wire, taken: boolean, more = {}) => {
    const { outcome } = call(wire, more);
    if (taken) wire.sent();
    wire.client.transportLost("reset", 0);
    assert.equal(outcome.code, Status.UNAVAILABLE);
    assert.match(outcome.statuses[0].message, /^Connection lost: reset$/);
    assert.equal(wire.callEnds > 0, true);
    return outcome.statuses[0].progress;
  };
  const used = () => {
    const wire = new Http1Wire();
    call(wire);
    respond(wire, 200, PROTO);
    return wire;
  };
  assert.equal(lost(new Http1Wire(), false), "unprocessed");
  assert.equal(lost(new Http1Wire(), true), "processed");
  assert.equal(lost(new Http1Wire(), true, IDEMPOTENT), "processed");
  // RFC 9110 §9.2.2: the server may have closed an idle connection while the request was under way.
  assert.equal(lost(used(), true), "processed");
  assert.equal(lost(used(), true, IDEMPOTENT), "refused");
  const answered = used();
  const { outcome } = call(answered, IDEMPOTENT);
  answered.sent();
  answered.send("HTTP/1.1 2");
  answered.client.receiveEnd(0);
  assert.equal(outcome.statuses[0].progress, "processed");
});

Deno.test("a call that waits for its message is unprocessed when the connection ends", () => {
  for (const how of ["drain", "lost", "abort"] as const) {
    const wire = new Http1Wire();
    const { call, outcome } = start(wire);
    if (how === "drain") wire.client.drain(0);
    else if (how === "lost") wire.client.transportLost("reset", 0);
    else wire.client.abort(Status.UNAVAILABLE, "closed", 0);
    assert.equal(outcome.statuses[0].progress, "unprocessed");
    call.sendLastMessage(text("hi"), false);
    assert.equal(outcome.statuses.length, 1);
    assert.equal(wire.client.activeCalls, 0);
  }
});

Deno.test("a ping is answered at once: HTTP/1.1 has none", () => {
  const wire = new Http1Wire();
  call(wire);
  const pongs: number[] = [];
  wire.client.ping(17, (nowMs) => pongs.push(nowMs));
  assert.deepEqual(pongs, [17]);
});

Deno.test("draining lets the call in progress finish", () => {
  const wire = new Http1Wire();
  const { outcome } = call(wire);
  wire.client.drain(0);
  assert.equal(wire.client.usable, false);
  respond(wire, 200, PROTO);
  assert.equal(outcome.code, Status.OK);
  assert.ok(wire.client.finished);
});

Deno.test("a call cancelled before it was written leaves the connection open", () => {
  const wire = new Http1Wire();
  const { call: first } = call(wire);
  first.cancel();
  assert.equal(wire.callEnds, 1);
  assert.ok(wire.client.usable);
  assert.equal(wire.sent(), undefined);
});
