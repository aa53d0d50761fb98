import assert from "node:assert/strict";
import { ByteWriter } from "../../src/bytes/writer.ts";
import type { ServerCall } from "../../src/call/wire.ts";
import { LeanClientConnection } from "../../src/lean/client.ts";
import { LeanServerConnection } from "../../src/lean/server.ts";
import { SHARED_LIMITS } from "../../src/limits/connection_limits.ts";
import { WebSocketServerConnection } from "../../src/websocket/server_connection.ts";
import { clientCallSink, clientConnectionSink, serverCallSink } from "../fixtures/sinks.ts";
import { clientFrame, joined, serverFrames } from "./frames.ts";

const HELLO = (() => {
  const client = new LeanClientConnection(clientConnectionSink(), {}, 0);
  return client.out.view().slice();
})();

/** A lean server that echoes unary calls, inside a WebSocket. */
function start(options: { stallTimeoutMs?: number; overheadBurst?: number } = {}) {
  const notes: string[] = [];
  const calls: ServerCall[] = [];
  const cancelled: string[] = [];
  const sink = {
    onCall(call: ServerCall) {
      calls.push(call);
      call.sink = serverCallSink({
        onMessage: (message) => {
          if (call.path !== "/echo") return;
          call.respond(message);
          call.handlerDone();
        },
        onCancel: (_, reason) => cancelled.push(reason),
      });
    },
  };
  const inner = new LeanServerConnection(sink, options, 0);
  const limits = { ...SHARED_LIMITS, ...options };
  const server = new WebSocketServerConnection(
    inner,
    new ByteWriter(),
    limits,
    (message) => notes.push(message),
    0,
  );
  return { server, inner, notes, calls, cancelled };
}

/** Takes the output as the driver does. */
function drain(server: WebSocketServerConnection, nowMs = 0): Uint8Array {
  const parts: Uint8Array[] = [];
  while (server.out.length > 0) {
    const { buffer, length } = server.out.take();
    parts.push(buffer.slice(0, length));
    server.outputDrained(nowMs);
  }
  return joined(...parts);
}

const frames = (server: WebSocketServerConnection) => serverFrames(drain(server));
const closeCode = ({ payload }: { payload: Uint8Array }) => payload[0] << 8 | payload[1];

/** Makes a call of a lean client through the WebSocket; `deliver` passes its bytes on. */
function call(
  { server }: ReturnType<typeof start>,
  message: Uint8Array,
  deliver: (bytes: Uint8Array) => void,
): Uint8Array {
  const client = new LeanClientConnection(clientConnectionSink(), { peerKnowsHello: true }, 0);
  let reply: Uint8Array | undefined;
  const request = {
    path: "/echo",
    singleResponse: true,
    requestStreams: false,
    maxReceiveMessageBytes: 1_000_000,
  };
  const open = client.startCall(request, clientCallSink({ onMessage: (bytes) => reply = bytes }));
  open.sendLastMessage(message, false);
  for (let round = 0; round < 20 && reply === undefined; round++) {
    const { buffer, length } = client.out.take();
    deliver(buffer.slice(0, length));
    client.outputDrained(0);
    for (const { opcode, payload } of frames(server)) {
      assert.equal(opcode, 2);
      client.receive(payload, 0);
    }
  }
  assert.ok(reply !== undefined);
  return reply;
}

Deno.test("where messages, fragments and reads begin and end makes no difference", () => {
  const message = Uint8Array.from({ length: 5_000 }, (_, i) => i & 255);
  const ways: Record<string, (bytes: Uint8Array) => Uint8Array[]> = {
    "one message": (bytes) => [clientFrame(2, bytes)],
    "a message a byte": (bytes) => [...bytes].map((octet) => clientFrame(2, Uint8Array.of(octet))),
    "fragments with pings and empty ones": (bytes) => [
      clientFrame(2, bytes.subarray(0, 3), { final: false }),
      clientFrame(9, "ping"),
      clientFrame(0, new Uint8Array(), { final: false }),
      clientFrame(0, bytes.subarray(3)),
    ],
    "reads of a byte": (bytes) => [...clientFrame(2, bytes)].map((octet) => Uint8Array.of(octet)),
  };
  for (const [name, cut] of Object.entries(ways)) {
    const started = start();
    const pongs: Uint8Array[] = [];
    const reply = call(started, message, (bytes) => {
      for (const part of cut(bytes)) {
        started.server.receive(part, 0);
        // Answers to pings are sent ahead of what is framed later.
        if (name.includes("pings") && started.server.out.length > 0) {
          const [first, ...rest] = serverFrames(started.server.out.view());
          if (first.opcode !== 10 || rest.length > 0) continue;
          pongs.push(first.payload);
          drain(started.server);
        }
      }
    });
    assert.deepEqual(reply, message, name);
    if (name.includes("pings")) assert.equal(new TextDecoder().decode(pongs[0]), "ping");
  }
});

