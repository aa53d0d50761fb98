import assert from "node:assert/strict";
import { ProtocolError } from "../../src/errors.ts";
import { COMPRESSION_ERROR, HpackDecoder } from "../../src/hpack/decoder.ts";
import { HpackEncoder } from "../../src/hpack/encoder.ts";
import { HeaderList } from "../../src/hpack/header_list.ts";
import { decode, decodeHex, encode, fields, hex, type Pair } from "./support.ts";

function refuses(action: () => unknown, message: string): void {
  assert.throws(action, (error) => {
    assert.ok(error instanceof ProtocolError, String(error));
    assert.equal(error.scope, "connection");
    assert.equal(error.code, COMPRESSION_ERROR);
    assert.equal(error.message, message);
    return true;
  });
}

const TRUNCATED = "Cannot read a header block that ends inside a field";
const LONG_INTEGER = "Cannot read an integer of more than 4 octets after its prefix";
const PADDING = "Cannot read Huffman-coded text: its padding must be at most 7 bits, all ones";

const MALFORMED: [string, string, string][] = [
  ["index 0 (RFC 7541 §6.1)", "80", "Cannot look up header field index 0: the lowest is 1"],
  [
    "an index above the tables (RFC 7541 §2.3.3)",
    "be",
    "Cannot look up header field index 62: the highest is 61",
  ],
  [
    "a name index above (RFC 7541 §2.3.3)",
    "7e 01 30",
    "Cannot look up header field index 62: the highest is 61",
  ],
  [
    "a name index far above (RFC 7541 §2.3.3)",
    "0f 2f 01 30",
    "Cannot look up header field index 62: the highest is 61",
  ],
  ["an index cut short (RFC 7541 §5.1)", "ff", TRUNCATED],
  ["an index cut short later (RFC 7541 §5.1)", "ff 80", TRUNCATED],
  ["a name without a value (RFC 7541 §6.2)", "44", TRUNCATED],
  ["a literal without a name", "40", TRUNCATED],
  ["a literal name without a value", "40 01 61", TRUNCATED],
  [
    "a name too long (RFC 7541 §5.2)",
    "40 05 61",
    "Cannot read text of 5 octets: the block has 1 left",
  ],
  [
    "a value too long (RFC 7541 §5.2)",
    "44 02 6f",
    "Cannot read text of 2 octets: the block has 1 left",
  ],
  [
    "a huge length (RFC 7541 §5.2)",
    "44 7f ff ff ff 7f",
    "Cannot read text of 268435582 octets: the block has 0 left",
  ],
  ["an index of 6 octets (RFC 7541 §5.1)", "ff 80 80 80 80 00", LONG_INTEGER],
  ["an index of ones (RFC 7541 §5.1)", "ffff ffff ffff ffff ffff", LONG_INTEGER],
  ["a length of 6 octets (RFC 7541 §5.1)", "44 7f 80 80 80 80 00", LONG_INTEGER],
  ["zeros as Huffman padding (RFC 7541 §5.2)", "44 81 00", PADDING],
  ["an octet of Huffman padding (RFC 7541 §5.2)", "44 81 ff", PADDING],
  [
    "Huffman text with the end of string (RFC 7541 §5.2)",
    "44 84 ffff ffff",
    "Cannot read Huffman-coded text: it contains the end-of-string symbol",
  ],
  [
    "a table above the limit (RFC 7541 §6.3)",
    "3f e2 1f",
    "Cannot use a header table of 4097 bytes: the limit is 4096",
  ],
  [
    "a table size update after a field (RFC 7541 §4.2)",
    "82 3f e1 1f",
    "Cannot change the table size after a header field of the same block",
  ],
  [
    "three table size updates (RFC 7541 §4.2)",
    "20 20 20",
    "Cannot accept another table size update: the limit is 2 per block",
  ],
];

for (const [what, block, message] of MALFORMED) {
  Deno.test(`decode() refuses ${what}`, () => refuses(() => decodeHex(block), message));
}

