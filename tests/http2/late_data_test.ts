/** Data that was on its way when this side ended its stream: as much as windows let through is no attack. */

import assert from "node:assert/strict";
import type { ServerCall } from "../../src/call/wire.ts";
import { GrpcServerConnection } from "../../src/grpc/server.ts";
import { CLIENT_HELLO, concat, drain, frame, recordedServer } from "../lean/harness.ts";
import { data, headers, hello, join } from "./frames.ts";

const MESSAGE = [0, 0, 0, 0, 10, ...new Array(10).fill(1)];

Deno.test("HTTP/2: small late frames within the windows of reset streams are not charged, more are", () => {
  const calls: ServerCall[] = [];
  const onCall = (call: ServerCall) => {
    calls.push(call);
    call.sink = { onMessage() {}, onHalfClose() {}, onWritable() {}, onCancel() {} };
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

Deno.test("lean: small late frames within the credit of calls that are over are not charged, more are", () => {
  const { engine, calls } = recordedServer({ overheadBurst: 400 });
  engine.receive(concat(CLIENT_HELLO, frame(5, 1, "/a"), frame(5, 2, "/a"), frame(5, 3, "/a")), 0);
  for (const { call } of calls) call.sendStatus(8, "no");
  drain(engine);
  for (const id of [1, 2, 3]) {
    const late = frame(4, id, "", new Uint8Array(16));
    for (let i = 0; i < 8_192; i++) engine.receive(late, 0);
  }
  assert.equal(engine.finished, false);
  for (let i = 0; i < 401; i++) engine.receive(frame(4, 3, "", "x"), 0);
  assert.equal(engine.finished, true);
});
