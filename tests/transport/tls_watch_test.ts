import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CertifiedKey, createAuthority } from "../../src/transport/certs.ts";
import { dial } from "../../src/transport/dial.ts";
import { listen } from "../../src/transport/listen.ts";
import { currentTls, watchTls } from "../../src/transport/tls_watch.ts";
import type { Listener } from "../../src/transport/types.ts";
import { until } from "../fixtures/waiting.ts";
import { captureLog } from "../../src/testing/captured_log.ts";

const authority = await createAuthority();
const first = await authority.issuePeer({ commonName: "first" });
const second = await authority.issuePeer({ commonName: "second" });

/** A folder with the files of a certificate. */
class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "vrpc-tls-"));
  readonly files = {
    cert: join(this.path, "tls.crt"),
    key: join(this.path, "tls.key"),
    ca: join(this.path, "ca.crt"),
  };

  constructor(pair: CertifiedKey) {
    this.write(pair);
    writeFileSync(this.files.ca, authority.cert);
  }

  write({ cert, key }: CertifiedKey): void {
    writeFileSync(this.files.cert, cert);
    writeFileSync(this.files.key, key);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}

/** Runs `body`; returns the log of transports meanwhile. */
async function logged(body: () => Promise<void>): Promise<string[]> {
  await using log = await captureLog({ category: ["vrpc", "transport"], lowestLevel: "info" });
  await body();
  return log.lines;
}

Deno.test("watchTls() gives servers and clients the files' contents, and the new ones after a change", async () => {
  using folder = new Folder(first);
  using tls = watchTls({
    ...folder.files,
    clientAuth: "request",
    serverName: "orders",
    pollMs: Infinity,
  });
  const { cert, key } = first;
  assert.deepEqual(tls.server, { cert, key, clientCa: authority.cert, clientAuth: "request" });
  const client = tls.client;
  assert.deepEqual(client, { cert, key, ca: authority.cert, serverName: "orders" });
  let changes = 0;
  const unwatch = tls.onChange(() => changes++);
  assert.equal(await tls.reload(), false);
  assert.equal(tls.client, client);
  folder.write(second);
  assert.equal(await tls.reload(), true);
  assert.equal(tls.server.cert, second.cert);
  assert.equal(tls.client.key, second.key);
  assert.equal(currentTls(tls), tls.client);
  unwatch();
  folder.write(first);
  assert.equal(await tls.reload(), true);
  assert.equal(changes, 1);
});

Deno.test("watchTls() reads the files by itself", async () => {
  using folder = new Folder(first);
  using tls = watchTls({ ...folder.files, pollMs: 1 });
  folder.write(second);
  await until(() => tls.server.cert === second.cert);
});

Deno.test("watchTls() keeps the old files and logs once when the new ones are bad", async () => {
  using folder = new Folder(first);
  using tls = watchTls({ ...folder.files, pollMs: Infinity });
  const bad: [keyof Folder["files"], string | undefined, RegExp][] = [
    ["key", second.key, /^error Cannot use the new TLS files, keeping the old: .*does not match/],
    ["cert", "no certificate", /keeping the old: .*tls\.cert contains no PEM block/],
    ["ca", authority.cert.replace(/\nM/, "\nA"), /keeping the old: .*tls\.ca has a damaged/],
    ["cert", undefined, /keeping the old: .*(No such file|ENOENT)/],
  ];
  for (const [file, text, message] of bad) {
    const lines = await logged(async () => {
      if (text === undefined) rmSync(folder.files[file]);
      else writeFileSync(folder.files[file], text);
      assert.equal(await tls.reload(), false);
      assert.equal(await tls.reload(), false);
    });
    assert.equal(lines.length, 1);
    assert.match(lines[0], message);
    assert.equal(tls.server.cert, first.cert);
    folder.write(first);
    writeFileSync(folder.files.ca, authority.cert);
    assert.equal(await tls.reload(), false);
  }
  folder.write(second);
  assert.deepEqual(
    await logged(async () => assert.ok(await tls.reload())),
    [`info Using new TLS files: ${Object.values(folder.files).join(", ")}`],
  );
});

Deno.test("watchTls() throws for files that can't be used at first, and for bad options", async () => {
  using folder = new Folder(first);
  const { cert, key, ca } = folder.files;
  assert.throws(() => watchTls({ cert, key: `${key}x` }), { code: "ENOENT" });
  assert.throws(() => watchTls({ cert, ca }), /cert and key must be given together/);
  assert.throws(() => watchTls({}), /none is given/);
  assert.throws(() => watchTls({ cert, key, pollMs: 0 }), /Cannot use pollMs 0: it must be 1 or/);
  assert.throws(() => watchTls({ ca, drainGraceMs: -1 }), RangeError);
  using clientsOnly = watchTls({ ca, pollMs: Infinity });
  assert.throws(() => clientsOnly.server, /watchTls was given no cert and key/);
  await assert.rejects(listen("127.0.0.1:0", { tls: clientsOnly }), TypeError);
});

/** Common name of the listener's certificate; the connection lives until `close`. */
async function connectTo(listener: Listener) {
  const accepted = listener.accept();
  const [client] = await Promise.all([
    dial(listener.address, { tls: { ca: authority.cert, cert: first.cert, key: first.key } }),
    accepted.then((stream) => stream!.handshake!()),
  ]);
  const server = (await accepted)!;
  return {
    name: client.peer.tls!.subject,
    async echo() {
      await client.write(new Uint8Array([7]));
      assert.equal(await server.read(new Uint8Array(1)), 1);
    },
    close() {
      client.close();
      server.close();
    },
  };
}

Deno.test("a listener of watchTls() uses new certificates for new handshakes; open connections live on", async () => {
  using folder = new Folder(first);
  using tls = watchTls({ ...folder.files, pollMs: Infinity });
  const listener = await listen("127.0.0.1:0", { tls });
  const before = await connectTo(listener);
  assert.equal(before.name, "first");
  folder.write(second);
  await tls.reload();
  const after = await connectTo(listener);
  assert.equal(after.name, "second");
  await before.echo();
  await after.echo();
  before.close();
  after.close();
  await listener.close();
});
