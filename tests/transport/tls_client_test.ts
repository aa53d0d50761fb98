import assert from "node:assert/strict";
import { TransportError } from "../../src/errors.ts";
import { createAuthority } from "../../src/transport/certs.ts";
import { dial } from "../../src/transport/dial.ts";
import { listen } from "../../src/transport/listen.ts";
import type { ByteStream } from "../../src/transport/types.ts";
import { acceptOne, drain, pattern, readExactly, writeAll } from "./suite.ts";

const authority = await createAuthority();
const server = await authority.issueServer();
const tls = { ca: authority.cert, ...await authority.issueClient({ commonName: "alice" }) };

/** Runs `use` with both ends of a connection with mutual TLS. */
async function connected(
  address: string,
  use: (client: ByteStream, server: ByteStream) => Promise<void>,
): Promise<void> {
  const listener = await listen(address, { tls: { ...server, clientCa: authority.cert } });
  const [far, near] = await Promise.all([
    acceptOne(listener),
    dial(listener.address, { tls: { ...tls, serverName: "localhost" } }),
  ]);
  try {
    await use(near, far);
  } finally {
    near.close();
    far.close();
    await near.released?.();
    await far.released?.();
    await listener.close();
  }
}

for (const address of ["127.0.0.1:0", "[::1]:0", `memory:${crypto.randomUUID()}`]) {
  Deno.test(`a client with a certificate takes no more than it reads, ${address}`, async () => {
    await connected(address, async (near, far) => {
      const total = 64 * 1024 * 1024;
      const chunk = pattern(65_536);
      let sent = 0;
      const writing = (async () => {
        while (sent < total) sent += await far.write(chunk);
        await far.closeWrite();
      })();
      await readExactly(near, 1);
      for (let before = -1; before !== sent;) {
        before = sent;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      assert.ok(sent < total / 2, `${sent} bytes were taken without a reader`);
      // The rest arrives once the client reads, with pauses that it causes itself.
      const buffer = new Uint8Array(300_000);
      for (let got = 1; got < total / 4;) {
        got += (await near.read(buffer))!;
        if (got % 7 === 0) await new Promise((resolve) => setTimeout(resolve));
      }
      const rest = drain(near);
      await writing;
      assert.ok((await rest).bytes > 0);
    });
  });
}

Deno.test("a client with a certificate has the addresses of its TCP connection", async () => {
  await connected("127.0.0.1:0", async (near, far) => {
    assert.equal(near.localAddress, far.peer.address);
    assert.equal(near.peer.address, far.localAddress);
    assert.equal(near.peer.transport, "tls");
    await writeAll(far, pattern(10));
    await readExactly(near, 10);
  });
});

Deno.test("a client with a certificate reports a server that refuses or resets", async () => {
  const listener = await listen("127.0.0.1:0");
  const accepting = listener.accept().then(async (stream) => {
    // Unread bytes turn the close into a reset.
    await stream!.read(new Uint8Array(1));
    stream!.close();
  });
  await assert.rejects(
    dial(listener.address, { tls }),
    /^TransportError: TLS handshake with 127\.0\.0\.1:\d+ failed: the peer .*; it may not speak TLS$/,
  );
  await accepting;
  await listener.close();
  await assert.rejects(dial(listener.address, { tls }), (error: Error) => {
    assert.ok(error instanceof TransportError);
    assert.match(error.message, /^Cannot connect to 127\.0\.0\.1:\d+: connection refused$/);
    return true;
  });
});
