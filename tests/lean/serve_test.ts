/** The lean wire over sockets: version-1 peers written by hand, TLS, shutdown and lost connections. */

import assert from "node:assert/strict";
import { connect, RpcError, serve, Status } from "../../mod.ts";
import { selfSigned } from "../../src/transport/certs.ts";
import { CLIENT_HELLO, concat, frame, hex, parse, text, utf8 } from "./harness.ts";

async function fails(call: Promise<unknown>): Promise<RpcError> {
  const error = await call.then(() => undefined, (reason) => reason);
  assert.ok(error instanceof RpcError, `${error}`);
  return error;
}

function port(address: string): number {
  return Number(address.split(":").at(-1));
}

/** Reads exactly `count` bytes. */
async function take(conn: Deno.Conn, count: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(count);
  for (let at = 0; at < count;) {
    const read = await conn.read(bytes.subarray(at));
    if (read === null) throw new Error(`closed after ${at} of ${count} bytes`);
    at += read;
  }
  return bytes;
}

/** A version-1 server that answers unknown routes with an empty reply. */
function version1(
  handle: (type: string, value: Uint8Array) => [flags: number, value: Uint8Array][],
) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const conns: Deno.Conn[] = [];
  const served = (async () => {
    for await (const conn of listener) {
      conns.push(conn);
      serveOne(conn, handle).catch(() => {});
    }
  })();
  return {
    address: `127.0.0.1:${(listener.addr as Deno.NetAddr).port}`,
    hangUp() {
      for (const conn of conns.splice(0)) conn.close();
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      this.hangUp();
      await served;
    },
  };
}

async function serveOne(conn: Deno.Conn, handle: Parameters<typeof version1>[0]): Promise<void> {
  for (;;) {
    const header = await take(conn, 16);
    const view = new DataView(header.buffer);
    const rest = await take(conn, view.getUint16(10) + view.getUint32(12));
    const [{ id, type, value }] = parse(concat(header, rest));
    for (const [flags, reply] of handle(type, value)) {
      const bytes = frame(flags, id, type, reply);
      for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
    }
  }
}

function oldServer() {
  return version1((type, value) => {
    switch (type) {
      case "/echo":
        return [[2, value]];
      case "/count":
        return Array.from({ length: 10 }, (_, i) => [i < 9 ? 6 : 14, Uint8Array.of(i)]);
      case "/session":
        return [[4, concat(utf8("re: "), value)]];
      case "/error":
        return [[0x12, utf8("no")]];
      case "/slow":
        return [];
      default:
        return [[2, new Uint8Array()]];
    }
  });
}

Deno.test("a version-1 client gets version-1 frames", async () => {
  await using server = await serve("127.0.0.1:0", (router) => {
    router.method("/echo", {}, (payload) => payload);
    router.method("/count", { kind: "server_streaming" }, function* () {
      for (let i = 0; i < 3; i++) yield Uint8Array.of(i);
    });
    router.method("/written", { kind: "server_streaming" }, async (_, { stream }) => {
      await stream.write(utf8("a"));
      await stream.write(utf8("b"), { last: true });
    });
    router.method("/chat", { kind: "bidi_streaming" }, async function* (messages) {
      for await (const message of messages) yield concat(utf8("re: "), message);
    });
  });
  using conn = await Deno.connect({ hostname: "127.0.0.1", port: port(server.addresses[0]) });
  const exchange = async (sent: Uint8Array, wanted: Uint8Array) => {
    await conn.write(sent);
    assert.equal((await take(conn, wanted.length)).toHex(), wanted.toHex());
  };
  await exchange(
    hex("01 01 0000000000000001 0005 00000002 2f6563686f 6869"),
    hex("01 02 0000000000000001 0005 00000002 2f6563686f 6869"),
  );
  await exchange(
    frame(1, 2, "/count"),
    concat(
      frame(6, 2, "/count", "\x00"),
      frame(6, 2, "/count", "\x01"),
      frame(14, 2, "/count", "\x02"),
    ),
  );
  await exchange(
    frame(1, 3, "/written"),
    concat(frame(6, 3, "/written", "a"), frame(14, 3, "/written", "b")),
  );
  await exchange(frame(4, 1n << 63n, "/chat", "x"), frame(4, 1n << 63n, "/chat", "re: x"));
  const unknown = "UNIMPLEMENTED: Unknown method /no";
  await exchange(frame(1, 4, "/no"), frame(0x12, 4, "/no", unknown));
  await exchange(frame(4, 1n << 63n, "/no", "a"), frame(0x12, 1n << 63n, "/no", unknown));
  assert.equal(server.stats().connections.lean, 1);
});