const WELL_FORMED: [string, string, Pair[]][] = [
  ["an empty block", "", []],
  ["two table size updates and nothing else (RFC 7541 §4.2)", "20 3f e1 1f", []],
  ["an integer with needless octets (RFC 7541 §5.1)", "3f 80 80 00 82", [[":method", "GET"]]],
  ["empty text, Huffman-coded (RFC 7541 §5.2)", "44 80 82", [[":path", ""], [":method", "GET"]]],
  ["an empty name (RFC 7541 §5.2)", "00 00 01 61", [["", "a"]]],
  ["octets above 127 (RFC 7541 §5.2)", "40 03 c3a4ff 02 fefd", [["\xc3\xa4\xff", "\xfe\xfd"]]],
  ["a never-indexed field with an indexed name (RFC 7541 §6.2.3)", "14 01 2f", [[":path", "/"]]],
];

for (const [what, block, expected] of WELL_FORMED) {
  Deno.test(`decode() accepts ${what}`, () => assert.deepEqual(fields(decodeHex(block)), expected));
}

Deno.test("decode() reads between start and end only", () => {
  const bytes = hex("ff 82 84 ff");
  const list = new HeaderList();
  new HpackDecoder().decode(bytes, 1, 3, list, { maxListBytes: 1000, maxFields: 10 });
  assert.deepEqual(fields(list), [[":method", "GET"], [":path", "/"]]);
});

Deno.test("RFC 7541 §6.2: decode() refuses every prefix of a literal field", () => {
  const block = hex("40 8825a849e95ba97d7f 8925a849e95bb8e8b4bf");
  for (let length = 1; length < block.length; length++) {
    assert.throws(() => decode(new HpackDecoder(), block.subarray(0, length)), ProtocolError);
  }
});

Deno.test("RFC 7541 §4.1: decode() counts 32 per field and keeps what fits the byte limit exactly", () => {
  const block = "82 84 86"; // 42, 38, 43
  assert.equal(decodeHex(block).size, 42 + 38 + 43);
  const exact = decodeHex(block, { maxListBytes: 123, maxFields: 3 });
  assert.deepEqual([exact.count, exact.overLimit], [3, false]);
  const over = decodeHex(block, { maxListBytes: 122, maxFields: 3 });
  assert.deepEqual([over.count, over.overLimit, over.size], [2, true, 123]);
});

Deno.test("decode() keeps no field beyond maxFields", () => {
  const list = decodeHex("82 84 86 82", { maxListBytes: 1000, maxFields: 2 });
  assert.deepEqual(fields(list), [[":method", "GET"], [":path", "/"]]);
  assert.equal(list.overLimit, true);
});

Deno.test("decode() keeps no field after one that was dropped", () => {
  // The second does not fit, the third would.
  const list = decodeHex("82 00 01 61 0a 31313131313131313131 84", {
    maxListBytes: 84,
    maxFields: 10,
  });
  assert.deepEqual(fields(list), [[":method", "GET"]]);
});

Deno.test("RFC 7541 §2.3.2: decode() updates the table beyond the limits", () => {
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder();
  const many: Pair[] = Array.from({ length: 20 }, (_, i) => [`name-${i}`, `value-${i}`]);
  const limits = { maxListBytes: 100, maxFields: 3 };
  assert.equal(decode(decoder, encode(encoder, many), limits).length, 2);
  assert.deepEqual(decode(decoder, encode(encoder, many.slice(15))), many.slice(15));
});

Deno.test("decode() checks text that it does not keep", () => {
  const limits = { maxListBytes: 0, maxFields: 0 };
  for (const block of ["00 8100 00", "00 00 81 00", "04 81 00", "00 0561", "00 00 02 61"]) {
    assert.throws(() => decodeHex(block, limits), ProtocolError);
  }
  assert.equal(decodeHex("00 0161 0162", limits).size, 34);
});

