import assert from "node:assert/strict";
import { connect, jsonCodec, serve, type ServeOptions, type WebOptions } from "../../../mod.ts";
import { LeanClientConnection } from "../../../src/lean/client.ts";
import { HELLO_ROUTE } from "../../../src/lean/format/frames.ts";
import { selfSigned } from "../../../src/transport/certs.ts";
import { clientConnectionSink } from "../../fixtures/sinks.ts";
import { webSocketStream } from "../../fixtures/websocket_stream.ts";
import { clientFrame, joined, serverFrames } from "../../websocket/frames.ts";

const ascii = (text: string) => new TextEncoder().encode(text);

async function start(web: boolean | WebOptions = true, options: ServeOptions = {}) {
  return await serve("127.0.0.1:0", (router) => {
    router.method("/echo", {}, (payload) => payload);
    router.method("/later", { requestCodec: jsonCodec(), responseCodec: jsonCodec() }, async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return "later";
    });
    router.method("/wire", {}, (_, context) => ascii(`${context.wire} ${context.peer.transport}`));
  }, { web: web && { allowedHosts: ["a"], ...(web === true ? {} : web) }, ...options });
}

const FIELDS: Record<string, string> = {
  "host": "a",
  "upgrade": "websocket",
  "connection": "Upgrade",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  "sec-websocket-protocol": "vrpc-lean.1",
};

/** The request of an opening handshake; a field of null is left out. */
function handshake(
  fields: Record<string, string | null> = {},
  line = "GET / HTTP/1.1",
): Uint8Array {
  const lines = Object.entries({ ...FIELDS, ...fields }).filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}: ${value}\r\n`);
  return ascii(`${line}\r\n${lines.join("")}\r\n`);
}

/** Sends bytes and reads until the server closes or `enough` is true. */
async function exchange(
  address: string,
  parts: readonly Uint8Array[],
  enough: (received: Uint8Array) => boolean = () => false,
): Promise<Uint8Array> {
  const [hostname, port] = address.split(":");
  using connection = await Deno.connect({ hostname, port: Number(port) });
  connection.setNoDelay(true);
  for (const part of parts) await connection.write(part);
  let received = new Uint8Array();
  const buffer = new Uint8Array(65_536);
  while (!enough(received)) {
    const count = await connection.read(buffer);
    if (count === null) break;
    received = joined(received, buffer.subarray(0, count)) as Uint8Array<ArrayBuffer>;
  }
  return received;
}

const text = (bytes: Uint8Array) => new TextDecoder("latin1").decode(bytes);
const status = (bytes: Uint8Array) => Number(text(bytes).split(" ", 2)[1]);
/** What follows the header section. */
const body = (bytes: Uint8Array) => bytes.subarray(text(bytes).indexOf("\r\n\r\n") + 4);
const hasHead = (bytes: Uint8Array) => text(bytes).includes("\r\n\r\n");

/** A client's hello of lean. */
function clientHello(): Uint8Array {
  const client = new LeanClientConnection(clientConnectionSink(), {}, 0);
  return client.out.view().slice();
}

/** Frame of lean, version 1: a request to /echo. */
const V1_REQUEST = joined(
  Uint8Array.of(1, 1, 0, 0, 0, 0, 0, 0, 0, 5, 0, 5, 0, 0, 0, 2),
  ascii("/echo"),
  ascii("hi"),
);

Deno.test("a WebSocket carries lean, next to the other protocols of the port", async () => {
  await using server = await start();
  const [address] = server.addresses;
  for (const protocol of ["vrpc-lean.1"]) {
    await using channel = connect(address, {
      wire: "lean",
      dial: () => webSocketStream(`ws://${address}/`, protocol),
    });
    assert.equal(text(await channel.call("/wire", new Uint8Array())), "lean tcp");
  }
  await using grpc = connect(address);
  assert.equal(text(await grpc.call("/wire", new Uint8Array())), "grpc tcp");
});

