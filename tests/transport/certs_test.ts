import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { createAuthority, selfSigned } from "../../src/transport/certs.ts";

Deno.test("selfSigned() creates an ECDSA certificate for this machine", async () => {
  const { cert, key, fingerprint256 } = await selfSigned();
  const certificate = new X509Certificate(cert);
  assert.equal(certificate.publicKey.asymmetricKeyType, "ec");
  assert.equal(certificate.subject, "CN=localhost");
  assert.match(certificate.subjectAltName!, /DNS:localhost, IP Address:127\.0\.0\.1, IP Address:/);
  assert.ok(certificate.checkPrivateKey(createPrivateKey(key)));
  assert.ok(certificate.verify(certificate.publicKey));
  assert.equal(certificate.fingerprint256.replaceAll(":", "").toLowerCase(), fingerprint256);
});

Deno.test("createAuthority() issues certificates that chain to it", async () => {
  const authority = await createAuthority({ commonName: "test, authority" });
  const root = new X509Certificate(authority.cert);
  assert.ok(root.ca);
  const client = await authority.issueClient({ commonName: "a+b=c", names: ["10.1.2.3"] });
  const leaf = new X509Certificate(client.cert);
  assert.ok(!leaf.ca);
  assert.ok(leaf.verify(root.publicKey));
  assert.equal(leaf.issuer, root.subject);
  assert.equal(leaf.subjectAltName, "IP Address:10.1.2.3");
  assert.ok(leaf.checkPrivateKey(createPrivateKey(client.key)));
  const other = await authority.issueClient();
  assert.notEqual(new X509Certificate(other.cert).serialNumber, leaf.serialNumber);
});

Deno.test("certificates are valid from yesterday for the requested days, or expired", async () => {
  const now = Date.now();
  const fresh = new X509Certificate((await selfSigned({ days: 2 })).cert);
  assert.ok(Date.parse(fresh.validFrom) < now && Date.parse(fresh.validTo) > now);
  const old = new X509Certificate((await selfSigned({ days: -1 })).cert);
  assert.ok(Date.parse(old.validTo) < now);
});
