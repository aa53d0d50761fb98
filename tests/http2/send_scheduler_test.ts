import assert from "node:assert/strict";
import { lendBuffer } from "../../src/bytes/pool.ts";
import type { ServerCall } from "../../src/call/wire.ts";
import { GrpcServerConnection } from "../../src/grpc/server.ts";
import { SettingId } from "../../src/http2/constants.ts";
import { Outcome } from "../grpc/pair.ts";
import { Client } from "./client_peer.ts";
import { headers, hello, join, ping, settings, windowUpdate } from "./frames.ts";

const WINDOW = SettingId.INITIAL_WINDOW_SIZE;

Deno.test("RFC 9113 §6.9.2: an empty DATA frame with END_STREAM is sent although the window is negative", () => {
  const client = new Client();
  const call = client.start();
  call.sendMessage(new Uint8Array(1000), false);
  client.output();
  client.send(settings([WINDOW, 0]));
  call.halfClose();
  const frames = client.output();
  assert.deepEqual(frames.map((f) => [f.type, f.flags, f.payload.length]), [[0, 1, 0]]);
});

Deno.test("a sender that waits for room on the connection becomes writable, even without queued bytes of its own", () => {
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

Deno.test("credit and pings that answer DATA are no overhead", () => {
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

Deno.test("tiny window grants are overhead", () => {
  const client = new Client({ overheadBurst: 100 }, [WINDOW, 0]);
  client.start().sendLastMessage(new Uint8Array(60_000), false);
  for (let i = 0; i < 200; i++) client.send(windowUpdate(1, 1));
  assert.match(client.notes[0], /ENHANCE_YOUR_CALM/);
});

Deno.test("a client has no stall timer for its request", () => {
  const client = new Client({ stallTimeoutMs: 1000 });
  const outcome = new Outcome();
  client.start(outcome).sendLastMessage(new Uint8Array(200_000), false);
  client.output();
  for (client.nowMs = 0; client.nowMs < 10_000; client.nowMs += 500) {
    if (client.engine.nextTimerMs() <= client.nowMs) client.engine.onTimer(client.nowMs);
  }
  assert.deepEqual(outcome.statuses, []);
});

Deno.test("a message of several frames is sent at once, byte for byte, where windows and output allow", () => {
  for (const size of [16_380, 16_384, 40_000, 100_000]) {
    const client = new Client({}, [WINDOW, 1 << 20]);
    client.send(windowUpdate(0, 1 << 20));
    const call = client.start();
    client.output();
    const message = Uint8Array.from({ length: size }, (_, i) => i * 7 + (i >> 8));
    call.sendLastMessage(message, false);
    const frames = client.output();
    assert.deepEqual(frames.map((f) => f.type), frames.map(() => 0));
    assert.deepEqual(frames.map((f) => f.flags), frames.map((_, i) => +(i === frames.length - 1)));
    assert.deepEqual(
      frames.map((f) => f.payload.length),
      Array.from(
        { length: Math.ceil((size + 5) / 16_384) },
        (_, i) => Math.min(16_384, size + 5 - i * 16_384),
      ),
    );
    const bytes = join(...frames.map((f) => f.payload));
    assert.deepEqual([...bytes.subarray(0, 5)], [0, 0, size >> 16, size >> 8 & 255, size & 255]);
    assert.deepEqual(bytes.subarray(5), message);
  }
});

Deno.test("lent buffers return to the pool once their messages are framed, at once or from the queue", () => {
  const client = new Client({}, [WINDOW, 30_000]);
  const call = client.start();
  client.output();
  const lend = (byte: number) => lendBuffer(20_000).fill(byte).subarray(0, 20_000);
  const first = lend(1);
  call.sendMessage(first, false);
  assert.equal(lendBuffer(20_000).buffer, first.buffer);
  // Half of it fits the window.
  const second = lend(2);
  call.sendMessage(second, false);
  const third = lend(3);
  assert.notEqual(third.buffer, second.buffer);
  const sent = [...client.output()];
  sent.push(...client.send(windowUpdate(1, 30_000)));
  assert.equal(lendBuffer(20_000).buffer, second.buffer);
  const bytes = join(...sent.map((f) => f.payload));
  assert.deepEqual(new Set(bytes.subarray(5, 20_005)), new Set([1]));
  assert.deepEqual(new Set(bytes.subarray(20_010)), new Set([2]));
  assert.equal(bytes.length, 2 * 20_005);
});