Deno.test("frames may follow the handshake at once, and its bytes may be cut anywhere", async () => {
  await using server = await start();
  const bytes = joined(
    handshake({ "sec-websocket-protocol": "vrpc-lean/1" }),
    clientFrame(2, V1_REQUEST),
    clientFrame(8),
  );
  const head = text(handshake({ "sec-websocket-protocol": "vrpc-lean/1" })).length;
  for (const cut of [0, 1, 40, head - 1, head, head + 1, head + 7, bytes.length - 1]) {
    const received = await exchange(server.addresses[0], [
      bytes.subarray(0, cut),
      bytes.subarray(cut),
    ]);
    assert.equal(status(received), 101);
    assert.match(text(received), /^sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r$/m);
    assert.match(text(received), /^sec-websocket-protocol: vrpc-lean\/1\r$/m);
    assert.doesNotMatch(text(received), /content-length|transfer-encoding/i);
    const frames = serverFrames(body(received));
    assert.deepEqual(frames.map(({ opcode }) => opcode), [2, 8], `cut at ${cut}`);
    assert.ok(text(frames[0].payload).endsWith("hi"));
  }
});

Deno.test("pages may open WebSockets only from origins that cors allows", async () => {
  const allowed = "https://app.example";
  const cases: [boolean | WebOptions, string | null, number][] = [
    [true, null, 101],
    [true, allowed, 403],
    [true, "null", 403],
    [{ cors: { origins: [allowed] } }, allowed, 101],
    [{ cors: { origins: [allowed] } }, "HTTPS://APP.example", 101],
    [{ cors: { origins: [allowed] } }, "https://app.example.evil", 403],
    [{ cors: { origins: [allowed] } }, "http://app.example", 403],
    [{ cors: { origins: [allowed] } }, "null", 403],
    [{ cors: { origins: ["*"] } }, "https://any.example", 101],
  ];
  for (const [web, origin, expected] of cases) {
    await using server = await start(web);
    const received = await exchange(server.addresses[0], [handshake({ origin })], hasHead);
    assert.equal(status(received), expected, `${JSON.stringify(web)} ${origin}`);
  }
});

Deno.test("requests that cannot open a WebSocket get their usual answer", async () => {
  await using server = await start();
  const cases: [Uint8Array, number][] = [
    [handshake({ "sec-websocket-version": "8" }), 426],
    [handshake({ "sec-websocket-key": null }), 400],
    [handshake({ "sec-websocket-protocol": "graphql-ws" }), 400],
    [handshake({ "sec-websocket-protocol": null }), 400],
    // Without these the request asks for no WebSocket.
    [handshake({ upgrade: null }), 200],
    [handshake({ connection: "keep-alive" }), 200],
    [handshake({}, "GET / HTTP/1.0"), 200],
    [handshake({ "content-length": "1" }), 200],
    [handshake({}, "POST / HTTP/1.1"), 415],
  ];
  for (const [request, expected] of cases) {
    const received = await exchange(server.addresses[0], [request], hasHead);
    assert.equal(status(received), expected, text(request));
  }
});

Deno.test("RFC 6455 §4.2.1: a handshake that is refused ends the connection, with what follows it", async () => {
  await using server = await start();
  const cases: [Record<string, string>, number][] = [
    [{ origin: "https://foreign.example" }, 403],
    [{ host: "foreign.example" }, 421],
    [{ "sec-websocket-version": "8" }, 426],
    [{ "sec-websocket-key": "short" }, 400],
    [{ "sec-websocket-protocol": "graphql-ws" }, 400],
  ];
  for (const [fields, expected] of cases) {
    const request = handshake(fields);
    // Reads to the end of the stream.
    const received = text(await exchange(server.addresses[0], [joined(request, request)]));
    assert.deepEqual(received.match(/HTTP\/1\.1 \d+/g), [`HTTP/1.1 ${expected}`], received);
    assert.match(received, /\r\nconnection: close\r\n/i);
  }
});

Deno.test("a handshake that was sent while another request is open is not accepted", async () => {
  await using server = await start();
  const first = ascii(
    "POST /later HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 1\r\n\r\n1",
  );
  const twice = (bytes: Uint8Array) => text(bytes).split("HTTP/1.1 ").length > 2;
  const received = await exchange(server.addresses[0], [joined(first, handshake())], twice);
  assert.deepEqual(text(received).match(/HTTP\/1\.1 \d+/g), ["HTTP/1.1 200", "HTTP/1.1 200"]);
});

