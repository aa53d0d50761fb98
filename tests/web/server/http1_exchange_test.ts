import assert from "node:assert/strict";
import type { ServerCall } from "../../../src/call/wire.ts";
import { Http1Pair, request } from "./http1_pair.ts";

const IGNORE = { onMessage() {}, onHalfClose() {}, onCancel() {}, onWritable() {} };

/**
 * Sends the bytes of a body one by one while the server reads them; returns how many it took. `paused`: the handler has
 * paused and resumed the body first.
 */
function drip(contentType: string, paused = false): number {
  const calls: ServerCall[] = [];
  const pair = new Http1Pair((call) => {
    call.sink = IGNORE;
    calls.push(call);
  });
  const bytes = request("POST", "/a.B/C", { "content-type": contentType }, new Uint8Array(1_000));
  pair.send(bytes.subarray(0, bytes.length - 1_000));
  if (paused) {
    calls[0].setReadPaused(true);
    calls[0].setReadPaused(false);
  }
  let sent = 0;
  while (sent < 999 && pair.engine.wantsRead) {
    pair.engine.receive(Uint8Array.of(0), 0);
    sent++;
  }
  return sent;
}

Deno.test("tiny parts of a unary body are delayed: the handler waits for its end", () => {
  assert.equal(drip("application/proto"), 5);
  assert.equal(drip("application/json"), 5);
});

Deno.test("tiny parts of a stream of requests are not delayed, also after a pause", () => {
  for (const type of ["application/connect+proto", "application/grpc-web+proto"]) {
    assert.equal(drip(type), 999, type);
    assert.equal(drip(type, true), 999, type);
  }
});
