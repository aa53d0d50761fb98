import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import tls from "node:tls";
import { createAuthority } from "../../src/transport/certs.ts";
import {
  ClientCertificates,
  MAX_VERIFIED_CERTIFICATES,
  type ServerTlsSocket,
} from "../../src/transport/client_certificates.ts";
import { dial } from "../../src/transport/dial.ts";
import { listen } from "../../src/transport/listen.ts";
import type { TlsServerOptions } from "../../src/transport/tls_options.ts";
import type { ByteStream, Listener } from "../../src/transport/types.ts";

const authority = await createAuthority();
const stranger = await createAuthority({ commonName: "stranger" });
const server = await authority.issueServer();
const alice = await authority.issueClient({ commonName: "alice" });
const mallory = await stranger.issueClient({ commonName: "mallory" });
const hasOpenssl = await new Deno.Command("openssl", { args: ["version"] }).output()
  .then((o) => o.success, () => false);

/** Accepts one connection; resolves to its peer, or to the error of its handshake. */
async function outcome(listener: Listener): Promise<ByteStream["peer"]["tls"] | Error> {
  const stream = (await listener.accept())!;
  try {
    await stream.handshake!();
    // The client waits for this line: the tickets of TLS 1.3 come before it.
    await stream.write(new TextEncoder().encode("ready\n"));
    await stream.read(new Uint8Array(1)).catch(() => {});
    return stream.peer.tls;
  } catch (error) {
    return error as Error;
  } finally {
    stream.close();
  }
}

const listenWith = (options: Partial<TlsServerOptions>) =>
  listen("127.0.0.1:0", { tls: { ...server, ...options }, alpn: ["h2"] });

/** Connects by openssl, with or without a certificate, and keeps the session in a file or resumes it. */
async function openssl(
  listener: Listener,
  dir: string,
  args: string[],
  identity?: { cert: string; key: string },
): Promise<string> {
  if (identity !== undefined) {
    await Deno.writeTextFile(join(dir, "cert"), identity.cert);
    await Deno.writeTextFile(join(dir, "key"), identity.key);
    args = [...args, "-cert", join(dir, "cert"), "-key", join(dir, "key")];
  }
  const child = new Deno.Command("openssl", {
    args: [
      ...["s_client", "-connect", listener.address, "-servername", "localhost", "-alpn", "h2"],
      ...args,
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  // The program ends at the end of its input, or when the server closes.
  const input = child.stdin.getWriter();
  let text = "";
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream() as never)) {
    text += chunk;
    if (text.includes("ready\n")) input.close().catch(() => {});
  }
  await child.status;
  return /^(New|Reused), /m.exec(text)?.[1] ?? text;
}

for (const version of ["-tls1_2", "-tls1_3"]) {
  Deno.test({
    name: `mutual TLS refuses a session that began without a certificate, ${version}`,
    ignore: !hasOpenssl,
    async fn() {
      const dir = await Deno.makeTempDir();
      const open = await listenWith({});
      const mutual = await listenWith({ clientCa: authority.cert });
      const lenient = await listenWith({ clientCa: authority.cert, clientAuth: "request" });
      const save = [version, "-sess_out", join(dir, "session")];
      const resume = [version, "-sess_in", join(dir, "session")];
      try {
        for (const [args, how] of [[save, "New"], [resume, "Reused"]] as const) {
          const result = await Promise.all([outcome(open), openssl(open, dir, args)]);
          assert.deepEqual(result, [{ alpn: "h2", authorized: false }, how]);
        }
        const [seen] = await Promise.all([outcome(mutual), openssl(mutual, dir, resume)]);
        assert.match((seen as Error).message, /failed: the peer sent no client certificate$/);
        const [allowed] = await Promise.all([outcome(lenient), openssl(lenient, dir, resume)]);
        assert.deepEqual(allowed, { alpn: "h2", authorized: false });
      } finally {
        for (const listener of [open, mutual, lenient]) await listener.close();
        await Deno.remove(dir, { recursive: true });
      }
    },
  });

  Deno.test({
    name: `a session is resumed only where the same authorities verified it, ${version}`,
    ignore: !hasOpenssl,
    async fn() {
      const dir = await Deno.makeTempDir();
      const other = await listenWith({ clientCa: stranger.cert });
      const mutual = await listenWith({ clientCa: authority.cert });
      const lenient = await listenWith({ clientCa: authority.cert, clientAuth: "request" });
      const save = [version, "-sess_out", join(dir, "session")];
      const resume = [version, "-sess_in", join(dir, "session")];
      try {
        const [first] = await Promise.all([outcome(other), openssl(other, dir, save, mallory)]);
        assert.equal((first as { subject: string }).subject, "mallory");
        for (const listener of [mutual, lenient]) {
          const [seen] = await Promise.all([outcome(listener), openssl(listener, dir, resume)]);
          assert.match((seen as Error).message, /a session that other authorities verified$/);
        }
        const [known] = await Promise.all([outcome(mutual), openssl(mutual, dir, save, alice)]);
        assert.equal((known as { subject: string }).subject, "alice");
        for (const listener of [mutual, lenient]) {
          const [seen, how] = await Promise.all([
            outcome(listener),
            openssl(listener, dir, resume),
          ]);
          assert.deepEqual(seen, known);
          assert.equal(how, "Reused");
        }
      } finally {
        for (const listener of [other, mutual, lenient]) await listener.close();
        await Deno.remove(dir, { recursive: true });
      }
    },
  });
}

/** A certificate of version 1 that openssl signs itself. */
async function version1(dir: string, commonName: string): Promise<string> {
  const [key, request, cert] = ["v1.key", "v1.csr", "v1.pem"].map((name) => join(dir, name));
  for (
    const args of [
      ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key],
      ["req", "-new", "-key", key, "-subj", `/CN=${commonName}`, "-out", request],
      ["x509", "-req", "-in", request, "-key", key, "-days", "1", "-out", cert],
    ]
  ) {
    const { success } = await new Deno.Command("openssl", { args, stderr: "null" }).output();
    assert.ok(success, args.join(" "));
  }
  return await Deno.readTextFile(cert);
}

