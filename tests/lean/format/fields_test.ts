import fc from "fast-check";
import assert from "node:assert/strict";
import { CONNECTION_FIELDS } from "../../../src/call/field_text.ts";
import { Metadata } from "../../../src/call/metadata.ts";
import { encodeFields, readFields } from "../../../src/lean/format/fields.ts";
import { concat, RUNS, utf8 } from "../harness.ts";

Deno.test("encodeFields() encodes up to 65,535 bytes and keys of 255", () => {
  const block = (value: string) => encodeFields({ headers: new Metadata({ k: value }) });
  // Without kind (1) and length (2) of the entry, and the key with its length (2).
  const most = 65_535 - 3 - 2;
  assert.equal(block("x".repeat(most))!.length, 2 + 65_535);
  assert.throws(() => block("x".repeat(most + 1)), RangeError);
  const keyed = (key: string) => encodeFields({ headers: new Metadata({ [key]: "v" }) });
  assert.equal(keyed("k".repeat(255))!.length, 2 + 3 + 1 + 255 + 1);
  assert.throws(() => keyed("k".repeat(256)), TypeError);
  const binary = (length: number) =>
    encodeFields({ headers: new Metadata({ "k-bin": new Uint8Array(length) }) });
  assert.throws(() => binary(65_535), RangeError);
  // A refused block leaves nothing in the shared buffer.
  assert.deepEqual(block("x"), encodeFields({ headers: new Metadata({ k: "x" }) }));
});

const key = fc.stringMatching(/^[a-z0-9_.-]{1,20}$/).filter((k) =>
  !k.endsWith("-bin") && !CONNECTION_FIELDS.includes(k)
);
const metadata = fc.tuple(
  fc.array(fc.tuple(key, fc.stringMatching(/^[\x20-\x7e]{0,40}$/)), { maxLength: 8 }),
  fc.array(fc.tuple(key.map((k) => `${k}-bin`), fc.uint8Array({ maxLength: 40 })), {
    maxLength: 4,
  }),
).map(([texts, bins]) => new Metadata([...texts, ...bins]));

Deno.test("readFields() undoes encodeFields()", () => {
  fc.assert(
    fc.property(
      metadata,
      metadata,
      fc.option(fc.integer({ min: 0, max: 0xfffffffe }), { nil: undefined }),
      fc.stringMatching(/^[\x21-\x7e]{0,20}$/),
      (headers, trailers, timeoutMs, authority) => {
        const block = encodeFields({ headers, trailers, timeoutMs, authority });
        if (block === undefined) return;
        const input = concat(block, utf8("rest"));
        const read = readFields(input, 0, input.length, 65_535, 1_000);
        input.fill(0xff);
        assert.ok(!("code" in read), JSON.stringify(read));
        assert.equal(read.bytes, block.length);
        assert.equal(read.timeoutMs, timeoutMs ?? Infinity);
        assert.equal(read.authority, authority);
        assert.deepEqual([...read.headers()], [...headers]);
        assert.deepEqual([...read.trailers()], [...trailers]);
      },
    ),
    RUNS,
  );
});

Deno.test("readFields() reads or refuses any bytes and never throws", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), (bytes, cut) => {
      const read = readFields(bytes, 0, Math.min(cut, bytes.length), 16_384, 128);
      if (!("code" in read)) {
        assert.ok(read.bytes <= bytes.length);
        read.headers();
        read.trailers();
      }
    }),
    RUNS,
  );
});