Deno.test("a channel calls a server of version 1", async () => {
  await using server = oldServer();
  await using strict = connect(server.address, { wire: "lean" });
  assert.equal((await fails(strict.call("/echo", utf8("hi")))).code, Status.UNAVAILABLE);
  await using careful = connect(server.address, { wire: "lean", allowVersion1: true });
  const refused = await fails(careful.call("/echo", utf8("hi"), { metadata: { a: "b" } }));
  assert.equal(refused.code, Status.UNIMPLEMENTED);
  const timed = await fails(careful.call("/echo", utf8("hi"), { timeoutMs: 5_000 }));
  assert.equal(timed.code, Status.UNIMPLEMENTED);
  await using channel = connect(server.address, {
    wire: "lean",
    allowVersion1: ["without_metadata", "without_deadlines"],
    poolSize: 1,
  });
  assert.equal(text(await channel.call("/echo", utf8("hi"), { metadata: { a: "b" } })), "hi");
  const big = new Uint8Array(300_000).fill(7);
  assert.deepEqual(await channel.call("/echo", big, { compress: true }), big);
  const chunks: number[] = [];
  for await (const chunk of channel.stream("/count", utf8(""))) chunks.push(...chunk);
  assert.deepEqual(chunks, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  {
    await using session = channel.session("/session", { initial: utf8("a") });
    assert.equal(text((await session.receive())!), "re: a");
    await session.send(utf8("b"));
    assert.equal(text((await session.receive())!), "re: b");
  }
  const error = await fails(channel.call("/error", utf8("")));
  assert.equal(error.code, Status.UNKNOWN);
  assert.equal(error.message, "no");
  const late = await fails(channel.call("/slow", utf8(""), { timeoutMs: 30 }));
  assert.equal(late.code, Status.DEADLINE_EXCEEDED);
  assert.equal(text(await channel.call("/echo", utf8("still"))), "still");
});

Deno.test("a lost connection ends sessions with UNAVAILABLE, on either wire version", async () => {
  await using old = oldServer();
  await using oldChannel = connect(old.address, { wire: "lean", allowVersion1: true });
  const oldSession = oldChannel.session("/session", { initial: utf8("a") });
  await oldSession.receive();
  old.hangUp();
  assert.equal((await fails(oldSession.receive())).code, Status.UNAVAILABLE);

  await using server = await serve("127.0.0.1:0", (router) => {
    router.method("/echo", { kind: "bidi_streaming" }, async function* (messages) {
      yield* messages;
    });
  });
  await using channel = connect(server.addresses[0], { wire: "lean" });
  const session = channel.session("/echo", { initial: utf8("a") });
  assert.equal(text((await session.receive())!), "a");
  await server.close();
  assert.equal((await fails(session.receive())).code, Status.UNAVAILABLE);
});

Deno.test("TLS negotiates vrpc-lean/1, and calls are sent with the hello", async () => {
  const { cert, key } = await selfSigned();
  let alpn: string | undefined;
  await using server = await serve("127.0.0.1:0", (router) => {
    router.method("/echo", {}, (payload, { peer, metadata }) => {
      alpn = peer.tls?.alpn;
      return concat(payload, utf8(metadata.get("k") ?? ""));
    });
  }, { tls: { cert, key } });
  await using channel = connect(server.addresses[0], { wire: "lean", tls: { ca: cert } });
  const replies = await Promise.all(
    Array.from(
      { length: 200 },
      (_, i) => channel.call("/echo", utf8(`${i}`), { metadata: { k: "v" } }),
    ),
  );
  assert.deepEqual(replies.map(text), Array.from({ length: 200 }, (_, i) => `${i}v`));
  assert.equal(alpn, "vrpc-lean/1");
});

Deno.test("a shutdown lets calls finish and does not wait for idle connections", async () => {
  const started = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  const server = await serve("127.0.0.1:0", (router) => {
    router.method("/wait", {}, async (payload) => {
      started.resolve();
      await finish.promise;
      return payload;
    });
  });
  await using channel = connect(server.addresses[0], { wire: "lean" });
  const call = channel.call("/wait", utf8("done"));
  await started.promise;
  const down = server.shutdown({ graceMs: 60_000 });
  finish.resolve();
  assert.equal(text(await call), "done");
  await down;
});

Deno.test("inside TLS the first bytes must match the negotiated protocol (RFC 7301 §3.2)", async () => {
  const { cert, key } = await selfSigned();
  await using server = await serve("127.0.0.1:0", (router) => {
    router.method("/echo", {}, (request) => request);
  }, { tls: { cert, key } });
  const port = Number(server.addresses[0].split(":").at(-1));
  const preface = utf8("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
  const answers = async (alpn: string, opening: Uint8Array): Promise<boolean> => {
    const options = { hostname: "localhost", port, caCerts: [cert], alpnProtocols: [alpn] };
    using connection = await Deno.connectTls(options);
    await connection.write(opening);
    return await connection.read(new Uint8Array(64)).catch(() => null) !== null;
  };
  assert.equal(await answers("h2", preface), true);
  assert.equal(await answers("vrpc-lean/1", CLIENT_HELLO), true);
  assert.equal(await answers("h2", CLIENT_HELLO), false);
  assert.equal(await answers("vrpc-lean/1", preface), false);
  assert.equal(server.stats().connections.unknown, 2);
});
