import assert from "node:assert/strict";
import { SliceLength } from "../../../src/rpc/core/read_slices.ts";

Deno.test("SliceLength doubles after cheap full slices, from 1 KiB to 64 KiB", () => {
  const slice = new SliceLength();
  const lengths = Array.from({ length: 8 }, () => {
    const { bytes } = slice;
    slice.adjust(0.1, true);
    return bytes;
  });
  assert.deepEqual(lengths, [1_024, 2_048, 4_096, 8_192, 16_384, 32_768, 65_536, 65_536]);
});

Deno.test("SliceLength halves after slices of more than 0.5 ms, to 1 KiB", () => {
  const slice = new SliceLength();
  for (let i = 0; i < 3; i++) slice.adjust(0, true);
  assert.equal(slice.bytes, 8_192);
  slice.adjust(0.6, false);
  assert.equal(slice.bytes, 4_096);
  for (let i = 0; i < 5; i++) slice.adjust(10, true);
  assert.equal(slice.bytes, 1_024);
});

Deno.test("SliceLength keeps its length at costs between 0.25 and 0.5 ms, and after short slices", () => {
  const slice = new SliceLength();
  slice.adjust(0.25, true);
  slice.adjust(0.5, true);
  slice.adjust(0, false);
  assert.equal(slice.bytes, 1_024);
});
