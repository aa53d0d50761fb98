import assert from "node:assert/strict";
import { derOfPem } from "../../src/attestation/pem.ts";

const PEM = "-----BEGIN CERTIFICATE-----\r\nAQI\r\nD\n-----END CERTIFICATE-----";

Deno.test("derOfPem() reads the one certificate of a text", () => {
  assert.deepEqual(derOfPem(`# a comment\n${PEM}\n`), Uint8Array.of(1, 2, 3));
});

Deno.test("derOfPem() refuses no certificate, several, and what is not base64", () => {
  for (
    const [text, why] of [
      ["", /it has 0 PEM certificates, must be one/],
      [PEM + PEM, /it has 2 PEM certificates, must be one/],
      [PEM.replace("AQI", "AQ!"), /its PEM is not base64/],
    ] as const
  ) {
    assert.throws(() => derOfPem(text), { name: "TypeError", message: why });
  }
});
