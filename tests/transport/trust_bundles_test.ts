import assert from "node:assert/strict";
import { join } from "node:path";
import { type CertificateAuthority, createAuthority } from "../../src/transport/certs.ts";
import { dial } from "../../src/transport/dial.ts";
import { listen } from "../../src/transport/listen.ts";
import type { TlsClientOptions, TlsServerOptions } from "../../src/transport/tls_options.ts";
import { watchTls } from "../../src/transport/tls_watch.ts";

// The same name, so that names alone cannot tell them apart.
const one = await createAuthority({ commonName: "ca" });
const two = await createAuthority({ commonName: "ca" });
const trustBundles = { "one.org": one.cert, "two.org": two.cert };
const hasOpenssl = await new Deno.Command("openssl", { args: ["version"] }).output()
  .then((o) => o.success, () => false);

const peer = (authority: CertificateAuthority, ...uris: string[]) => authority.issuePeer({ uris });

/** Outcomes of a handshake: "ok" or the failure of each side. */
async function handshake(server: Partial<TlsServerOptions>, client: Partial<TlsClientOptions>) {
  const own = await peer(one, "spiffe://one.org/server");
  const listener = await listen("127.0.0.1:0", { tls: { ...own, ...server } });
  const accepted = listener.accept().then(async (stream) => {
    const outcome = await stream!.handshake!().then(() => "ok", (e: Error) => e.message);
    return { outcome, close: () => stream!.close() };
  });
  const dialled = await dial(listener.address, { tls: { serverName: "localhost", ...client } })
    .then(
      (stream) => ({ outcome: "ok", close: () => stream.close() }),
      (error: Error) => ({ outcome: error.message, close() {} }),
    );
  // The client closes after both handshakes: an earlier end would fail the server's.
  const { outcome, close } = await accepted;
  dialled.close();
  close();
  await listener.close();
  return { server: outcome, client: dialled.outcome };
}

Deno.test("trust bundles verify clients by the authorities of their own domain", async () => {
  const of = async (authority: CertificateAuthority, ...uris: string[]) => {
    const { cert, key } = await peer(authority, ...uris);
    return (await handshake({ trustBundles }, { ca: one.cert, cert, key })).server;
  };
  assert.equal(await of(one, "spiffe://one.org/a"), "ok");
  assert.equal(await of(two, "spiffe://two.org/a"), "ok");
  assert.match(
    await of(one, "spiffe://two.org/a"),
    /of two\.org did not issue spiffe:\/\/two\.org/,
  );
  assert.match(await of(two, "spiffe://one.org/a"), /of one\.org did not issue/);
  assert.match(await of(one, "spiffe://three.org/a"), /no trust bundle for .* three\.org/);
  assert.match(await of(one), /has no SPIFFE ID/);
});

Deno.test("trust bundles verify servers, by their IDs in place of names", async () => {
  const ids = (...serverSpiffeIds: string[]) => ({ trustBundles, serverSpiffeIds });
  const to = async (client: Partial<TlsClientOptions>, server = {}) =>
    (await handshake(server, client)).client;
  assert.equal(await to({ trustBundles }), "ok");
  assert.equal(await to({ ...ids("spiffe://one.org/server"), serverName: "orders" }), "ok");
  assert.match(await to({ trustBundles, serverName: "orders" }), /orders|name/);
  assert.match(await to(ids("spiffe://one.org/other")), /which is not in tls\.serverSpiffeIds/);
  const forged = await peer(two, "spiffe://one.org/server");
  assert.match(await to(ids("spiffe://one.org/server"), forged), /of one\.org did not issue/);
});

Deno.test("trust bundles may be files that are watched", async () => {
  const dir = await Deno.makeTempDir();
  const file = join(dir, "one.pem");
  await Deno.writeTextFile(file, one.cert);
  using tls = watchTls({ trustBundles: { "one.org": file }, pollMs: Infinity });
  assert.deepEqual(tls.client.trustBundles, { "one.org": one.cert });
  await Deno.writeTextFile(file, two.cert);
  assert.ok(await tls.reload());
  assert.deepEqual(tls.client.trustBundles, { "one.org": two.cert });
  await Deno.writeTextFile(file, "damaged");
  assert.equal(await tls.reload(), false);
  await Deno.remove(dir, { recursive: true });
});

Deno.test("trust bundles that are not valid throw", async () => {
  const reject = (client: TlsClientOptions, message: RegExp) =>
    assert.rejects(dial("127.0.0.1:1", { tls: client }), message);
  await reject({ trustBundles: {} }, /has no trust domain/);
  await reject({ trustBundles: { "One.org": one.cert } }, /must be a trust domain/);
  await reject({ trustBundles: { "one.org": "x" } }, /contains no PEM block/);
  await reject({ trustBundles, ca: one.cert }, /which take its place/);
  await reject({ serverSpiffeIds: ["spiffe://one.org/a"] }, /requires tls\.trustBundles/);
  await reject({ trustBundles, serverSpiffeIds: ["one.org"] }, /must be a SPIFFE ID/);
  const own = await peer(one);
  const options = { ...own, clientCa: one.cert, trustBundles };
  await assert.rejects(listen("127.0.0.1:0", { tls: options }), /which take its place/);
});

Deno.test({
  name: "a session that began with a certificate of another domain's authorities is not resumed",
  ignore: !hasOpenssl,
  async fn() {
    const dir = await Deno.makeTempDir();
    const forged = await peer(one, "spiffe://two.org/a");
    const own = await peer(one, "spiffe://one.org/server");
    await Deno.writeTextFile(join(dir, "cert"), forged.cert);
    await Deno.writeTextFile(join(dir, "key"), forged.key);
    const listener = await listen("127.0.0.1:0", { tls: { ...own, trustBundles } });
    const run = async (...args: string[]) => {
      const child = new Deno.Command("openssl", {
        args: [
          ...["s_client", "-connect", listener.address, "-tls1_2"],
          ...["-cert", join(dir, "cert"), "-key", join(dir, "key"), ...args],
        ],
        stdin: "null",
        stdout: "null",
        stderr: "null",
      }).spawn();
      const stream = (await listener.accept())!;
      const outcome = await stream.handshake!().then(() => "ok", (e: Error) => e.message);
      stream.close();
      await child.status;
      return outcome;
    };
    const session = join(dir, "session");
    assert.match(await run("-sess_out", session), /did not issue/);
    assert.ok((await Deno.stat(session)).size > 0);
    assert.match(await run("-sess_in", session), /other authorities verified|did not issue/);
    await listener.close();
    await Deno.remove(dir, { recursive: true });
  },
});
