import assert from "node:assert/strict";
import { isValue, keyFault, withoutOuterSpace } from "../../src/call/field_text.ts";

Deno.test("keyFault() accepts the keys of gRPC and says why it refuses others", () => {
  for (const key of ["a", "x-request-id", "a.b_c-9", "grpc-status-details-bin", "x".repeat(255)]) {
    assert.equal(keyFault(key), undefined, key);
  }
  for (const key of ["", "A", "a b", ":path", "a\u0000", "ü", "a!"]) {
    assert.match(keyFault(key)!, /only a-z/);
  }
  for (const key of ["connection", "host", "te", "upgrade", "transfer-encoding", "keep-alive"]) {
    assert.match(keyFault(key)!, /field of the connection/);
  }
  assert.match(keyFault("x".repeat(256))!, /256 characters, limit is 255/);
});

Deno.test("isValue() accepts printable ASCII", () => {
  for (const value of ["", " ", "a b", "~!"]) assert.equal(isValue(value), true);
  for (const value of ["a\tb", "\n", "\u007f", "é", "\u0000"]) assert.equal(isValue(value), false);
});

Deno.test("withoutOuterSpace() removes spaces and tabs, and nothing else", () => {
  for (
    const [value, wanted] of [
      ["", ""],
      [" ", ""],
      ["\t \t", ""],
      ["a", "a"],
      [" a b\t", "a b"],
      ["\u00a0a\n", "\u00a0a\n"],
    ]
  ) {
    assert.equal(withoutOuterSpace(value), wanted);
  }
  // Linear in the length of what lies between.
  const inner = `a${" ".repeat(500_000)}b`;
  assert.equal(withoutOuterSpace(` ${inner} `), inner);
});
