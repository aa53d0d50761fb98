import assert from "node:assert/strict";
import { channelSettings, type WebSocketLike } from "../../src/browser/options.ts";
import { SocketConnection } from "../../src/browser/socket_connection.ts";
import { LeanServerConnection } from "../../src/lean/server.ts";
import { clientCallSink, serverCallSink } from "../fixtures/sinks.ts";

/** A WebSocket whose other end is an engine of this process, and whose output waits until `drain`. */
class FakeSocket implements WebSocketLike {
  static last: FakeSocket;
  binaryType = "blob";
  bufferedAmount = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onerror: (() => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  closed = false;
  readonly received: number[] = [];
  readonly #sent: Uint8Array[] = [];
  readonly #server = new LeanServerConnection(
    {
      onCall: (call) => {
        call.sink = serverCallSink({
          onMessage: (message) => {
            this.received.push(message.length);
            call.respond(message);
            call.handlerDone();
          },
        });
      },
    },
    { callWindowBytes: 10_000_000, maxValueBytes: 1_000_000, maxConcurrentStreams: 1_000 },
    0,
  );

  constructor(readonly url: string, readonly protocol: string) {
    FakeSocket.last = this;
  }

  send(data: Uint8Array): void {
    this.bufferedAmount += data.length;
    this.#sent.push(data.slice());
  }

  close(): void {
    this.closed = true;
  }

  /** Delivers what was sent, and the answers to it. */
  drain(): void {
    this.bufferedAmount = 0;
    for (const data of this.#sent.splice(0)) this.#server.receive(data, 0);
    const { out } = this.#server;
    if (out.length === 0) return;
    const data = out.view().slice().buffer;
    out.clear();
    this.#server.outputDrained(0);
    this.onmessage?.({ data });
  }
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 15));

function open() {
  const closed: string[] = [];
  const settings = channelSettings({ webSocket: FakeSocket });
  const connection = new SocketConnection("ws://a.example/", settings, {
    onFree() {},
    onClosed: (_, reason) => closed.push(reason),
  });
  const socket = FakeSocket.last;
  return { connection, socket, closed };
}

async function ready() {
  const opened = open();
  opened.socket.onopen!();
  opened.socket.drain();
  await turn();
  assert.ok(opened.connection.free);
  return opened;
}

const request = {
  path: "/echo",
  singleResponse: true,
  requestStreams: false,
  maxReceiveMessageBytes: 1_000_000,
};

Deno.test("the subprotocol has no slash, and messages are binary", () => {
  const { connection, socket } = open();
  assert.equal(socket.protocol, "vrpc-lean.1");
  assert.equal(socket.binaryType, "arraybuffer");
  assert.equal(socket.bufferedAmount, 0, "nothing is sent before the WebSocket is open");
  assert.equal(connection.free, false);
  assert.ok(connection.alive);
  connection.close("over");
});

Deno.test("output waits while the WebSocket holds 256 KiB, and goes on later", async () => {
  const { connection, socket } = await ready();
  const replies: number[] = [];
  for (let i = 0; i < 20; i++) {
    const sink = clientCallSink({ onMessage: (message) => replies.push(message.length) });
    connection.startCall(request, sink).sendLastMessage(new Uint8Array(100_000), false);
  }
  await turn();
  assert.ok(socket.bufferedAmount >= 262_144, `${socket.bufferedAmount}`);
  assert.ok(socket.bufferedAmount < 800_000, `${socket.bufferedAmount}`);
  const before = socket.bufferedAmount;
  await turn();
  assert.equal(socket.bufferedAmount, before);
  while (replies.length < 20) {
    socket.drain();
    await turn();
  }
  assert.deepEqual(socket.received, new Array(20).fill(100_000));
  connection.close("over");
});

Deno.test("text, the end of the WebSocket and close() end the connection once", async () => {
  const text = await ready();
  text.socket.onmessage!({ data: "text" });
  assert.deepEqual(text.closed, ["the server sent a text message"]);
  assert.ok(text.socket.closed);

  const ended = await ready();
  let status = "";
  ended.connection.startCall(request, clientCallSink({ onStatus: (_, reason) => status = reason }));
  ended.socket.onclose!({ code: 1001 });
  ended.socket.onclose!({ code: 1001 });
  ended.connection.close("over");
  assert.deepEqual(ended.closed, ["the WebSocket was closed with 1001"]);
  assert.equal(status, "the WebSocket was closed with 1001");
  assert.equal(ended.connection.alive, false);

  const refused = open();
  refused.socket.onerror!();
  refused.socket.onclose!({ code: 1006 });
  assert.deepEqual(refused.closed, ["the WebSocket could not be opened"]);
});
