import assert from "node:assert/strict";
import { Status } from "../../src/call/status.ts";
import { unzstd, zstd, zstdBytesStated } from "../../src/codec/zstd.ts";
import type { RpcError } from "../../src/errors.ts";

const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(" ", ""));
const codeOf = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    return (error as RpcError).code;
  }
  return Status.OK;
};

Deno.test("unzstd() reads raw and RLE blocks, with and without a declared length (RFC 8878 §3.1.1)", () => {
  // Magic, single segment of 3 bytes, the last block: raw.
  assert.deepEqual(unzstd(hex("28b52ffd 20 03 190000 616263"), 3), hex("616263"));
  // A window of 1 KiB, no length; the last block repeats one octet 5 times.
  assert.deepEqual(unzstd(hex("28b52ffd 00 00 2b0000 61"), 5), hex("6161616161"));
});

Deno.test("unzstd() reads frames in a row, empty ones too, within the limit for all", () => {
  const one = "28b52ffd 20 03 190000 616263";
  const empty = "28b52ffd 00 58 010000";
  assert.deepEqual(unzstd(hex(one + empty), 3), hex("616263"));
  assert.deepEqual(unzstd(hex(one + one), 6), hex("616263616263"));
  assert.equal(codeOf(() => unzstd(hex(one + one), 5)), Status.RESOURCE_EXHAUSTED);
  assert.equal(unzstd(hex(empty), 0).length, 0);
});

Deno.test("unzstd() rejects frames before it inflates them", () => {
  // Declares 2^32 bytes in 8 octets.
  const huge = hex("28b52ffd e0 0000000001000000 190000 616263");
  assert.equal(codeOf(() => unzstd(huge, 2 ** 31)), Status.INTERNAL);
  // Declares more than its one block can hold.
  assert.equal(
    codeOf(() => unzstd(hex("28b52ffd a0 00010000 190000 616263"), 10)),
    Status.INTERNAL,
  );
  // A window of 16 MiB (RFC 8878 §3.1.1.1.2 has 8 MiB as the most that decoders must support).
  const window = hex("28b52ffd 00 70 190000 616263");
  assert.equal(codeOf(() => unzstd(window, 10)), Status.RESOURCE_EXHAUSTED);
  // Reserved bit, reserved block type, a skippable frame.
  for (
    const wrong of [
      "28b52ffd 28 03 190000 616263",
      "28b52ffd 20 03 1f0000 616263",
      "28b52ffd 20 03 190000 616263 502a4d18 00000000",
    ]
  ) assert.equal(codeOf(() => unzstd(hex(wrong), 10)), Status.INTERNAL, wrong);
});

Deno.test("zstdBytesStated() returns the length in the header", () => {
  for (const length of [0, 1, 255, 256, 65_791, 65_792, 1_000_000]) {
    assert.equal(zstdBytesStated(zstd(new Uint8Array(length))), length);
  }
  assert.equal(zstdBytesStated(hex("00")), 0);
});
