import assert from "node:assert/strict";
import { HostileDocuments } from "./documents.ts";

const COUNT = 1_500;

Deno.test("hostile documents are refused, each with a reason", async () => {
  const hostile = await HostileDocuments.create();
  const reasons = new Set<string>();
  for (let seed = 1; seed <= COUNT; seed++) {
    const { refused, document } = await hostile.run(seed);
    assert.ok(refused, `seed ${seed} was accepted: ${document.toHex()}`);
    reasons.add(refused.reason);
  }
  // The documents reach each of the checks.
  for (const reason of ["malformed", "root", "chain", "signature", "pcrs", "timestamp"]) {
    assert.ok(reasons.has(reason), reason);
  }
});
