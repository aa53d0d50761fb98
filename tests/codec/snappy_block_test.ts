import assert from "node:assert/strict";
import fc from "fast-check";
import { compress, uncompress } from "snappyjs";
import { compressBlock, inflateBlock, MAX_BLOCK_BYTES } from "../../src/codec/snappy_block.ts";

const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(" ", ""));
const inflated = (text: string, bytes: number) => inflateBlock(hex(text), bytes)?.toHex();

/** Blocks with repetitions at any distance, among them those of the largest size. */
const blocks = fc.tuple(
  fc.array(fc.uint8Array({ minLength: 1, maxLength: 80 }), { minLength: 1, maxLength: 12 }),
  fc.array(fc.nat(11), { maxLength: 2_000 }),
).map(([parts, order]) => {
  const all = order.flatMap((i) => [...parts[i % parts.length]]);
  return Uint8Array.from(all.slice(0, MAX_BLOCK_BYTES));
});

Deno.test("inflateBlock() reads each kind of element (format_description.txt §2)", () => {
  assert.equal(inflated("03 08 616263", 3), "616263");
  // Literals whose length takes one to four octets.
  for (
    const [tag, length] of [["f0", "02"], ["f4", "0200"], ["f8", "020000"], ["fc", "02000000"]]
  ) {
    assert.equal(inflated(`03 ${tag} ${length} 616263`, 3), "616263");
  }
  // Copies with offsets of 11, 16 and 32 bits; the last one overlaps what it appends.
  assert.equal(inflated("08 0c 61626364 01 04", 8), "6162636461626364");
  assert.equal(inflated("06 0c 61626364 06 0300", 6), "616263646263");
  assert.equal(inflated("06 0c 61626364 07 04000000", 6), "616263646162");
  assert.equal(inflated("0a 04 6162 11 02", 10), "61626162616261626162");
  assert.equal(inflated("00", 0), "");
});

Deno.test("inflateBlock() rejects what is cut off, refers to before the start, or is too long or short", () => {
  assert.equal(inflated("03 08 6162", 3), undefined);
  assert.equal(inflated("03 f4 02", 3), undefined);
  assert.equal(inflated("03 fc ffffffff 616263", 3), undefined);
  assert.equal(inflated("08 0c 61626364 01", 8), undefined);
  assert.equal(inflated("08 0c 61626364 01 00", 8), undefined);
  assert.equal(inflated("08 0c 61626364 01 05", 8), undefined);
  assert.equal(inflated("06 0c 61626364 07 ffffffff", 6), undefined);
  assert.equal(inflated("02 08 616263", 2), undefined);
  assert.equal(inflated("07 04 6162 11 02", 7), undefined);
  assert.equal(inflated("04 08 616263", 4), undefined);
});

Deno.test("inflateBlock() returns the same as snappyjs, or undefined, for damaged blocks", () => {
  fc.assert(fc.property(blocks, fc.nat(), fc.nat(255), (block, position, octet) => {
    const damaged = compressBlock(block).slice();
    const lengthBytes = damaged.findIndex((one) => one < 0x80) + 1;
    if (damaged.length === lengthBytes) return;
    damaged[lengthBytes + position % (damaged.length - lengthBytes)] = octet;
    const bytes = inflateBlock(damaged, block.length);
    if (bytes !== undefined) assert.deepEqual(bytes, uncompress(damaged.slice()));
  }));
});

Deno.test("what compressBlock() writes, inflateBlock() and snappyjs read, and the other way round", () => {
  const largest = new Uint8Array(MAX_BLOCK_BYTES).map((_, i) => Math.imul(i, i >>> 9) >>> 4);
  const examples: [Uint8Array][] = [
    ...[0, 1, 14, 15, 16, 59, 60, 61, 62, 255, 256, 257, 258, 65_535, 65_536].flatMap((
      length,
    ): [Uint8Array][] => [[largest.slice(0, length)], [new Uint8Array(length)]]),
  ];
  fc.assert(
    fc.property(blocks, (block) => {
      const compressed = compressBlock(block);
      assert.deepEqual(inflateBlock(compressed, block.length), block);
      assert.deepEqual(uncompress(compressed.slice()), block);
      assert.deepEqual(inflateBlock(compress(block), block.length), block);
    }),
    { examples },
  );
});

Deno.test("compressBlock() makes repetitions as small as snappyjs does", () => {
  const text = new TextEncoder().encode(
    "the quick brown fox jumps over the lazy dog. ".repeat(1_000),
  );
  const parts = [text, text.subarray(0, 300), new Uint8Array(MAX_BLOCK_BYTES)];
  for (const block of parts.map((one) => one.slice())) {
    assert.ok(compressBlock(block).length <= compress(block).length * 1.05);
  }
});
