import assert from "node:assert/strict";
import { ErrorCode } from "../../src/http2/constants.ts";
import { Client } from "./client_peer.ts";
import { frame, goaway, GRPC_REQUEST, headers, hello, rst } from "./frames.ts";
import { codeOf, rstCode, Server } from "./server_peer.ts";
import { Outcome } from "../grpc/pair.ts";

const { REFUSED_STREAM } = ErrorCode;

Deno.test("RFC 9113 §6.8: a drain sends GOAWAY twice, the second with the last identifier", () => {
  const server = new Server();
  server.send(hello(), headers(1));
  server.engine.drain(0);
  const first = server.output();
  assert.equal(codeOf(first.find((f) => f.type === 7), 0), 0x7fffffff);
  server.send(headers(3));
  const pong = first.find((f) => f.type === 6)!;
  const second = server.send(frame(6, 1, 0, pong.payload));
  assert.equal(codeOf(second.find((f) => f.type === 7), 0), 3);
  assert.equal(rstCode(server.send(headers(5))), REFUSED_STREAM);
  assert.equal(server.engine.finished, false);
  for (const call of server.calls) {
    call.sendStatus(0, "");
    call.handlerDone();
  }
  server.send(rst(1, 8), rst(3, 8));
  assert(server.engine.finished);
});

Deno.test("RFC 9113 §6.8: streams opened before the client sees GOAWAY are refused free of charge", () => {
  const server = new Server({ resetBurst: 1, resetsPerSecond: 0 });
  server.send(hello(), headers(1));
  server.engine.drain(0);
  const pong = server.output().find((f) => f.type === 6)!;
  server.send(frame(6, 1, 0, pong.payload));
  for (let id = 3; id < 103; id += 2) {
    assert.equal(rstCode(server.send(headers(id))), REFUSED_STREAM);
  }
  assert.equal(server.engine.finished, false);
  assert.equal(server.engine.readThrottledUntilMs, 0);
});

Deno.test("RFC 9113 §6.8: after GOAWAY of the client open calls finish, then the connection does", () => {
  const server = new Server();
  server.send(hello(), headers(1, GRPC_REQUEST, 5), goaway(0, 0));
  assert.equal(server.engine.finished, false);
  server.calls[0].sendStatus(0, "");
  server.calls[0].handlerDone();
  assert(server.engine.finished);
});

Deno.test("RFC 9113 §6.8: streams above the last identifier of GOAWAY were not processed", () => {
  const client = new Client();
  const outcomes = [new Outcome(), new Outcome()];
  for (const outcome of outcomes) client.start(outcome);
  client.output();
  client.send(goaway(1, 0));
  assert.deepEqual(outcomes.map((outcome) => outcome.statuses.length), [0, 1]);
  assert.equal(outcomes[1].statuses[0].progress, "refused");
  assert.equal(client.engine.usable, false);
});