Deno.test("output of one turn goes out in one message, further output in the next", () => {
  const { server, inner } = start();
  server.receive(clientFrame(2, HELLO), 0);
  assert.equal(serverFrames(server.out.view()).length, 1);
  inner.connection.output.writePing(7);
  inner.connection.output.writePing(8);
  assert.equal(serverFrames(server.out.view()).length, 1);
  const sent = frames(server);
  assert.deepEqual(sent.map(({ opcode }) => opcode), [2, 2]);
  assert.equal(sent[1].payload.length, 2 * (16 + 1 + 8));
});

Deno.test("RFC 6455 §5.5.1: a Close frame is answered with its code, and open calls are cancelled", () => {
  for (const [payload, expected] of [[[], []], [[3, 233, 98, 121], [3, 233]]]) {
    const started = start();
    const { server } = started;
    server.receive(clientFrame(2, HELLO), 0);
    frames(server);
    const client = new LeanClientConnection(clientConnectionSink(), { peerKnowsHello: true }, 0);
    client.out.clear();
    client.startCall({
      path: "/wait",
      singleResponse: true,
      requestStreams: true,
      maxReceiveMessageBytes: 1,
    }, clientCallSink()).sendMessage(new Uint8Array(), false);
    server.receive(clientFrame(2, client.out.view()), 0);
    assert.equal(server.activeCalls, 1);
    server.receive(clientFrame(8, Uint8Array.from(payload)), 0);
    assert.deepEqual(started.cancelled, ["The peer closed the connection"]);
    assert.ok(server.finished);
    const sent = frames(server);
    assert.equal(sent.at(-1)!.opcode, 8);
    assert.deepEqual([...sent.at(-1)!.payload], expected);
  }
});

Deno.test("the end of lean ends the WebSocket after its last bytes", () => {
  const { server } = start();
  server.receive(clientFrame(2, HELLO), 0);
  frames(server);
  server.abort("over", 0);
  assert.ok(server.finished);
  const sent = frames(server);
  assert.deepEqual(sent.map(({ opcode }) => opcode), [2, 8]);
  assert.ok(new TextDecoder().decode(sent[0].payload).endsWith("over"));
  assert.equal(closeCode(sent[1]), 1001);
});

Deno.test("a peer that breaks lean gets its goodbye and a Close frame, and nothing more is read", () => {
  const { server, calls } = start();
  const broken = Uint8Array.from({ length: 16 }, () => 9);
  server.receive(joined(clientFrame(2, HELLO), clientFrame(2, broken), clientFrame(9)), 0);
  assert.ok(server.finished);
  assert.deepEqual(frames(server).map(({ opcode }) => opcode), [2, 8]);
  server.receive(clientFrame(9), 0);
  assert.equal(server.out.length, 0);
  assert.equal(calls.length, 0);
});

Deno.test("a peer that breaks the WebSocket is closed with the code, and logged", () => {
  const { server, notes } = start();
  server.receive(clientFrame(1, "text"), 0);
  assert.ok(server.finished);
  const [close] = frames(server);
  assert.equal(closeCode(close), 1003);
  assert.deepEqual(notes, ["Closed a WebSocket with 1003: Messages must be binary"]);
});

Deno.test("pings, pongs and tiny frames are charged, and end the WebSocket with 1008", () => {
  for (
    const [frame, what] of [
      [clientFrame(9), "pings"],
      [clientFrame(10), "pongs"],
      [clientFrame(2), "WebSocket frames of less than 16 bytes"],
    ] as const
  ) {
    const { server, notes } = start({ overheadBurst: 50 });
    for (let i = 0; i < 50; i++) server.receive(frame, 0);
    assert.equal(server.finished, false, what);
    server.receive(frame, 0);
    assert.ok(server.finished, what);
    assert.match(notes[0], new RegExp(`1008: .*${what}`));
  }
});

Deno.test("reading pauses while answers to pings are not taken", () => {
  const { server } = start();
  const ping = clientFrame(9, new Uint8Array(125));
  let sent = 0;
  for (; server.wantsRead && sent < 10_000; sent++) server.receive(ping.slice(), 0);
  assert.ok(sent * 127 < 66_000, `${sent}`);
  drain(server);
  assert.ok(server.wantsRead);
});

Deno.test("a message that does not go on ends the WebSocket; one that goes on, and silence, do not", () => {
  const { server, notes } = start({ stallTimeoutMs: 1_000 });
  server.receive(clientFrame(2, HELLO), 0);
  drain(server);
  const part = clientFrame(2, new Uint8Array(), { final: false });
  server.receive(part, 100);
  assert.ok(server.nextTimerMs() <= 1_100);
  server.receive(clientFrame(0, new Uint8Array(), { final: false }), 900);
  server.onTimer(1_100);
  assert.equal(server.finished, false);
  server.onTimer(1_900);
  assert.ok(server.finished);
  assert.deepEqual(notes, ["Closed a WebSocket with 1008: A message did not go on within 1000 ms"]);
});

Deno.test("a lost byte stream ends open calls and drops output", () => {
  const { server } = start();
  server.receive(clientFrame(2, HELLO), 0);
  server.transportLost("broken", 0);
  assert.ok(server.finished);
  assert.equal(server.nextTimerMs(), Infinity);
});
