import assert from "node:assert/strict";
import fc from "fast-check";
import { ByteWriter } from "../../src/bytes/writer.ts";
import { ProtocolError } from "../../src/errors.ts";
import { HpackDecoder } from "../../src/hpack/decoder.ts";
import { HpackEncoder } from "../../src/hpack/encoder.ts";
import { HeaderList } from "../../src/hpack/header_list.ts";
import { type FieldMode, PreparedField } from "../../src/hpack/prepared_field.ts";
import { STATIC_NAMES, STATIC_VALUES } from "../../src/hpack/static_table.ts";
import { decode, encode, fields, GENEROUS, type Pair } from "./support.ts";

const octets = (maxLength: number) =>
  fc.uint8Array({ maxLength }).map((bytes) => String.fromCharCode(...bytes));
const text = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...STATIC_NAMES, ...STATIC_VALUES, "te", "trailers") },
  { weight: 2, arbitrary: fc.string({ unit: "grapheme-ascii", maxLength: 30 }) },
  { weight: 2, arbitrary: octets(40) },
  { weight: 1, arbitrary: octets(3000) },
);
const pair: fc.Arbitrary<Pair> = fc.tuple(text, text);
const mode = fc.constantFrom<FieldMode>("index", "index", "literal", "never");
// Made once, as the class asks.
const PREPARED = Array.from(
  { length: 12 },
  (_, i) => new PreparedField(`x-prepared-${i % 5}`, "v".repeat(i * 60)),
);

Deno.test("a decoder reads what an encoder writes: blocks, modes, table sizes", () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.array(fc.tuple(pair, mode), { maxLength: 12 }) },
    { weight: 4, arbitrary: fc.array(fc.constantFrom(...PREPARED), { maxLength: 8 }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 9000 }) },
  );
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 60 }),
      fc.constantFrom(0, 100, 4096, 8192),
      (steps, ownMaxBytes) => {
        const encoder = new HpackEncoder({ maxTableBytes: ownMaxBytes });
        const decoder = new HpackDecoder();
        let peerMaxBytes = 4096;
        for (const step of steps) {
          if (typeof step === "number") {
            peerMaxBytes = step;
            decoder.setMaxTableBytes(step);
            encoder.setPeerMaxTableBytes(step);
            continue;
          }
          const writer = new ByteWriter();
          const versions = [encoder.version, decoder.version];
          const expected: Pair[] = [];
          encoder.begin(writer);
          for (const item of step) {
            if (item instanceof PreparedField) {
              encoder.prepared(writer, item);
              expected.push([item.name, item.value]);
            } else {
              encoder.field(writer, ...item[0], item[1]);
              expected.push(item[0]);
            }
          }
          assert.deepEqual(decode(decoder, writer.view()), expected);
          assert.equal(decoder.tableBytes, encoder.tableBytes);
          assert.ok(encoder.tableBytes <= Math.min(peerMaxBytes, ownMaxBytes));
          assert.equal(versions[0] === encoder.version, versions[1] === decoder.version);
        }
      },
    ),
    { numRuns: 400 },
  );
});

Deno.test("arbitrary octets decode or raise ProtocolError", () => {
  const limits = { maxListBytes: 16384, maxFields: 128 };
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), (blocks) => {
      const decoder = new HpackDecoder();
      const list = new HeaderList();
      try {
        for (const block of blocks) {
          decoder.decode(block, 0, block.length, list, limits);
          assert.ok(list.count <= 128 && decoder.tableBytes <= 4096);
          assert.ok(list.overLimit || list.size <= 16384);
        }
      } catch (error) {
        assert.ok(error instanceof ProtocolError, String(error));
      }
    }),
    { numRuns: 5000 },
  );
});

Deno.test("a valid block with octets changed or cut raises ProtocolError only", () => {
  fc.assert(
    fc.property(
      fc.array(pair, { minLength: 1, maxLength: 8 }),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
      fc.nat(),
      (list, changes, cut) => {
        let block = encode(new HpackEncoder(), list);
        for (const [at, octet] of changes) block[at % block.length] = octet;
        block = block.subarray(0, cut % (block.length + 1));
        try {
          decode(new HpackDecoder(), block);
        } catch (error) {
          assert.ok(error instanceof ProtocolError, String(error));
        }
      },
    ),
    { numRuns: 3000 },
  );
});

Deno.test("decoded fields do not depend on limits, as far as they are kept", () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(pair, { maxLength: 10 }), { maxLength: 6 }),
      fc.nat(600),
      fc.nat(8),
      (lists, maxListBytes, maxFields) => {
        const encoder = new HpackEncoder();
        const [strict, lenient] = [new HpackDecoder(), new HpackDecoder()];
        const [few, all] = [new HeaderList(), new HeaderList()];
        for (const list of lists) {
          const block = encode(encoder, list);
          strict.decode(block, 0, block.length, few, { maxListBytes, maxFields });
          lenient.decode(block, 0, block.length, all, GENEROUS);
          assert.deepEqual(fields(few), fields(all).slice(0, few.count));
          assert.equal(few.overLimit, few.count < all.count);
          assert.ok(few.count <= maxFields);
          assert.equal(strict.tableBytes, lenient.tableBytes);
        }
      },
    ),
  );
});
