import assert from "node:assert/strict";
import { selfSigned } from "../../src/transport/certs.ts";
import { checkKeyPair } from "../../src/transport/key_pair.ts";

const [one, other] = await Promise.all([selfSigned(), selfSigned()]);

Deno.test("checkKeyPair() accepts a certificate with its key, also in one file", () => {
  checkKeyPair(one.cert, one.key);
  checkKeyPair(one.cert + one.key, one.key + one.cert);
});

Deno.test("checkKeyPair() rejects keys of other certificates and invalid PEM", () => {
  const cases: [string, string, RegExp][] = [
    [one.cert, other.key, /^tls\.key does not match tls\.cert$/],
    [one.cert.replace(/\n.{40}/, "\n"), one.key, /^tls\.cert is not a valid certificate: /],
    [one.cert, one.key.replace(/\n.{40}/, "\n"), /^tls\.key is not a valid private key: /],
    [one.cert, "-----BEGIN ENCRYPTED PRIVATE KEY-----", /^tls\.key is encrypted; /],
  ];
  for (const [cert, key, message] of cases) {
    assert.throws(() => checkKeyPair(cert, key), { name: "TypeError", message });
  }
});
