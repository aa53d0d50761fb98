import assert from "node:assert/strict";
import { ErrorCode } from "../../src/http2/constants.ts";
import { GRPC_REQUEST, headers, hello, windowUpdate } from "./frames.ts";
import { rstCode, Server } from "./server_peer.ts";

Deno.test("a complete reply that the peer does not take is reset after the stall time", () => {
  const server = new Server({}, true);
  server.send(hello([4, 0]), headers(1, GRPC_REQUEST, 5));
  server.calls[0].sendMessage(new Uint8Array(25), false);
  server.calls[0].sendStatus(0, "");
  server.calls[0].handlerDone();
  assert.equal(server.engine.activeCalls, 1);
  for (const at of [15_001, 30_001, 45_002]) {
    server.engine.onTimer(at);
  }
  assert.equal(rstCode(server.output()), ErrorCode.CANCEL);
  assert.equal(server.engine.activeCalls, 0);
});

Deno.test("while the connection moves, a reply may wait ten times as long for its credit", () => {
  for (const moves of ["nothing", "output", "credit"]) {
    const server = new Server({ stallTimeoutMs: 1_000 });
    server.send(hello(), headers(1), headers(3));
    server.calls[0].respond(new Uint8Array(100_000));
    server.calls[0].handlerDone();
    server.output();
    const { engine } = server;
    for (; engine.activeCalls === 2 && server.nowMs < 60_000; server.nowMs += 500) {
      if (moves === "output") engine.outputDrained(server.nowMs);
      else if (moves === "credit") engine.receive(windowUpdate(3, 1), server.nowMs);
      if (engine.nextTimerMs() <= server.nowMs) engine.onTimer(server.nowMs);
    }
    const [least, most] = moves === "nothing" ? [1_000, 2_500] : [10_000, 12_000];
    assert.ok(
      server.nowMs >= least && server.nowMs <= most,
      `${moves}: given up after ${server.nowMs} ms`,
    );
  }
});
