import assert from "node:assert/strict";
import { join } from "node:path";
import { type Channel, connect, serve, type Server } from "../../../mod.ts";
import {
  type CertificateAuthority,
  createAuthority,
  selfSigned,
} from "../../../src/transport/certs.ts";
import { watchTls } from "../../../src/transport/mod.ts";
import { sleep } from "../../fixtures/waiting.ts";

const CALLERS = 8;
const MESSAGE = new Uint8Array(64);

const start = (tls?: Parameters<typeof serve>[2] & object) =>
  serve("127.0.0.1:0", (router) => {
    router.method("/echo", {}, (request) => request);
    router.method("/subject", {}, (_, { peer }) => {
      return new TextEncoder().encode(peer.tls?.subject ?? "");
    });
  }, tls);

/** Calls one after another on each of several callers until `stop`; resolves to the number of calls. */
function load(channel: Channel): { stop(): Promise<number> } {
  let running = true;
  let calls = 0;
  const callers = Array.from({ length: CALLERS }, async () => {
    while (running) {
      const reply = await channel.call("/echo", MESSAGE);
      assert.equal(reply.length, MESSAGE.length);
      calls++;
    }
  });
  const all = Promise.all(callers);
  all.catch(() => {});
  return {
    async stop() {
      running = false;
      await all;
      return calls;
    },
  };
}

/** Returns the name in the client's certificate, as a handler sees it. */
async function subjectOf(channel: Channel): Promise<string> {
  return new TextDecoder().decode(await channel.call("/subject", MESSAGE));
}

/** Folder of one process: its certificate and key, and the authorities that it trusts. */
function identity(dir: string, name: string) {
  const files = { cert: join(dir, `${name}.crt`), key: join(dir, `${name}.key`) };
  const ca = join(dir, `${name}.ca`);
  return {
    files: { ...files, ca },
    async issue(authority: CertificateAuthority, commonName: string) {
      const pair = await authority.issuePeer({ commonName });
      await Deno.writeTextFile(files.cert, pair.cert);
      await Deno.writeTextFile(files.key, pair.key);
    },
    trust: (...authorities: CertificateAuthority[]) =>
      Deno.writeTextFile(ca, authorities.map(({ cert }) => cert).join("")),
  };
}

for (const [wire, rotations] of [["grpc", 50], ["lean", 10]] as const) {
  Deno.test(`mutual TLS is rotated ${rotations} times under load without a failed call: ${wire}`, async () => {
    const dir = await Deno.makeTempDir();
    const own = identity(dir, "server");
    const peer = identity(dir, "client");
    let authority = await createAuthority({ commonName: "authority 0" });
    for (const one of [own, peer]) {
      await one.issue(authority, "0");
      await one.trust(authority);
    }
    using serverTls = watchTls({ ...own.files, pollMs: Infinity, drainGraceMs: 10_000 });
    using channelTls = watchTls({ ...peer.files, pollMs: Infinity });
    await using server = await start({ tls: serverTls });
    await using channel = connect(server.addresses[0], { wire, tls: channelTls, poolSize: 2 });
    const running = load(channel);
    // The authority is replaced every ten rounds; both sides trust the next one five rounds earlier.
    let next = authority;
    for (let round = 1; round <= rotations; round++) {
      if (round % 10 === 5) {
        next = await createAuthority({ commonName: `authority ${round}` });
        for (const one of [own, peer]) await one.trust(authority, next);
      }
      if (round % 10 === 0) authority = next;
      for (const one of [own, peer]) await one.issue(authority, `${round}`);
      assert.ok(await channelTls.reload());
      assert.ok(await serverTls.reload());
      for (let asked = 1; await subjectOf(channel) !== `${round}`; asked++) {
        await sleep(2);
        // A dial that began before the change may have ended after the drain.
        if (asked % 100 === 0) void server.drain({ graceMs: 10_000 });
      }
    }
    const calls = await running.stop();
    assert.deepEqual(server.stats().calls.failed, {});
    assert.ok(calls >= rotations, `${calls} calls`);
    assert.ok(server.stats().connections.accepted > rotations);
    await Deno.remove(dir, { recursive: true });
  });
}

for (const wire of ["grpc", "lean"] as const) {
  Deno.test(`a channel with drainGraceMs connects anew after a change: ${wire}`, async () => {
    const dir = await Deno.makeTempDir();
    const own = identity(dir, "server");
    const peer = identity(dir, "client");
    const authority = await createAuthority();
    for (const one of [own, peer]) {
      await one.issue(authority, "0");
      await one.trust(authority);
    }
    using serverTls = watchTls({ ...own.files, pollMs: Infinity });
    using channelTls = watchTls({ ...peer.files, pollMs: Infinity, drainGraceMs: 5_000 });
    await using server = await start({ tls: serverTls });
    await using channel = connect(server.addresses[0], { wire, tls: channelTls });
    const running = load(channel);
    assert.equal(await subjectOf(channel), "0");
    for (let round = 1; round <= 5; round++) {
      await peer.issue(authority, `${round}`);
      assert.ok(await channelTls.reload());
      assert.equal(await subjectOf(channel), `${round}`);
    }
    await running.stop();
    assert.deepEqual(server.stats().calls.failed, {});
    await Deno.remove(dir, { recursive: true });
  });
}

/** Connects anew; returns the name in the server's certificate, which `ca` verifies. */
async function callWith(server: Server, ca: string): Promise<void> {
  await using channel = connect(server.addresses[0], { tls: { ca, serverName: "localhost" } });
  await channel.call("/echo", MESSAGE);
}

Deno.test("updateTls() changes the certificates of new handshakes; a bad one keeps the old", async () => {
  const [first, second] = [await selfSigned(), await selfSigned()];
  await using server = await start({ tls: first });
  await using before = connect(server.addresses[0], {
    tls: { ca: first.cert, serverName: "localhost" },
  });
  await before.call("/echo", MESSAGE);
  await server.updateTls(second);
  await callWith(server, second.cert);
  await assert.rejects(callWith(server, first.cert), /certificate/);
  await before.call("/echo", MESSAGE);
  await assert.rejects(server.updateTls({ cert: first.cert, key: second.key }), TypeError);
  await callWith(server, second.cert);
  const { accepted } = server.stats().connections;
  await server.updateTls(first, { drain: { graceMs: 5_000 } });
  await before.call("/echo", MESSAGE);
  assert.equal(server.stats().connections.accepted, accepted + 1);
});

Deno.test("updateTls() rejects on a server without TLS", async () => {
  await using server = await start();
  await assert.rejects(server.updateTls(await selfSigned()), /was started without the option tls/);
});