Deno.test("a handshake may follow an answered request on the same connection", async () => {
  await using server = await start();
  const [hostname, port] = server.addresses[0].split(":");
  using connection = await Deno.connect({ hostname, port: Number(port) });
  const buffer = new Uint8Array(4096);
  await connection.write(ascii("GET / HTTP/1.1\r\nhost: a\r\n\r\n"));
  assert.equal(status(buffer.subarray(0, (await connection.read(buffer))!)), 200);
  await connection.write(handshake());
  assert.equal(status(buffer.subarray(0, (await connection.read(buffer))!)), 101);
});

Deno.test("webSockets: false leaves the upgrade without effect", async () => {
  await using server = await start({ webSockets: false });
  const received = await exchange(server.addresses[0], [handshake()], hasHead);
  assert.equal(status(received), 200);
});

Deno.test("a shutdown says goodbye and closes WebSockets with 1001", async () => {
  const server = await start();
  const socket = new WebSocket(`ws://${server.addresses[0]}/`, "vrpc-lean.1");
  await new Promise((resolve) => socket.onopen = resolve);
  const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
  await server.shutdown({ graceMs: 1_000 });
  const { code, wasClean } = await closed;
  assert.deepEqual([code, wasClean], [1001, true]);
});

Deno.test("text messages close a WebSocket with 1003", async () => {
  await using server = await start();
  const socket = new WebSocket(`ws://${server.addresses[0]}/`, "vrpc-lean.1");
  await new Promise((resolve) => socket.onopen = resolve);
  const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
  socket.send(HELLO_ROUTE);
  assert.equal((await closed).code, 1003);
});

Deno.test("a WebSocket that sends nothing is closed after prefaceTimeoutMs", async () => {
  await using server = await start(true, { limits: { prefaceTimeoutMs: 100 } });
  const received = await exchange(server.addresses[0], [handshake()]);
  assert.equal(status(received), 101);
  assert.equal(serverFrames(body(received)).at(-1)!.opcode, 8);
});

Deno.test("an old WebSocket is drained at its age", async () => {
  await using server = await start(true, { maxConnectionAgeMs: 200 });
  await using channel = connect("x:1", {
    wire: "lean",
    dial: () => webSocketStream(`ws://${server.addresses[0]}/`),
  });
  assert.equal(text(await channel.call("/echo", ascii("a"))), "a");
  const before = server.stats().connections.accepted;
  while (server.stats().connections.open > 0) await new Promise((done) => setTimeout(done, 20));
  assert.equal(text(await channel.call("/echo", ascii("b"))), "b");
  assert.ok(server.stats().connections.accepted > before);
});

Deno.test("wss works on TLS, where HTTP/1.1 is negotiated", async () => {
  const tls = await selfSigned();
  await using server = await start(true, { tls });
  const [hostname, port] = server.addresses[0].split(":");
  using connection = await Deno.connectTls({
    ...{ hostname, port: Number(port), caCerts: [tls.cert], alpnProtocols: ["http/1.1"] },
  });
  await connection.write(joined(handshake(), clientFrame(2, V1_REQUEST), clientFrame(8)));
  const received = new Uint8Array(await new Response(connection.readable).arrayBuffer());
  assert.equal(status(received), 101);
  assert.deepEqual(serverFrames(body(received)).map(({ opcode }) => opcode), [2, 8]);
});

Deno.test("a WebSocket without calls is closed after maxConnectionIdleMs", async () => {
  await using server = await start(true, { maxConnectionIdleMs: 100 });
  const bytes = joined(handshake(), clientFrame(2, clientHello()));
  const received = await exchange(server.addresses[0], [bytes]);
  const frames = serverFrames(body(received));
  assert.equal(frames.at(-1)!.opcode, 8);
  assert.equal(frames.at(-1)!.payload[1] | frames.at(-1)!.payload[0] << 8, 1001);
});
