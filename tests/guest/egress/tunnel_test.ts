import assert from "node:assert/strict";
import { Tunnel, TUNNEL_BUFFER_BYTES } from "../../../src/guest/egress/tunnel.ts";
import { MEMORY_BUFFER_BYTES, memoryPair } from "../../../src/transport/memory.ts";
import type { ByteStream } from "../../../src/transport/types.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { until } from "../../fixtures/waiting.ts";

const NONE = new Uint8Array(0);

function start({ maxBytes = Infinity, idleTimeoutMs = 1_000, first = NONE } = {}) {
  const clock = new FakeClock(1000.25);
  const [client, near] = memoryPair();
  const [far, server] = memoryPair();
  const tunnel = new Tunnel(near, far, { limits: { maxBytes, idleTimeoutMs }, clock });
  return { clock, client, server, tunnel, end: tunnel.run(first) };
}

async function readAll(stream: ByteStream): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const buffer = new Uint8Array(65_536);
  for (let count; (count = await stream.read(buffer)) !== null;) parts.push(buffer.slice(0, count));
  return new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer());
}

async function write(stream: ByteStream, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await stream.write(bytes.subarray(at));
}

Deno.test("bytes are forwarded both ways, and each direction ends on its own", async () => {
  const { client, server, tunnel, end } = start({ first: new Uint8Array([1, 2]) });
  const data = crypto.getRandomValues(new Uint8Array(60_000));
  const [sent] = await Promise.all([
    readAll(server),
    write(client, data).then(() => client.closeWrite()),
  ]);
  assert.deepEqual(sent, new Uint8Array([1, 2, ...data]));
  // The enclave's direction has ended; the other still works.
  const [received] = await Promise.all([
    readAll(client),
    write(server, data).then(() => server.closeWrite()),
  ]);
  assert.deepEqual(received, data);
  assert.equal(await end, "ended");
  assert.equal(tunnel.sentBytes, data.length + 2);
  assert.equal(tunnel.receivedBytes, data.length);
});

Deno.test("a receiver that does not read stops its sender", async () => {
  const { client, server, tunnel, end } = start();
  let written = 0;
  const writing = (async () => {
    const part = new Uint8Array(65_536);
    for (;;) written += await client.write(part);
  })().catch(() => {});
  let before = -1;
  while (written !== before) {
    before = written;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.ok(written > 0);
  assert.ok(written <= 2 * MEMORY_BUFFER_BYTES + TUNNEL_BUFFER_BYTES, `${written}`);
  server.close();
  assert.notEqual(await end, "ended");
  await writing;
  assert.ok(tunnel.sentBytes <= MEMORY_BUFFER_BYTES);
});

Deno.test("a tunnel without bytes is closed, and one with bytes is not", async () => {
  const { clock, client, server, end } = start({ idleTimeoutMs: 1_000 });
  const buffer = new Uint8Array(10);
  for (let i = 0; i < 3; i++) {
    clock.tick(900);
    await client.write(new Uint8Array([i]));
    assert.equal(await server.read(buffer), 1);
  }
  clock.tick(1_001);
  assert.equal(await end, "no bytes for 1000 ms");
  await assert.rejects(server.write(NONE).then(() => server.write(new Uint8Array(1))));
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("no more bytes than the limit are forwarded, and then the tunnel is closed", async () => {
  const { client, server, tunnel, end } = start({ maxBytes: 100 });
  const got = readAll(server).catch(() => NONE);
  await write(client, new Uint8Array(60));
  await until(() => tunnel.sentBytes === 60);
  await write(client, new Uint8Array(41));
  assert.equal(await end, "the limit of 100 bytes is reached");
  assert.equal(tunnel.sentBytes, 100);
  await got;
});

Deno.test("a failure of one side closes the other", async () => {
  const { client, server, end } = start();
  client.close();
  await server.write(new Uint8Array(1)).catch(() => {});
  assert.match(await end, /broke/);
  assert.equal(await server.read(new Uint8Array(1)).catch(() => null), null);
});
