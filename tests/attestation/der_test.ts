import assert from "node:assert/strict";
import { AttestationError } from "../../src/attestation/attestation_error.ts";
import { DerReader, Tag } from "../../src/attestation/der.ts";

const reader = (hex: string) => new DerReader(Uint8Array.fromHex(hex.replaceAll(" ", "")));

Deno.test("DerReader takes values in order, and enters those that hold others", () => {
  const outer = reader("30 06 02 01 05 02 01 06");
  const inner = outer.enter(Tag.SEQUENCE);
  outer.end();
  assert.ok(outer.atEnd);
  assert.ok(inner.isNext(Tag.INTEGER));
  assert.deepEqual(inner.take(Tag.INTEGER), Uint8Array.of(5));
  assert.throws(() => inner.end(), AttestationError);
  assert.deepEqual(inner.takeWhole(Tag.INTEGER), Uint8Array.of(2, 1, 6));
  inner.end();
});

Deno.test("DerReader reads lengths of up to two bytes, each as short as it can be", () => {
  assert.equal(reader(`04 81 80 ${"00".repeat(128)}`).take(Tag.OCTET_STRING).length, 128);
  assert.equal(reader(`04 82 0100 ${"00".repeat(256)}`).take(Tag.OCTET_STRING).length, 256);
  for (
    const hex of [
      "",
      "04",
      "04 01",
      "04 80 00 00",
      "04 81",
      "04 81 01 00",
      `04 82 00 80 ${"00".repeat(128)}`,
      "04 83 000001 00",
      "04 ff 00",
      "02 00",
    ]
  ) {
    assert.throws(() => reader(hex).take(Tag.OCTET_STRING), AttestationError, hex);
  }
});