Deno.test({
  name: "a peer with an authority's certificate of version 1, and without its key, is refused",
  ignore: !hasOpenssl,
  async fn() {
    const dir = await Deno.makeTempDir();
    try {
      const cert = await version1(dir, "localhost");
      const listener = await listenWith({ clientCa: cert });
      const port = Number(listener.address.split(":")[1]);
      const options = { host: "127.0.0.1", port, servername: "localhost" };
      // The runtime takes the other key, because it can't read certificates of version 1.
      const client = tls.connect({
        ...{ ...options, ALPNProtocols: ["h2"], rejectUnauthorized: false },
        ...{ cert, key: mallory.key },
      });
      client.on("error", () => {}).on("data", () => client.destroy());
      assert.match((await outcome(listener) as Error).message, /is of X\.509 version 1; issue one/);
      client.destroy();
      await listener.close();

      const forger = tls.createServer({ cert, key: mallory.key, ALPNProtocols: ["h2"] });
      forger.on("connection", (socket) => socket.on("error", () => {}));
      forger.on("tlsClientError", () => {});
      await new Promise<void>((resolve) => forger.listen(0, "127.0.0.1", resolve));
      const { port: forged } = forger.address() as AddressInfo;
      await assert.rejects(
        dial(`127.0.0.1:${forged}`, {
          tls: { ca: cert, serverName: "localhost", cert: alice.cert, key: alice.key },
          alpn: ["h2"],
        }),
        /is of X\.509 version 1; issue one/,
      );
      await new Promise((resolve) => forger.close(resolve));
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
});

function socketOf(parts: Partial<ServerTlsSocket> & { fingerprint?: string; until?: string }) {
  return {
    authorized: true,
    authorizationError: undefined,
    isSessionReused: () => false,
    getPeerCertificate: () => ({
      raw: new Uint8Array([0x30, 3, 0x30, 1, 0xa0]) as never,
      fingerprint256: parts.fingerprint ?? "AB:CD",
      valid_to: parts.until ?? "Jan  2 00:00:00 2030 GMT",
    }),
    ...parts,
  };
}

Deno.test("ClientCertificates refuses a resumed session whose certificate has expired since", () => {
  const certificates = new ClientCertificates("some authorities", true);
  const nowMs = Date.UTC(2030, 0, 1);
  const resumed = { isSessionReused: () => true };
  assert.throws(() => certificates.check(socketOf(resumed), nowMs), /other authorities verified/);
  assert.ok(certificates.check(socketOf({}), nowMs) !== undefined);
  assert.ok(certificates.check(socketOf(resumed), nowMs) !== undefined);
  for (const until of ["Dec 31 23:59:59 2029 GMT", "no date"]) {
    assert.throws(() => certificates.check(socketOf({ ...resumed, until }), nowMs), {
      code: "CERT_HAS_EXPIRED",
    });
  }
});

Deno.test("ClientCertificates forgets the certificate that was verified longest ago", () => {
  const certificates = new ClientCertificates("some other authorities", true);
  for (let i = 0; i < MAX_VERIFIED_CERTIFICATES + 1; i++) {
    certificates.check(socketOf({ fingerprint: `${i}` }), 0);
    certificates.check(socketOf({ fingerprint: "kept" }), 0);
  }
  const resumed = { isSessionReused: () => true };
  certificates.check(socketOf({ ...resumed, fingerprint: "kept" }), 0);
  certificates.check(socketOf({ ...resumed, fingerprint: `${MAX_VERIFIED_CERTIFICATES}` }), 0);
  assert.throws(
    () => certificates.check(socketOf({ ...resumed, fingerprint: "0" }), 0),
    /other authorities verified/,
  );
});
