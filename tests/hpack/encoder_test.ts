import assert from "node:assert/strict";
import { ByteWriter } from "../../src/bytes/writer.ts";
import { HpackDecoder } from "../../src/hpack/decoder.ts";
import { HpackEncoder } from "../../src/hpack/encoder.ts";
import { PreparedField } from "../../src/hpack/prepared_field.ts";
import { decode, encode, type Pair } from "./support.ts";

const digits = (encoder: HpackEncoder, list: Pair[], mode?: "index" | "literal" | "never") =>
  encode(encoder, list, mode).toHex();

Deno.test("RFC 7541 §6.1: field() takes one octet for an indexed field", () => {
  const encoder = new HpackEncoder();
  assert.equal(digits(encoder, [[":method", "POST"]]), "83");
  encode(encoder, [["te", "trailers"]]);
  assert.equal(digits(encoder, [["te", "trailers"]]), "be");
});

Deno.test("RFC 7541 §6.2.3, §7.1.3: field() in mode never keeps the value out of every table", () => {
  const encoder = new HpackEncoder();
  const version = encoder.version;
  // Literal never indexed, name 23 of the static table.
  assert.match(digits(encoder, [["authorization", "Bearer x"]], "never"), /^1f08/);
  assert.match(digits(encoder, [[":method", "GET"]], "never"), /^12/);
  assert.equal(encoder.version, version);
  encode(encoder, [["x-token", "1"]]);
  assert.match(digits(encoder, [["x-token", "1"]], "never"), /^1f2f/); // index 62
});

Deno.test("RFC 7541 §6.2.2: field() in mode literal inserts a field once, to index its name", () => {
  const encoder = new HpackEncoder();
  assert.match(digits(encoder, [["grpc-timeout", "1S"]], "literal"), /^40/);
  const version = encoder.version;
  assert.equal(digits(encoder, [["grpc-timeout", "2S"]], "literal"), "0f2f023253");
  assert.equal(digits(encoder, [[":path", "/a"]], "literal"), "04022f61");
  assert.equal(encoder.version, version);
});

Deno.test("field() writes literals when the peer allows no table", () => {
  const encoder = new HpackEncoder();
  encoder.setPeerMaxTableBytes(0);
  assert.equal(digits(encoder, [["te", "a"]]), "20" + "00" + "027465" + "0161");
  assert.equal(digits(encoder, [["te", "a"]]), "00" + "027465" + "0161");
  assert.equal(digits(encoder, [["te", "a"]], "literal"), "00" + "027465" + "0161");
  assert.equal(encoder.tableBytes, 0);
});

Deno.test("field() refuses text that is not Latin-1 before it writes anything", () => {
  const writer = new ByteWriter();
  const encoder = new HpackEncoder();
  assert.throws(() => encoder.field(writer, "a", "\u20ac"), TypeError);
  assert.throws(() => encoder.field(writer, "\u20ac", "a"), TypeError);
  assert.equal(writer.length, 0);
  assert.equal(encoder.tableBytes, 0);
});

Deno.test("RFC 7541 §4.2: after setPeerMaxTableBytes() the next block begins with size updates", () => {
  const cases: [number[], string][] = [
    [[4096], ""],
    [[100], "3f45"],
    [[0], "20"],
    [[100, 50], "3f13"],
    [[100, 4096], "3f45" + "3fe11f"],
    [[0, 65536], "20" + "3fe11f"], // our own limit is 4096
    [[65536], ""],
  ];
  for (const [sizes, expected] of cases) {
    const encoder = new HpackEncoder();
    for (const size of sizes) encoder.setPeerMaxTableBytes(size);
    assert.equal(digits(encoder, []), expected);
    assert.equal(digits(encoder, []), "");
  }
});

Deno.test("RFC 7541 §4.2: a smaller table of this side is announced in the first block", () => {
  assert.equal(digits(new HpackEncoder({ maxTableBytes: 0 }), [[":method", "GET"]]), "2082");
});

Deno.test("RFC 7541 §4.2: a larger table of this side is used once the peer allows it", () => {
  const encoder = new HpackEncoder({ maxTableBytes: 8192 });
  assert.equal(digits(encoder, []), "");
  encoder.setPeerMaxTableBytes(65536);
  assert.equal(digits(encoder, []), "3fe13f");
});

Deno.test("prepared() takes one octet once the field is in the table", () => {
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder();
  const type = new PreparedField("content-type", "application/grpc");
  const ok = new PreparedField(":status", "200");
  const block = () => {
    const writer = new ByteWriter();
    encoder.begin(writer);
    encoder.prepared(writer, ok);
    encoder.prepared(writer, type);
    return writer.view().slice();
  };
  const expected = [[":status", "200"], ["content-type", "application/grpc"]];
  assert.deepEqual(decode(decoder, block()), expected);
  assert.equal(block().toHex(), "88be");
  assert.deepEqual(decode(decoder, block()), expected);
});

Deno.test("prepared() and field() find each other's entries", () => {
  const encoder = new HpackEncoder();
  const writer = new ByteWriter();
  const prepared = new PreparedField("grpc-encoding", "gzip");
  encoder.field(writer, "grpc-encoding", "gzip");
  writer.clear();
  encoder.prepared(writer, prepared);
  encoder.prepared(writer, prepared);
  encoder.field(writer, "grpc-encoding", "gzip");
  assert.equal(writer.view().toHex(), "bebebe");
});

Deno.test("prepared() in mode literal leaves the table unchanged", () => {
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder();
  const writer = new ByteWriter();
  const prepared = new PreparedField("x-a", "b");
  const version = encoder.version;
  encoder.prepared(writer, prepared, "literal");
  assert.equal(encoder.version, version);
  assert.deepEqual(decode(decoder, writer.view()), [["x-a", "b"]]);
});

Deno.test("a prepared field is inserted again after its eviction, by each encoder on its own", () => {
  const prepared = new PreparedField("x-long", "v".repeat(1500));
  const other = new PreparedField("x-other", "w".repeat(3000));
  const encoders = [new HpackEncoder(), new HpackEncoder()];
  const decoders = [new HpackDecoder(), new HpackDecoder()];
  for (let round = 0; round < 6; round++) {
    encoders.forEach((encoder, i) => {
      const field = (round + i) % 3 === 0 ? other : prepared;
      const writer = new ByteWriter();
      encoder.begin(writer);
      encoder.prepared(writer, field);
      assert.deepEqual(decode(decoders[i], writer.view()), [[field.name, field.value]]);
      assert.ok(encoder.tableBytes <= 4096);
    });
  }
});

Deno.test("a block that left version unchanged can be sent again", () => {
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder();
  const list: Pair[] = [[":status", "200"], ["content-type", "application/grpc"]];
  decode(decoder, encode(encoder, list));
  const version = encoder.version;
  const kept = encode(encoder, list);
  assert.equal(encoder.version, version);
  for (let i = 0; i < 3; i++) assert.deepEqual(decode(decoder, kept), list);
  encode(encoder, [["x", "y"]]);
  assert.notEqual(encoder.version, version);
  const changed = encoder.version;
  encoder.setPeerMaxTableBytes(10);
  assert.notEqual(encoder.version, changed);
});
