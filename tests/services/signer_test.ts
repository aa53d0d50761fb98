import assert from "node:assert/strict";
import { constants, createPublicKey, verify as nodeVerify } from "node:crypto";
import { join } from "node:path";
import { generateCryptoKeys, keyOfType, publicKeyPem } from "../../src/services/crypto_keys.ts";
import { type SignatureSuite, SUITES } from "../../src/services/signature_suites.ts";
import { chooseCryptoBackend, openSigner } from "../../src/services/crypto_backend.ts";
import type { CryptoBackend } from "../../src/services/signer.ts";

const BACKENDS: CryptoBackend[] = ["libcrypto", "webcrypto"];
const keys = await generateCryptoKeys();
const hasLibcrypto = chooseCryptoBackend() === "libcrypto";
const nameOf = (suite: SignatureSuite) => `${suite.scheme} ${suite.hash}`;
const hasOpenssl = await new Deno.Command("openssl", { args: ["version"] }).output()
  .then((o) => o.success, () => false);

function nodeAccepts(suite: SignatureSuite, data: Uint8Array, signature: Uint8Array): boolean {
  const key = createPublicKey(publicKeyPem(keyOfType(keys, suite.keyType).spki));
  const padding = suite.scheme === "RSA-PSS"
    ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }
    : {};
  return nodeVerify(suite.hash.replace("-", ""), data, { key, ...padding }, signature);
}

async function opensslAccepts(
  suite: SignatureSuite,
  data: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  const directory = await Deno.makeTempDir();
  try {
    const file = (name: string) => join(directory, name);
    await Deno.writeTextFile(file("key"), publicKeyPem(keyOfType(keys, suite.keyType).spki));
    await Deno.writeFile(file("data"), data);
    await Deno.writeFile(file("signature"), signature);
    const pss = suite.scheme === "RSA-PSS"
      ? ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"]
      : [];
    const { success } = await new Deno.Command("openssl", {
      args: [
        "dgst",
        `-${suite.hash.replace("-", "").toLowerCase()}`,
        "-verify",
        file("key"),
        ...pss,
        "-signature",
        file("signature"),
        file("data"),
      ],
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

for (const backend of BACKENDS) {
  const ignore = backend === "libcrypto" && !hasLibcrypto;
  for (const suite of SUITES) {
    Deno.test({
      name: `sign() by ${backend}: ${nameOf(suite)} verifies with node:crypto and OpenSSL`,
      ignore,
      async fn() {
        const signer = await openSigner(backend, keys);
        // Above 64 KiB the hash is computed off the event loop.
        for (const length of [0, 1, 1000, 200_000]) {
          const data = new Uint8Array(length).fill(7);
          const signature = await signer.sign(suite, data);
          assert.ok(nodeAccepts(suite, data, signature), `node:crypto, ${length} bytes`);
          assert.ok(await signer.verify(suite, data, signature));
          if (hasOpenssl) {
            assert.ok(await opensslAccepts(suite, data, signature), `openssl, ${length} bytes`);
          }
        }
        signer.close();
      },
    });

    Deno.test({
      name: `verify() by ${backend}: ${nameOf(suite)} rejects wrong signatures`,
      ignore,
      async fn() {
        const signer = await openSigner(backend, keys);
        const data = new Uint8Array([1, 2, 3]);
        const signature = await signer.sign(suite, data);
        assert.equal(await signer.verify(suite, new Uint8Array([1, 2, 4]), signature), false);
        for (let i = 0; i < signature.length; i += 7) {
          const changed = signature.slice();
          changed[i] ^= 0x10;
          assert.equal(await signer.verify(suite, data, changed), false, `byte ${i}`);
        }
        assert.equal(await signer.verify(suite, data, signature.subarray(1)), false);
        assert.equal(await signer.verify(suite, data, new Uint8Array()), false);
        assert.equal(await signer.verify(suite, data, signature), true);
        signer.close();
      },
    });
  }
}

Deno.test({
  name: "both back ends accept each other's signatures",
  ignore: !hasLibcrypto,
  async fn() {
    const [one, other] = await Promise.all(BACKENDS.map((backend) => openSigner(backend, keys)));
    const data = new TextEncoder().encode("the same keys");
    for (const suite of SUITES) {
      assert.ok(await one.verify(suite, data, await other.sign(suite, data)), nameOf(suite));
      assert.ok(await other.verify(suite, data, await one.sign(suite, data)), nameOf(suite));
    }
    one.close();
    other.close();
  },
});

Deno.test({
  name: "concurrent sign() calls each get their own signature",
  ignore: !hasLibcrypto,
  async fn() {
    const signer = await openSigner("libcrypto", keys);
    const jobs = Array.from({ length: 40 }, (_, i) => ({
      suite: SUITES[i % SUITES.length],
      data: new Uint8Array([i]),
    }));
    const signatures = await Promise.all(jobs.map((job) => signer.sign(job.suite, job.data)));
    for (const [i, { suite, data }] of jobs.entries()) {
      assert.ok(nodeAccepts(suite, data, signatures[i]), `${i}`);
    }
    signer.close();
  },
});

Deno.test({
  name:
    "chooseCryptoBackend() falls back without the permission, and says so when asked for libcrypto",
  permissions: { ffi: false },
  fn() {
    assert.equal(chooseCryptoBackend(), "webcrypto");
    assert.throws(() => chooseCryptoBackend("libcrypto"), /--allow-ffi/);
  },
});
