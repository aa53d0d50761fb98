import assert from "node:assert/strict";
import * as x509 from "@peculiar/x509";
import { authorize, connect, principalOf, RpcError, serve, Status, tlsPeer } from "../../mod.ts";
import {
  loadCertificateReader,
  MAX_REMEMBERED_BYTES,
  MAX_REMEMBERED_CERTIFICATES,
} from "../../src/transport/peer_certificate.ts";
import { createAuthority } from "../../src/transport/certs.ts";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const FORGED = "http://evil/?x, DNS:operator.internal, y";

async function authority() {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const notBefore = new Date(Date.now() - 86_400_000);
  const notAfter = new Date(Date.now() + 86_400_000);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=Test authority",
    ...{ keys, notBefore, notAfter, signingAlgorithm: ALGORITHM },
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  /** A client certificate with the alternative names given, or none. */
  const issue = async (
    names: x509.JsonGeneralNames | undefined,
    subject: string,
  ) => {
    const own = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
    const certificate = await x509.X509CertificateGenerator.create({
      ...{ subject, issuer: ca.subject, notBefore, notAfter },
      publicKey: own.publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: names === undefined ? [] : [new x509.SubjectAlternativeNameExtension(names)],
    });
    const key = new Uint8Array(await crypto.subtle.exportKey("pkcs8", own.privateKey));
    return {
      der: new Uint8Array(certificate.rawData),
      cert: certificate.toString("pem"),
      key: x509.PemConverter.encode(key, "PRIVATE KEY"),
    };
  };
  return { ca: ca.toString("pem"), issue };
}

Deno.test("a certificate's names keep their types, whatever they contain (RFC 5280 §4.2.1.6)", async () => {
  const { issue } = await authority();
  const read = await loadCertificateReader();
  const { der } = await issue([
    { type: "url", value: FORGED },
    { type: "email", value: "a@b, DNS:operator.internal" },
    { type: "dns", value: "client.internal" },
    { type: "dns", value: "x, DNS:operator.internal" },
    { type: "dn", value: 'CN="z, DNS:operator.internal"' },
    { type: "upn", value: "operator.internal" },
    { type: "ip", value: "127.0.0.1" },
    { type: "ip", value: "::1" },
    { type: "id", value: "1.2.3.4" },
  ], "CN=evil");
  const { subjectAltNames, subject } = read(der);
  assert.equal(subject, "CN=evil");
  assert.deepEqual(subjectAltNames.filter((_, i) => i !== 4 && i !== 5), [
    `URI:${FORGED}`,
    "email:a@b, DNS:operator.internal",
    "DNS:client.internal",
    "DNS:x, DNS:operator.internal",
    "IP Address:127.0.0.1",
    "IP Address:::1",
    "Registered ID:1.2.3.4",
  ]);
  assert.match(subjectAltNames[4], /^DirName:/);
  assert.match(subjectAltNames[5], /^otherName upn:/);
});

for (const wire of ["grpc", "lean"] as const) {
  Deno.test(`tlsPeer() reads no name within another one, and the subject without a common name: ${wire}`, async () => {
    const { ca, issue } = await authority();
    const own = await createAuthority();
    await using server = await serve("127.0.0.1:0", (router) => {
      const encoder = new TextEncoder();
      router.method("/operator", {}, (_, context) => encoder.encode(principalOf(context)));
      router.method("/any", {}, (_, context) => encoder.encode(principalOf(context)));
    }, {
      tls: { ...await own.issueServer(), clientCa: ca },
      interceptors: [
        authorize({ "/operator": tlsPeer("DNS:operator.internal"), "/any": tlsPeer() }),
      ],
    });
    const call = async (path: string, identity: { cert: string; key: string }) => {
      const { cert, key } = identity;
      await using channel = connect(server.addresses[0], {
        wire,
        tls: { ca: own.cert, cert, key, serverName: "localhost" },
      });
      return new TextDecoder().decode(await channel.call(path, new Uint8Array()));
    };
    const forged = await issue([{ type: "url", value: FORGED }], "CN=evil");
    await assert.rejects(
      call("/operator", forged),
      (error) => error instanceof RpcError && error.code === Status.PERMISSION_DENIED,
    );
    const operator = await issue([{ type: "dns", value: "operator.internal" }], "CN=op");
    assert.equal(await call("/operator", operator), "DNS:operator.internal");
    assert.equal(await call("/any", await issue(undefined, "CN=plain, O=Example")), "plain");
    assert.equal(await call("/any", await issue(undefined, "O=Example")), "O=Example");
    const alike = await call("/any", await issue(undefined, "CN=DNS:operator.internal"));
    assert.match(alike, /^[0-9a-f]{64}$/);
    // Nor like the fingerprint of another certificate.
    const print = "ab".repeat(32);
    assert.notEqual(await call("/any", await issue(undefined, `CN=${print}`)), print);
  });
}

Deno.test("the reader remembers the names of certificates up to a number and a size", async () => {
  const read = await loadCertificateReader();
  const { issue } = await authority();
  const small = (await issue([{ type: "dns", value: "a.internal" }], "CN=a")).der;
  const names = Array.from({ length: 500 }, (_, i) => ({
    type: "dns" as const,
    value: `host-${i}.example`,
  }));
  const large = (await issue(names, "CN=b")).der;
  assert.ok(large.length > MAX_REMEMBERED_BYTES);
  const first = read(small, "kept");
  assert.deepEqual(first.subjectAltNames, ["DNS:a.internal"]);
  assert.ok(Object.isFrozen(first.subjectAltNames));
  assert.notEqual(read(large, "large"), read(large, "large"));
  assert.notEqual(read(small), read(small));
  const forgotten = read(small, "0");
  for (let i = 1; i < MAX_REMEMBERED_CERTIFICATES; i++) {
    read(small, `${i}`);
    assert.equal(read(small, "kept"), first);
  }
  assert.notEqual(read(small, "0"), forgotten);
  assert.equal(read(small, "kept"), first);
});
