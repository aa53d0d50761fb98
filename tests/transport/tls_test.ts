import assert from "node:assert/strict";
import { TransportError } from "../../src/errors.ts";
import { createAuthority, selfSigned } from "../../src/transport/certs.ts";
import { dial, type DialOptions } from "../../src/transport/dial.ts";
import { listen } from "../../src/transport/listen.ts";
import { tlsListener } from "../../src/transport/tls_server.ts";
import type { TlsClientOptions, TlsServerOptions } from "../../src/transport/tls_options.ts";
import type { ByteStream, Listener } from "../../src/transport/types.ts";
import { drain, readExactly, writeAll } from "./suite.ts";

const authority = await createAuthority();
const stranger = await createAuthority({ commonName: "stranger" });
const server = await authority.issueServer();
const alice = await authority.issueClient({ commonName: "alice", names: ["alice.internal"] });
const mallory = await stranger.issueClient({ commonName: "alice", names: ["alice.internal"] });
const expired = await authority.issueClient({ days: -1 });
const ca = authority.cert;
const mutual: TlsServerOptions = { ...server, clientCa: ca };

/** A server that echoes, and records the outcome of each connection. */
class EchoServer implements AsyncDisposable {
  readonly listener: Listener;
  readonly peers: ByteStream["peer"][] = [];
  readonly failures: Error[] = [];
  readonly #serving: Promise<void>;

  constructor(listener: Listener) {
    this.listener = listener;
    this.#serving = this.#serve();
  }

  static async start(tls: TlsServerOptions, address = "127.0.0.1:0", alpn = ["h2"]) {
    return new EchoServer(await listen(address, { tls, alpn }));
  }

  async #serve(): Promise<void> {
    const running: Promise<void>[] = [];
    for (;;) {
      const stream = await this.listener.accept();
      if (stream === null) break;
      running.push(this.#echo(stream));
    }
    await Promise.all(running);
  }

  async #echo(stream: ByteStream): Promise<void> {
    try {
      await stream.handshake!();
      this.peers.push(stream.peer);
      const buffer = new Uint8Array(4096);
      for (;;) {
        const count = await stream.read(buffer);
        if (count === null) break;
        await writeAll(stream, buffer.subarray(0, count));
      }
    } catch (error) {
      this.failures.push(error as Error);
    } finally {
      stream.close();
    }
  }

  /** Dials, and has one byte echoed. */
  async call(tls: TlsClientOptions, options: DialOptions = {}): Promise<ByteStream["peer"]> {
    const stream = await dial(this.listener.address, { tls, alpn: ["h2"], ...options });
    try {
      await writeAll(stream, new Uint8Array([7]));
      assert.deepEqual(await readExactly(stream, 1), new Uint8Array([7]));
      return stream.peer;
    } finally {
      stream.close();
    }
  }

  /** Ends, and waits until every connection has ended. */
  async stop(): Promise<void> {
    await this.listener.close();
    await this.#serving;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

const addresses = (): [string, string][] => [
  ["tcp", "127.0.0.1:0"],
  ["memory", `memory:${crypto.randomUUID()}`],
];

function failsWith(pattern: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof TransportError, String(error));
    assert.match(error.message, pattern);
    assert.ok(error.address !== undefined);
    return true;
  };
}