Deno.test("decode() counts a bomb of one-octet references without keeping them", () => {
  const large = "x".repeat(4000);
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder();
  decode(decoder, encode(encoder, [["a", large]]));
  const list = new HeaderList();
  const bomb = new Uint8Array(16384).fill(0xbe);
  decoder.decode(bomb, 0, bomb.length, list, { maxListBytes: 16384, maxFields: 128 });
  assert.equal(list.size, 16384 * 4033);
  assert.equal(list.count, 4);
  assert.equal(list.overLimit, true);
});

Deno.test("RFC 7541 §4.4: an entry larger than the table empties it, and is no error", () => {
  const decoder = new HpackDecoder();
  decode(decoder, hex("40 01 61 01 62"));
  assert.equal(decoder.tableBytes, 34);
  const large = "x".repeat(5000);
  const block = new Uint8Array([0x40, 1, 0x63, 0x7f, 0x89, 0x26, ...new Array(5000).fill(0x78)]);
  assert.deepEqual(decode(decoder, block), [["c", large]]);
  assert.equal(decoder.tableBytes, 0);
  assert.throws(() => decode(decoder, hex("be")), ProtocolError);
});

Deno.test("RFC 7541 §4.4: a literal may take its name from an entry that it evicts", () => {
  const decoder = new HpackDecoder({ maxTableBytes: 64 });
  decode(decoder, hex("40 04 6e616d65 01 31"));
  assert.deepEqual(decode(decoder, hex("7e 14 3232323232323232323232323232323232323232")), [
    ["name", "2".repeat(20)],
  ]);
  assert.deepEqual(decode(decoder, hex("be")), [["name", "2".repeat(20)]]);
});

Deno.test("RFC 7541 §4.2: a limit below the size in use requires a size update", () => {
  const lowered = () => {
    const decoder = new HpackDecoder();
    decoder.setMaxTableBytes(100);
    return decoder;
  };
  refuses(
    () => decode(lowered(), hex("82")),
    "Cannot keep a header table of 4096 bytes: the limit is 100",
  );
  refuses(
    () => decode(lowered(), hex("3f 46 82")), // 101
    "Cannot use a header table of 101 bytes: the limit is 100",
  );
  assert.equal(decode(lowered(), hex("3f 45 82")).length, 1);
  assert.equal(decode(lowered(), hex("20 82")).length, 1);
});

Deno.test("RFC 7541 §4.2: a limit lowered and raised again requires an update to the lower size first", () => {
  const decoder = new HpackDecoder();
  decoder.setMaxTableBytes(0);
  decoder.setMaxTableBytes(8192);
  const other = new HpackDecoder();
  other.setMaxTableBytes(0);
  other.setMaxTableBytes(8192);
  assert.equal(decode(decoder, hex("20 3f e1 3f 82")).length, 1);
  refuses(
    () => decode(other, hex("3f e1 3f 82")),
    "Cannot use a header table of 8192 bytes: the limit is 0",
  );
});

Deno.test("RFC 7541 §4.2: a limit above the size in use requires no update", () => {
  const decoder = new HpackDecoder();
  decoder.setMaxTableBytes(8192);
  assert.equal(decode(decoder, hex("82")).length, 1);
  assert.equal(decode(decoder, hex("3f e1 3f 82")).length, 1);
});

Deno.test("version changes with the table and only then", () => {
  const decoder = new HpackDecoder();
  const versionAfter = (digits: string) => {
    decode(decoder, hex(digits));
    return decoder.version;
  };
  const start = decoder.version;
  assert.equal(versionAfter("82 04 01 61 14 01 62"), start);
  const inserted = versionAfter("44 01 61");
  assert.notEqual(inserted, start);
  assert.equal(versionAfter("be"), inserted);
  assert.notEqual(versionAfter("3f 45"), inserted);
});

Deno.test("strings of the table are decoded once", () => {
  // Equal strings can't be told apart by identity, so the octets stand for it: they are gone.
  const decoder = new HpackDecoder();
  const first = hex("40 8825a849e95ba97d7f 8925a849e95bb8e8b4bf");
  decode(decoder, first);
  first.fill(0);
  assert.deepEqual(decode(decoder, hex("be be")), [
    ["custom-key", "custom-value"],
    ["custom-key", "custom-value"],
  ]);
});
