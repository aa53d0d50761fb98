import assert from "node:assert/strict";
import tls from "node:tls";
import { Duplex } from "node:stream";
import { selfSigned } from "../../src/transport/certs.ts";
import { alpnOffer, MAX_HELLO_BYTES, peekAlpnOffer } from "../../src/transport/client_hello.ts";
import { dial } from "../../src/transport/dial.ts";
import { listen } from "../../src/transport/listen.ts";
import type { ByteStream } from "../../src/transport/types.ts";

/** First bytes of a TLS client that offers these protocols. */
async function firstBytes(alpn: string[] | undefined): Promise<Uint8Array> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array>();
  const socket = new Duplex({
    read() {},
    write(chunk: Uint8Array, _encoding, done) {
      resolve(Uint8Array.from(chunk));
      done();
    },
  });
  const client = tls.connect({ socket, ALPNProtocols: alpn, rejectUnauthorized: false });
  client.on("error", () => {});
  const bytes = await promise;
  client.destroy();
  return bytes;
}

/** The handshake message of one record, cut into records of `size` bytes. */
function recut(record: Uint8Array, size: number): Uint8Array {
  const message = record.subarray(5);
  const out: number[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    out.push(22, 3, 1, part.length >> 8, part.length & 255, ...part);
  }
  return Uint8Array.from(out);
}

/** A stream that delivers these bytes, `size` at a time. */
function streamOf(bytes: Uint8Array, size: number): ByteStream {
  let at = 0;
  return {
    read(buffer) {
      const part = bytes.subarray(at, at + Math.min(size, buffer.length));
      buffer.set(part);
      at += part.length;
      return Promise.resolve(part.length === 0 ? null : part.length);
    },
    write: (data) => Promise.resolve(data.length),
    closeWrite: () => Promise.resolve(),
    close() {},
    peer: { address: "x", transport: "memory" },
    localAddress: "y",
  };
}

Deno.test("alpnOffer() reads the client's protocols in its order, once all of the hello has arrived", async () => {
  const hello = await firstBytes(["vrpc-lean/1", "h2"]);
  assert.deepEqual(alpnOffer(hello), ["vrpc-lean/1", "h2"]);
  for (let cut = 0; cut < hello.length; cut++) {
    assert.equal(alpnOffer(hello.subarray(0, cut)), "incomplete");
  }
  assert.deepEqual(alpnOffer(recut(hello, 7)), ["vrpc-lean/1", "h2"]);
  assert.equal(alpnOffer(await firstBytes(undefined)), undefined);
});

Deno.test("alpnOffer() takes any bytes, and what is no ClientHello offers nothing", async () => {
  const hello = await firstBytes(["h2"]);
  for (
    const other of ["PRI * HTTP/2.0", "\u0001\u0001", "\u0015\u0003\u0001\u0000\u0002\u0001\u0000"]
  ) {
    assert.equal(alpnOffer(new TextEncoder().encode(other)), undefined);
  }
  for (let i = 0; i < hello.length; i++) {
    for (const octet of [0, 1, 127, 255]) {
      const bent = hello.slice();
      bent[i] = octet;
      alpnOffer(bent);
    }
  }
});

Deno.test("peekAlpnOffer() returns a stream that reads from the start", async () => {
  const hello = await firstBytes(["h2", "vrpc-lean/1"]);
  const sent = Uint8Array.from([...hello, 1, 2, 3]);
  const { stream, offer } = await peekAlpnOffer(streamOf(sent, 10));
  assert.deepEqual(offer, ["h2", "vrpc-lean/1"]);
  const received: number[] = [];
  const buffer = new Uint8Array(16);
  for (;;) {
    const count = await stream.read(buffer);
    if (count === null) break;
    received.push(...buffer.subarray(0, count));
  }
  assert.deepEqual(received, [...sent]);
  // A handshake message that never ends is looked at up to a limit.
  const endless = new Uint8Array(MAX_HELLO_BYTES * 2);
  for (let at = 0; at < endless.length; at += 5 + 0x4000) endless.set([22, 3, 1, 0x40, 0], at);
  endless.set([1, 0xff, 0xff, 0xff], 5);
  assert.deepEqual((await peekAlpnOffer(streamOf(endless, 1_000))).offer, []);
});

Deno.test("a TLS server takes the protocol that its client prefers (RFC 7301 §3.2)", async () => {
  const { cert, key } = await selfSigned();
  const listener = await listen("127.0.0.1:0", {
    tls: { cert, key },
    alpn: ["h2", "vrpc-lean/1"],
  });
  const negotiated = async (alpn: string[] | undefined) => {
    const accepted = listener.accept().then(async (stream) => {
      await stream!.handshake!();
      return stream!;
    });
    const client = await dial(listener.address, { tls: { ca: cert }, alpn });
    const server = await accepted;
    assert.equal(server.peer.tls?.alpn, client.peer.tls?.alpn);
    client.close();
    server.close();
    return client.peer.tls?.alpn;
  };
  try {
    assert.equal(await negotiated(["h2", "vrpc-lean/1"]), "h2");
    assert.equal(await negotiated(["vrpc-lean/1", "h2"]), "vrpc-lean/1");
    assert.equal(await negotiated(["other", "vrpc-lean/1", "h2"]), "vrpc-lean/1");
    assert.equal(await negotiated(["vrpc-lean/1"]), "vrpc-lean/1");
    assert.equal(await negotiated(undefined), undefined);
  } finally {
    listener.close();
  }
});
