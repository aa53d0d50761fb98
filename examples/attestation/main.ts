/**
 * Attestation: a channel that uses a connection only once its server has proved which program it runs.
 *
 *     deno run -A examples/attestation/main.ts
 *
 * In an enclave hardware signs the documents, and `nitroPolicy` verifies them. Neither is here: a key in this program
 * plays the hardware, with a format of its own. The exchange is the real one. It runs when a connection begins, with a
 * fresh nonce, and binds the document to the TLS connection: nobody in between can relay it.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { connect, serve } from "@vrpc/vrpc";
import type { AttestationPolicy, Attester } from "@vrpc/vrpc/attestation";

const ECDSA = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const hardware = await crypto.subtle.generateKey(ECDSA, false, ["sign", "verify"]);
const format = "example";
const hex = (bytes: Uint8Array = new Uint8Array()) => Buffer.from(bytes).toString("hex");

/** What hardware does: signs the measurement of the program that runs, with the nonce and the channel's binding. */
function attesterOf(image: string): Attester {
  return {
    format,
    async attest(nonce, userData) {
      const claims = JSON.stringify({
        pcr0: image,
        nonce: hex(nonce),
        userData: hex(userData),
        timestamp: Date.now(),
      });
      const bytes = new TextEncoder().encode(claims);
      const signature = new Uint8Array(
        await crypto.subtle.sign(ECDSA, hardware.privateKey, bytes),
      );
      return new TextEncoder().encode(`${claims}\n${hex(signature)}`);
    },
  };
}

/** Accepts documents of one image. */
function policyFor(image: string): AttestationPolicy {
  return {
    format,
    channel: "tls",
    async verify(document, expected) {
      const [claims, signature] = new TextDecoder().decode(document).split("\n");
      const bytes = new TextEncoder().encode(claims);
      const signed = Buffer.from(signature, "hex");
      if (!await crypto.subtle.verify(ECDSA, hardware.publicKey, signed, bytes)) {
        throw new Error("the signature is not that of the hardware");
      }
      const { pcr0, nonce, userData, timestamp } = JSON.parse(claims);
      if (nonce !== hex(expected?.nonce)) throw new Error("the nonce is another one");
      if (userData !== hex(expected?.userData)) throw new Error("it is of another connection");
      if (pcr0 !== image) throw new Error(`it runs image ${pcr0}, not ${image}`);
      return { format, moduleId: "module-1", timestamp, pcrs: { 0: pcr0 } };
    },
    accepts: ({ pcrs }) => pcrs[0] === image,
  };
}

await using server = await serve("127.0.0.1:0", (router) => {
  router.method("/vault/key", {}, () => crypto.getRandomValues(new Uint8Array(32)));
}, { attestation: attesterOf("5f5f") }); // has TLS with a key that is made at the start

for (const image of ["5f5f", "a0a0"]) {
  await using channel = connect(server.addresses[0], { attest: policyFor(image) });
  try {
    const key = await channel.call("/vault/key", new Uint8Array(), { timeoutMs: 10_000 });
    const [{ attestation }] = channel.stats().connections;
    console.log(`image ${image}: a key of ${key.length} bytes from ${attestation?.moduleId}`);
  } catch (error) {
    console.log(`image ${image}: ${(error as Error).message}`);
  }
}
const plain = connect(server.addresses[0]);
const refused = await plain.call("/vault/key", new Uint8Array()).catch((error) => error);
console.log(`without TLS: ${refused.codeName}`);
await plain.close();
