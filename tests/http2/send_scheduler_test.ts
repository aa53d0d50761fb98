import assert from "node:assert/strict";
import type { ServerCall } from "../../src/call/wire.ts";
import { GrpcServerConnection } from "../../src/grpc/server.ts";
import { SettingId } from "../../src/http2/constants.ts";
import { Outcome } from "../grpc/pair.ts";
import { Client } from "./client_peer.ts";
import { headers, hello, join, ping, settings, windowUpdate } from "./frames.ts";

const WINDOW = SettingId.INITIAL_WINDOW_SIZE;

Deno.test("a half-close goes out although the peer has shrunk the window below zero", () => {
  const client = new Client();
  const call = client.start();
  call.sendMessage(new Uint8Array(1000), false);
  client.output();
  client.send(settings([WINDOW, 0]));
  call.halfClose();
  const frames = client.output();
  assert.deepEqual(frames.map((f) => [f.type, f.flags, f.payload.length]), [[0, 1, 0]]);
});

Deno.test("who waits for room on the connection hears of it, also with nothing queued itself", () => {
  const calls: ServerCall[] = [];
  const woken: number[] = [];
  const onCall = (call: ServerCall) => {
    const number = calls.push(call);
    call.sink = {
      onMessage() {},
      onHalfClose() {},
      onCancel() {},
      onWritable: () => void woken.push(number),
    };
  };
  const engine = new GrpcServerConnection({ onCall }, { maxSendBufferBytes: 100_000 }, 0);
  engine.receive(join(hello([WINDOW, 1]), headers(1), headers(3), headers(5)), 0);
  calls[0].sendMessage(new Uint8Array(200_000), false);
  assert.equal(calls[1].writable, false);
  assert.equal(calls[2].writable, false);
  engine.out.clear();
  engine.outputDrained(0);
  assert.deepEqual(woken, []);
  // Room again, because the large reply was taken …
  engine.receive(join(windowUpdate(0, 1 << 20), windowUpdate(1, 1 << 20)), 0);
  engine.out.clear();
  engine.outputDrained(0);
  assert.deepEqual(woken, [2, 3]);
  // … and because it was given up.
  calls[1].sendMessage(new Uint8Array(200_000), false);
  assert.equal(calls[2].writable, false);
  (calls[1] as ServerCall & { cancel(): void }).cancel();
  engine.outputDrained(0);
  assert.deepEqual(woken, [2, 3, 3]);
});

Deno.test("credit and pings that answer what is sent are no overhead", () => {
  const client = new Client({ overheadBurst: 100 });
  const call = client.start();
  for (let i = 0; i < 1000; i++) {
    call.sendMessage(new Uint8Array(16_000), false);
    client.output();
    client.send(windowUpdate(0, 16_005), windowUpdate(1, 16_005), ping());
  }
  assert.deepEqual(client.notes, []);
  assert.equal(client.engine.finished, false);
});

Deno.test("credit in crumbs is overhead", () => {
  const client = new Client({ overheadBurst: 100 }, [WINDOW, 0]);
  client.start().sendLastMessage(new Uint8Array(60_000), false);
  for (let i = 0; i < 200; i++) client.send(windowUpdate(1, 1));
  assert.match(client.notes[0], /ENHANCE_YOUR_CALM/);
});

Deno.test("a client waits as long as the server wants before it takes the request", () => {
  const client = new Client({ stallTimeoutMs: 1000 });
  const outcome = new Outcome();
  client.start(outcome).sendLastMessage(new Uint8Array(200_000), false);
  client.output();
  for (client.nowMs = 0; client.nowMs < 10_000; client.nowMs += 500) {
    if (client.engine.nextTimerMs() <= client.nowMs) client.engine.onTimer(client.nowMs);
  }
  assert.deepEqual(outcome.statuses, []);
});
