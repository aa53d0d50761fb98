// The examples of RFC 7541 appendix C, decoded and, where our encoder makes the same choices, encoded.
import assert from "node:assert/strict";
import { ByteWriter } from "../../src/bytes/writer.ts";
import { HpackDecoder } from "../../src/hpack/decoder.ts";
import { HpackEncoder } from "../../src/hpack/encoder.ts";
import { HeaderList } from "../../src/hpack/header_list.ts";
import { writeInteger } from "../../src/hpack/integer.ts";
import type { FieldMode } from "../../src/hpack/prepared_field.ts";
import { fields, GENEROUS, hex, type Pair } from "./support.ts";

interface Block {
  hex: string;
  fields: Pair[];
  tableBytes: number;
}

Deno.test("RFC 7541 §5.1: writeInteger() gives the octets of C.1", () => {
  const out = new Uint8Array(8);
  const write = (flags: number, prefixBits: number, value: number) =>
    out.slice(0, writeInteger(out, 0, flags, prefixBits, value)).toHex();
  assert.equal(write(0, 5, 10), "0a");
  assert.equal(write(0, 5, 1337), "1f9a0a");
  assert.equal(write(0, 8, 42), "2a");
});

const REPRESENTATIONS: [string, string, Pair, FieldMode | undefined, number][] = [
  [
    "C.2.1",
    "400a637573746f6d2d6b65790d637573746f6d2d686561646572",
    ["custom-key", "custom-header"],
    undefined,
    55,
  ],
  ["C.2.2", "040c2f73616d706c652f70617468", [":path", "/sample/path"], undefined, 0],
  ["C.2.3", "100870617373776f726406736563726574", ["password", "secret"], undefined, 0],
  ["C.2.4", "82", [":method", "GET"], "index", 0],
];

for (const [name, block, field, mode, tableBytes] of REPRESENTATIONS) {
  Deno.test(`RFC 7541 appendix ${name}: HpackDecoder decodes the example`, () => {
    const decoder = new HpackDecoder();
    const list = new HeaderList();
    const bytes = hex(block);
    decoder.decode(bytes, 0, bytes.length, list, GENEROUS);
    assert.deepEqual(fields(list), [field]);
    assert.equal(decoder.tableBytes, tableBytes);
    if (mode === undefined) return; // written there without Huffman, where ours is shorter
    const writer = new ByteWriter();
    new HpackEncoder().field(writer, ...field, mode);
    assert.equal(writer.view().toHex(), block);
  });
}

const REQUEST_FIELDS: Pair[][] = [
  [[":method", "GET"], [":scheme", "http"], [":path", "/"], [":authority", "www.example.com"]],
  [
    [":method", "GET"],
    [":scheme", "http"],
    [":path", "/"],
    [":authority", "www.example.com"],
    ["cache-control", "no-cache"],
  ],
  [
    [":method", "GET"],
    [":scheme", "https"],
    [":path", "/index.html"],
    [":authority", "www.example.com"],
    ["custom-key", "custom-value"],
  ],
];
const REQUEST_TABLES = [57, 110, 164];

const DATES = ["Mon, 21 Oct 2013 20:13:21 GMT", "Mon, 21 Oct 2013 20:13:22 GMT"];
const RESPONSE_FIELDS: Pair[][] = [
  [
    [":status", "302"],
    ["cache-control", "private"],
    ["date", DATES[0]],
    ["location", "https://www.example.com"],
  ],
  [
    [":status", "307"],
    ["cache-control", "private"],
    ["date", DATES[0]],
    ["location", "https://www.example.com"],
  ],
  [
    [":status", "200"],
    ["cache-control", "private"],
    ["date", DATES[1]],
    ["location", "https://www.example.com"],
    ["content-encoding", "gzip"],
    ["set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"],
  ],
];
const RESPONSE_TABLES = [222, 222, 215];

const SEQUENCES: [string, string[], Pair[][], number[], number][] = [
  [
    "C.3, requests without Huffman",
    [
      "828684410f7777772e6578616d706c652e636f6d",
      "828684be58086e6f2d6361636865",
      "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
    ],
    REQUEST_FIELDS,
    REQUEST_TABLES,
    4096,
  ],
  [
    "C.4, requests with Huffman",
    [
      "828684418cf1e3c2e5f23a6ba0ab90f4ff",
      "828684be5886a8eb10649cbf",
      "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
    ],
    REQUEST_FIELDS,
    REQUEST_TABLES,
    4096,
  ],
  [
    "C.5, responses without Huffman",
    [
      "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54" +
      "6e1768747470733a2f2f7777772e6578616d706c652e636f6d",
      "4803333037c1c0bf",
      "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f" +
      "3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076" +
      "657273696f6e3d31",
    ],
    RESPONSE_FIELDS,
    RESPONSE_TABLES,
    256,
  ],
  [
    "C.6, responses with Huffman",
    [
      "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f" +
      "0b97c8e9ae82ae43d3",
      "4883640effc1c0bf",
      "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335df" +
      "dfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
    ],
    RESPONSE_FIELDS,
    RESPONSE_TABLES,
    256,
  ],
];

for (const [name, blocks, lists, tables, maxTableBytes] of SEQUENCES) {
  const sequence: Block[] = blocks.map((hex, i) => ({
    hex,
    fields: lists[i],
    tableBytes: tables[i],
  }));

  Deno.test(`RFC 7541 appendix ${name}: HpackDecoder decodes the example`, () => {
    const decoder = new HpackDecoder({ maxTableBytes });
    const list = new HeaderList();
    for (const block of sequence) {
      const bytes = hex(block.hex);
      decoder.decode(bytes, 0, bytes.length, list, GENEROUS);
      bytes.fill(0xaa);
      assert.deepEqual(fields(list), block.fields);
      assert.equal(decoder.tableBytes, block.tableBytes);
      assert.equal(list.overLimit, false);
    }
  });

  if (name.includes("without")) continue;
  Deno.test(`RFC 7541 appendix ${name}: HpackEncoder encodes the example`, () => {
    const encoder = new HpackEncoder({ maxTableBytes });
    const writer = new ByteWriter();
    encoder.begin(writer); // the announcement of a table smaller than 4096 is not in the example
    for (const block of sequence) {
      writer.clear();
      encoder.begin(writer);
      for (const [name, value] of block.fields) encoder.field(writer, name, value);
      const text = writer.view().toHex();
      // "307" is as short with Huffman as without: the example uses it, our encoder saves the work.
      assert.equal(text, block.hex.replace("4883640eff", "4803333037"));
      assert.equal(encoder.tableBytes, block.tableBytes);
    }
  });
}
