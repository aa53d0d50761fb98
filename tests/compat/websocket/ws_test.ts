/** The npm package ws as the other end: fragments, pings and close codes that the standard WebSocket can't send. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { WebSocket } from "ws";
import { serve } from "../../../mod.ts";

/** Frame of lean, version 1: a request to /echo with this payload. */
function request(id: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(16 + 5 + payload.length);
  const view = new DataView(frame.buffer);
  frame.set([1, 1]);
  view.setUint32(6, id);
  view.setUint16(10, 5);
  view.setUint32(12, payload.length);
  frame.set(new TextEncoder().encode("/echo"), 16);
  frame.set(payload, 21);
  return frame;
}

/** Opens a WebSocket; `received` has the bytes of all messages. */
async function open(address: string) {
  const socket = new WebSocket(`ws://${address}/`, "vrpc-lean.1");
  const received: number[] = [];
  socket.on("message", (data: Uint8Array) => received.push(...data));
  await once(socket, "open");
  return { socket, received };
}

async function receivedBytes(socket: WebSocket, received: number[], count: number) {
  while (received.length < count) await once(socket, "message");
}

Deno.test("ws: fragments, pings and pongs, and the close handshake", async () => {
  await using server = await serve("127.0.0.1:0", (router) => {
    router.method("/echo", {}, (payload) => payload);
  }, { web: true });
  const { socket, received } = await open(server.addresses[0]);
  assert.equal(socket.protocol, "vrpc-lean.1");
  assert.equal(socket.extensions, "");

  const bytes = request(1, new Uint8Array(40_000).fill(7));
  for (let at = 0; at < bytes.length; at += 999) {
    socket.send(bytes.subarray(at, at + 999), { fin: at + 999 >= bytes.length });
    if (at === 999) {
      socket.ping("between");
      const [pong] = await once(socket, "pong");
      assert.equal(String(pong), "between");
    }
  }
  await receivedBytes(socket, received, bytes.length);
  assert.deepEqual(received.slice(-40_000), new Array(40_000).fill(7));

  socket.close(4000, "enough");
  const [code] = await once(socket, "close");
  assert.equal(code, 4000);
});

Deno.test("ws: messages of both sides at once", async () => {
  await using server = await serve("127.0.0.1:0", (router) => {
    router.method("/echo", {}, (payload) => payload);
  }, { web: true });
  const { socket, received } = await open(server.addresses[0]);
  let expected = 0;
  for (let id = 1; id <= 200; id++) {
    const frame = request(id, new Uint8Array(id * 11));
    expected += frame.length;
    socket.send(frame);
  }
  await receivedBytes(socket, received, expected);
  assert.equal(received.length, expected);
  socket.close();
  await once(socket, "close");
});
