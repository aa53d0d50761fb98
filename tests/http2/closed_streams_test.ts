/** Frames that were on their way when this side ended their stream: as much as windows let through is no attack. */

import assert from "node:assert/strict";
import type { ServerCall } from "../../src/call/wire.ts";
import { GrpcServerConnection } from "../../src/grpc/server.ts";
import { data, GRPC_REQUEST, headers, hello, join, windowUpdate } from "./frames.ts";
import { Server } from "./server_peer.ts";
import { serverCallSink } from "../fixtures/sinks.ts";

const MESSAGE = [0, 0, 0, 0, 10, ...new Array(10).fill(1)];

Deno.test("RFC 9113 §5.1, closed: small late frames within the windows of reset streams are not charged, more are", () => {
  const calls: ServerCall[] = [];
  const onCall = (call: ServerCall) => {
    calls.push(call);
    call.sink = serverCallSink();
  };
  const engine = new GrpcServerConnection({ onCall }, { overheadBurst: 100 }, 0);
  const take = (bytes: Uint8Array) => {
    engine.receive(bytes, 0);
    engine.out.clear();
    engine.outputDrained(0);
  };
  take(join(hello(), headers(1), headers(3), headers(5)));
  for (const call of calls) call.sendStatus(8, "no");
  for (const id of [1, 3, 5]) for (let i = 0; i < 4_369; i++) take(data(id, MESSAGE));
  assert.equal(engine.finished, false);
  for (let i = 0; i < 110 && !engine.finished; i++) take(data(3, MESSAGE));
  assert.equal(engine.finished, true);
});

Deno.test("RFC 9113 §5.1, closed: frames for streams reset here never end the connection, remembered or not", () => {
  const server = new Server({}, true);
  server.send(hello());
  const ids = Array.from({ length: 600 }, (_, i) => 2 * i + 1);
  for (const id of ids) server.send(headers(id), windowUpdate(id, 0));
  for (const id of ids) server.send(data(id, [1]));
  server.send(headers(ids[0], GRPC_REQUEST, 5));
  assert.equal(server.engine.finished, false);
});