for (const [name, address] of addresses()) {
  Deno.test(`mutual TLS over ${name}: a verified client is accepted and identified`, async () => {
    await using echo = await EchoServer.start(mutual, address);
    const seen = await echo.call({ ca, ...alice });
    assert.deepEqual(echo.peers[0].tls, {
      alpn: "h2",
      authorized: true,
      subject: "alice",
      subjectAltNames: ["DNS:alice.internal"],
      fingerprint256: alice.fingerprint256,
    });
    assert.deepEqual(seen.tls, {
      alpn: "h2",
      authorized: true,
      subject: "localhost",
      subjectAltNames: ["DNS:localhost", "IP Address:127.0.0.1", "IP Address:::1"],
      fingerprint256: server.fingerprint256,
    });
    assert.deepEqual(echo.failures, []);
  });

  Deno.test(`mutual TLS over ${name}: a client without a certificate is rejected`, async () => {
    await using echo = await EchoServer.start(mutual, address);
    // With TLS 1.3 the client's handshake ends before the server verifies the certificate.
    await assert.rejects(echo.call({ ca }), failsWith(/client certificate/));
    await echo.stop();
    assert.deepEqual(echo.peers, []);
    assert.match(echo.failures[0].message, /failed: the peer sent no client certificate$/);
  });

  Deno.test(`mutual TLS over ${name}: a client with an invalid certificate is rejected`, async () => {
    await using echo = await EchoServer.start(mutual, address);
    await assert.rejects(echo.call({ ca, ...mallory }), failsWith(/client certificate/));
    await assert.rejects(echo.call({ ca, ...expired }), failsWith(/client certificate/));
    // Issued by the right authority, but for servers.
    await assert.rejects(echo.call({ ca, ...server }), failsWith(/client certificate/));
    await echo.stop();
    assert.deepEqual(echo.peers, []);
    // Deno names the same reason for all certificates that do not verify.
    const reasons = [
      /the peer's certificate does not verify: its issuer is unknown/,
      /the peer's certificate (does not verify: its issuer is unknown|has expired$)/,
      /the peer's certificate (does not verify: its issuer is unknown|is for another use)/,
    ];
    assert.equal(echo.failures.length, reasons.length);
    for (const [i, { message }] of echo.failures.entries()) assert.match(message, reasons[i]);
  });

  Deno.test(`clientAuth "request" over ${name}: no certificate is accepted, an invalid one is not`, async () => {
    await using echo = await EchoServer.start({ ...mutual, clientAuth: "request" }, address);
    await echo.call({ ca });
    assert.equal(echo.peers[0].tls?.authorized, false);
    assert.equal(echo.peers[0].tls?.fingerprint256, undefined);
    await echo.call({ ca, ...alice });
    assert.equal(echo.peers[1].tls?.authorized, true);
    await assert.rejects(echo.call({ ca, ...mallory }), failsWith(/client certificate/));
    assert.equal(echo.peers.length, 2);
  });

  Deno.test(`a client of TLS over ${name} verifies issuer, name and validity`, async () => {
    await using echo = await EchoServer.start(server, address);
    for (const own of [{}, alice]) {
      await assert.rejects(
        echo.call({ ...own }),
        failsWith(/^TLS handshake with .* failed: the peer's certificate .*issuer/),
      );
      await assert.rejects(
        echo.call({ ca, serverName: "bank.example", ...own }),
        failsWith(/certificate is for another host name: .*bank\.example/),
      );
      await echo.call({ ca, serverName: "localhost", ...own });
    }
    await using old = await EchoServer.start(
      await authority.issueServer({ days: -1 }),
      name === "tcp" ? address : `${address}-old`,
    );
    await assert.rejects(old.call({ ca }), failsWith(/has expired/));
    await assert.rejects(old.call({ ca, ...alice }), failsWith(/has expired/));
    await old.call({ insecure: true });
  });

  Deno.test(`a TLS server over ${name} survives garbage, half handshakes and disconnects`, async () => {
    await using echo = await EchoServer.start(mutual, address);
    const plain = await listen(`memory:${crypto.randomUUID()}`);
    // A valid ClientHello, to be cut.
    const hello = new Uint8Array(4096);
    const dialling = dial(plain.address, { tls: { ca }, timeoutMs: 50 }).catch(() => {});
    const caught = await plain.accept();
    const length = (await caught!.read(hello))!;
    await dialling;
    caught!.close();
    plain.close();

    const attacks: Uint8Array[] = [
      new Uint8Array(0),
      new TextEncoder().encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
      new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
      new Uint8Array(70_000).fill(0xff),
      new Uint8Array([0x16, 3, 1, 0xff, 0xff]),
      new Uint8Array([0x16, 3, 1, 0, 0]),
      new Uint8Array([0x15, 3, 3, 0, 2, 2, 40]),
    ];
    for (const cut of [1, 5, 6, 40, length - 1, length]) attacks.push(hello.slice(0, cut));
    for (let i = 0; i < 40; i++) {
      const flipped = hello.slice(0, length);
      flipped[(i * 7) % length] ^= 1 << (i % 8);
      attacks.push(flipped);
    }
    for (const bytes of attacks) {
      for (const orderly of [true, false]) {
        const stream = await dial(echo.listener.address);
        try {
          await writeAll(stream, bytes);
          if (orderly) {
            await stream.closeWrite();
            await drain(stream);
          }
        } catch (error) {
          assert.ok(error instanceof TransportError, String(error));
        }
        stream.close();
      }
    }
    await echo.call({ ca, ...alice });
    assert.equal(echo.peers.length, 1);
    for (const failure of echo.failures) {
      assert.ok(failure instanceof TransportError, String(failure));
    }
  });
}

Deno.test("TLS detects a byte that was changed in transit", async () => {
  const plain = await listen("memory:flipped");
  let flip = false;
  const listener = await tlsListener({
    address: plain.address,
    async accept() {
      const stream = (await plain.accept())!;
      return {
        async read(buffer) {
          const count = await stream.read(buffer);
          if (flip && count !== null) buffer[count - 1] ^= 1;
          return count;
        },
        write: (data) => stream.write(data),
        closeWrite: () => stream.closeWrite(),
        close: () => stream.close(),
        peer: stream.peer,
        localAddress: stream.localAddress,
      };
    },
    close: () => plain.close(),
  }, { tls: server });
  const [client, accepted] = await Promise.all([
    dial("memory:flipped", { tls: { ca } }),
    listener.accept().then(async (stream) => {
      await stream!.handshake!();
      return stream!;
    }),
  ]);
  await writeAll(client, new Uint8Array([1]));
  await readExactly(accepted, 1);
  flip = true;
  await writeAll(client, new Uint8Array([2]));
  await assert.rejects(accepted.read(new Uint8Array(1)), failsWith(/^Connection with .* broke: /));
  accepted.close();
  await assert.rejects(readExactly(client, 1), TransportError);
  client.close();
  await listener.close();
});

Deno.test("the runtime's TLS verifies on TCP, and reports the ALPN protocol", async () => {
  await using echo = await EchoServer.start(server);
  const peer = await echo.call({ ca });
  assert.equal(peer.transport, "tls");
  assert.deepEqual(peer.tls, { alpn: "h2", authorized: true });
  assert.equal(echo.peers[0].transport, "tls");
  assert.deepEqual(echo.peers[0].tls, { alpn: "h2", authorized: false });
});

Deno.test("TLS fails without a common ALPN protocol, and succeeds without ALPN", async () => {
  await using echo = await EchoServer.start(server);
  for (const own of [{}, alice]) {
    await assert.rejects(
      echo.call({ ca, ...own }, { alpn: ["http/1.0"] }),
      failsWith(/no application protocol \(ALPN\) in common$/),
    );
    assert.equal((await echo.call({ ca, ...own }, { alpn: undefined })).tls?.alpn, undefined);
  }
});

Deno.test("TLS verifies the host of the address, by name and by IP address", async () => {
  await using echo = await EchoServer.start(await authority.issueServer({ names: ["localhost"] }));
  const port = echo.listener.address.split(":")[1];
  for (const own of [{}, alice]) {
    await assert.rejects(echo.call({ ca, ...own }), failsWith(/for another host name/));
    const stream = await dial(`localhost:${port}`, { tls: { ca, ...own } });
    stream.close();
  }
});

Deno.test("TLS reports a server that does not speak it, or closes the connection", async () => {
  for (
    const [answer, pattern] of [
      ["HTTP/1.1 400 Bad Request\r\n\r\n", /does not speak TLS$/],
      ["", /the peer closed .*; it may not speak TLS$/],
    ] as const
  ) {
    const listener = await listen("127.0.0.1:0");
    const serving = (async () => {
      for (let i = 0; i < 2; i++) {
        const stream = (await listener.accept())!;
        await readExactly(stream, 1);
        if (answer !== "") await writeAll(stream, new TextEncoder().encode(answer));
        await stream.closeWrite();
        await drain(stream).catch(() => {});
        stream.close();
      }
    })();
    await assert.rejects(dial(listener.address, { tls: { ca } }), failsWith(pattern));
    await assert.rejects(dial(listener.address, { tls: { ca, ...alice } }), failsWith(pattern));
    await serving;
    await listener.close();
  }
});

Deno.test("a self-signed certificate is trusted as its own authority", async () => {
  const own = await selfSigned({ names: ["dev.internal", "127.0.0.1"] });
  await using echo = await EchoServer.start(own);
  await echo.call({ ca: own.cert });
  await echo.call({ ca: own.cert, serverName: "dev.internal" });
  await echo.call({ ca: own.cert, serverName: "dev.internal", ...alice });
});

Deno.test("certificate and key may be in one file, in any order", async () => {
  await using echo = await EchoServer.start({
    cert: server.key + server.cert,
    key: server.cert + server.key,
    clientCa: `The authority\n${ca}`,
  });
  await echo.call({ ca, cert: alice.key + alice.cert, key: alice.cert + alice.key });
});

Deno.test("authorities in one text need no line end between them", async () => {
  const ca = [stranger.cert, authority.cert].map((one) => one.trimEnd()).join("");
  const identity = await authority.issuePeer();
  const listener = await listen("127.0.0.1:0", { tls: { ...identity, clientCa: ca } });
  for (const own of [{}, { cert: identity.cert, key: identity.key }]) {
    const accepted = listener.accept().then((stream) => {
      return stream!.handshake!().then(() => stream!.peer.tls!.authorized, () => false)
        .finally(() => stream!.close());
    });
    const client = await dial(listener.address, { tls: { ca, ...own } });
    assert.equal(await accepted, "cert" in own);
    client.close();
  }
  await listener.close();
});

Deno.test("invalid TLS options throw a TypeError that names what is missing", async () => {
  const misuse = (tls: Partial<TlsServerOptions>, pattern: RegExp) =>
    assert.rejects(
      listen("127.0.0.1:0", { tls: tls as TlsServerOptions }),
      (error: Error) => error instanceof TypeError && pattern.test(error.message),
    );
  await misuse({ key: server.key }, /^tls\.cert contains no PEM/);
  await misuse({ cert: "/etc/cert.pem", key: server.key }, /pass the file's content, not its path/);
  await misuse({ cert: server.cert, key: alice.cert }, /^tls\.key contains no PEM/);
  await misuse({ cert: server.cert, key: alice.key }, /tls\.key does not match tls\.cert/);
  await misuse({ ...server, clientCa: "x" }, /^tls\.clientCa contains no PEM/);
  await misuse({ ...server, clientAuth: "require" }, /requires tls\.clientCa/);
  await misuse({
    ...server,
    cert: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
  }, /^tls\.cert/);
  for (
    const [tls, pattern] of [
      [{ ca: "x" }, /^tls\.ca contains no PEM/],
      [{ cert: alice.cert }, /^tls\.cert and tls\.key must be given together/],
      [{ cert: "x", key: alice.key }, /^tls\.cert contains no PEM/],
      [{ cert: alice.cert, key: mallory.key }, /^tls\.key does not match tls\.cert/],
      [
        { cert: alice.cert, key: alice.key.replaceAll("PRIVATE", "ENCRYPTED PRIVATE") },
        /^tls\.key is encrypted/,
      ],
    ] as const
  ) {
    await assert.rejects(
      dial("127.0.0.1:1", { tls }),
      (error: Error) => error instanceof TypeError && pattern.test(error.message),
    );
  }
});
