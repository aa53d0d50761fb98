import assert from "node:assert/strict";
import { checkPem, pemBlocks } from "../../src/transport/tls_options.ts";

const block = (label: string, body: string) =>
  `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;

Deno.test("checkPem() requires a block with the label", () => {
  checkPem("tls.key", block("EC PRIVATE KEY", "AA=="), "PRIVATE KEY");
  for (const text of ["/etc/key.pem", block("CERTIFICATE", "AA=="), undefined as never]) {
    assert.throws(() => checkPem("tls.key", text, "PRIVATE KEY"), {
      name: "TypeError",
      message: `tls.key contains no PEM block "-----BEGIN PRIVATE KEY-----"; ` +
        `pass the file's content, not its path`,
    });
  }
});

Deno.test("pemBlocks() extracts the blocks with a label, in order", () => {
  const first = block("CERTIFICATE", "AA==");
  const second = block("CERTIFICATE", "BB==");
  const key = block("EC PRIVATE KEY", "CC==");
  const file = `Bag Attributes\n${key}${first}text\n${second}`;
  assert.equal(pemBlocks(file, "CERTIFICATE"), first + second);
  assert.equal(pemBlocks(file, "PRIVATE KEY"), key);
  assert.equal(pemBlocks("no block", "CERTIFICATE"), "no block");
});
