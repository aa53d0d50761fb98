import assert from "node:assert/strict";
import { Metadata } from "../../../src/call/metadata.ts";
import { Status } from "../../../src/call/status.ts";
import { ErrorCode } from "../../../src/http2/constants.ts";
import { text } from "../../fixtures/bytes.ts";
import { data, goaway, headers, settings } from "../../http2/frames.ts";
import { Http2Wire, respond, start } from "./wires.ts";

const PROTO = { "content-type": "application/proto" };

function call(wire: Http2Wire, more = {}) {
  const called = start(wire, more);
  called.call.sendLastMessage(text("hi"), false);
  return called;
}

Deno.test("slots of calls that wait for their message count", () => {
  // SETTINGS_MAX_CONCURRENT_STREAMS (RFC 9113 §5.1.2).
  const wire = new Http2Wire({}, [3, 2]);
  assert.ok(wire.client.ready);
  assert.equal(wire.client.maxCalls, 2);
  const waiting = start(wire);
  call(wire);
  assert.equal(wire.client.activeCalls, 2);
  assert.throws(() => start(wire), RangeError);
  waiting.call.cancel();
  start(wire);
});

Deno.test("calls share a connection, and their responses interleave", () => {
  const wire = new Http2Wire();
  const first = call(wire);
  const firstId = wire.id;
  const second = call(wire);
  const type: [string, string][] = [[":status", "200"], ["content-type", "application/proto"]];
  wire.receive(headers(wire.id, type), headers(firstId, type));
  wire.receive(data(firstId, text("1"), 1), data(wire.id, text("2"), 1));
  assert.deepEqual(first.outcome.messages, [text("1")]);
  assert.deepEqual(second.outcome.messages, [text("2")]);
  assert.equal(wire.client.activeCalls, 0);
  assert.equal(wire.callEnds, 2);
});

Deno.test("an empty message ends the request", () => {
  const wire = new Http2Wire();
  start(wire).call.sendLastMessage(new Uint8Array(), false);
  assert.ok(wire.sent()!.ended);
  assert.equal(wire.sent()!.fields["content-length"], "0");
});

Deno.test("the authority of a call replaces that of the connection", () => {
  const wire = new Http2Wire({ secure: true });
  call(wire, { authority: "other:9" });
  assert.equal(wire.sent()!.authority, "other:9");
  assert.equal(wire.sent()!.fields[":scheme"], "https");
});

Deno.test("secrets are never indexed (RFC 7541 §7.1.3)", () => {
  const wire = new Http2Wire();
  const metadata = new Metadata({ authorization: "Bearer 17" });
  call(wire, { metadata });
  const first = wire.client.out.length;
  wire.sent();
  respond(wire, 200, PROTO);
  call(wire, { metadata });
  // Other fields shrink to an index, the secret does not.
  assert.ok(wire.client.out.length > "Bearer 17".length && wire.client.out.length < first);
  assert.equal(wire.sent()!.fields.authorization, "Bearer 17");
});

Deno.test("resets by the server, and what they say of the call's progress", () => {
  const cases: [number, Status, string][] = [
    [ErrorCode.REFUSED_STREAM, Status.UNAVAILABLE, "refused"],
    [ErrorCode.CANCEL, Status.CANCELLED, "processed"],
    [ErrorCode.ENHANCE_YOUR_CALM, Status.RESOURCE_EXHAUSTED, "processed"],
    [ErrorCode.INTERNAL_ERROR, Status.INTERNAL, "processed"],
  ];
  for (const [errorCode, code, progress] of cases) {
    const wire = new Http2Wire();
    const { outcome } = call(wire);
    wire.reset(errorCode);
    assert.equal(outcome.code, code);
    assert.equal(outcome.statuses[0].progress, progress);
    assert.equal(wire.callEnds, 1);
  }
});

Deno.test("GOAWAY refuses later streams and calls without one (RFC 9113 §6.8)", () => {
  const wire = new Http2Wire();
  const first = call(wire);
  const firstId = wire.id;
  const second = call(wire);
  const waiting = start(wire);
  wire.receive(goaway(firstId, ErrorCode.NO_ERROR));
  assert.equal(wire.client.usable, false);
  assert.equal(first.outcome.statuses.length, 0);
  assert.equal(second.outcome.statuses[0].progress, "refused");
  assert.equal(waiting.outcome.statuses[0].progress, "unprocessed");
  const type: [string, string][] = [[":status", "200"], ["content-type", "application/proto"]];
  wire.receive(headers(firstId, type, 5));
  assert.equal(first.outcome.code, Status.OK);
  assert.ok(wire.client.finished);
});

Deno.test("a lost connection ends its calls with UNAVAILABLE", () => {
  const wire = new Http2Wire();
  const { outcome } = call(wire);
  const waiting = start(wire);
  wire.client.transportLost("reset", 0);
  assert.deepEqual(outcome.statuses, [
    { code: Status.UNAVAILABLE, message: "Connection lost: reset", progress: "processed" },
  ]);
  assert.equal(waiting.outcome.statuses[0].progress, "unprocessed");
});

Deno.test("a connection is ready once the server's SETTINGS have arrived", () => {
  const wire = new Http2Wire();
  assert.ok(wire.stateChanges > 0);
  wire.receive(settings([3, 0]));
  assert.equal(wire.client.maxCalls, 0);
  assert.throws(() => start(wire), RangeError);
});
