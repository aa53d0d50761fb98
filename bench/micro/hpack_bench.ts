// Deno.bench of header blocks as gRPC peers send them: `deno bench -A bench/micro/hpack_bench.ts`.
import { ByteWriter } from "../../src/bytes/writer.ts";
import { HpackDecoder } from "../../src/hpack/decoder.ts";
import { HpackEncoder } from "../../src/hpack/encoder.ts";
import { HeaderList } from "../../src/hpack/header_list.ts";
import { decodeHuffman, encodeHuffman, huffmanBytes } from "../../src/hpack/huffman.ts";
import { PreparedField } from "../../src/hpack/prepared_field.ts";
import { BlockCache } from "../../src/http2/block_cache.ts";
import { checkRequest, FieldSummary } from "../../src/http2/field_check.ts";
import { expectCount } from "../engine_pair.ts";

const REQUEST: [string, string][] = [
  [":method", "POST"],
  [":scheme", "http"],
  [":path", "/vrpc.echo.v1.EchoService/Echo"],
  [":authority", "127.0.0.1:50051"],
  ["content-type", "application/grpc"],
  ["te", "trailers"],
  ["grpc-accept-encoding", "gzip"],
  ["user-agent", "grpc-go/1.85.0"],
];
const LIMITS = { maxListBytes: 16384, maxFields: 128 };
// Blocks per operation, to make the cost of the timer negligible.
const BLOCKS = 1000;

const writer = new ByteWriter();
const list = new HeaderList();

function blockOf(encoder: HpackEncoder, timeout?: string, mode?: "index" | "literal"): Uint8Array {
  writer.clear();
  encoder.begin(writer);
  for (const [name, value] of REQUEST) encoder.field(writer, name, value);
  if (timeout !== undefined) encoder.field(writer, "grpc-timeout", timeout, mode);
  return writer.view().slice();
}

function benchDecode(name: string, mode?: "index" | "literal"): void {
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder();
  const blocks = Array.from(
    { length: BLOCKS },
    (_, i) => blockOf(encoder, mode && `${900_000 + i}u`, mode),
  );
  decoder.decode(blocks[0], 0, blocks[0].length, list, LIMITS);
  const repeated = mode === "index" ? blocks.slice(1) : blocks.map(() => blocks[BLOCKS - 1]);
  const fields = REQUEST.length + (mode === undefined ? 0 : 1);
  const baseline = mode === undefined;
  Deno.bench(`decode ${BLOCKS} requests, ${name}`, { group: "decode", baseline }, () => {
    let found = 0;
    for (const block of repeated) {
      decoder.decode(block, 0, block.length, list, LIMITS);
      found += list.count;
    }
    expectCount("fields", found, repeated.length * fields);
  });
}

benchDecode("all fields in the table");
benchDecode("and a timeout without indexing", "literal");
benchDecode("and a timeout that goes into the table", "index");

{
  const block = blockOf(new HpackEncoder());
  Deno.bench(`decode ${BLOCKS} first requests of a connection`, { group: "decode" }, () => {
    for (let i = 0; i < BLOCKS; i++) {
      new HpackDecoder().decode(block, 0, block.length, list, LIMITS);
    }
    expectCount("fields", list.count, REQUEST.length);
  });
}

{
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder();
  const summary = new FieldSummary();
  const cache = new BlockCache();
  const read = (block: Uint8Array) => {
    decoder.decode(block, 0, block.length, list, LIMITS);
    const problem = checkRequest(list, summary);
    if (problem !== null) throw new Error(problem);
    // Set by the caller in production; without it no block is found.
    summary.parsed = list.count;
  };
  read(blockOf(encoder));
  const block = blockOf(encoder);
  for (let i = 0; i < 2; i++) {
    read(block);
    cache.offer(block, 0, block.length, 0, 0, summary);
  }
  Deno.bench(`decode and check ${BLOCKS} requests`, { group: "cached", baseline: true }, () => {
    for (let i = 0; i < BLOCKS; i++) read(block);
    expectCount("fields", list.count, REQUEST.length);
  });
  Deno.bench(`find ${BLOCKS} requests as repeated blocks`, { group: "cached" }, () => {
    let found = 0;
    for (let i = 0; i < BLOCKS; i++) {
      if (cache.find(block, 0, block.length, 0)?.path === REQUEST[2][1]) found++;
    }
    expectCount("blocks", found, BLOCKS);
  });
}

{
  const text = "/vrpc.echo.v1.EchoService/Echo?request-id=7f3c9a1e-0b52";
  const bytes = new Uint8Array(huffmanBytes(text));
  encodeHuffman(text, bytes, 0);
  const decoded = new Uint8Array(text.length * 2);
  Deno.bench(`encode ${BLOCKS} texts by Huffman`, { group: "huffman", baseline: true }, () => {
    let end = 0;
    for (let i = 0; i < BLOCKS; i++) end += encodeHuffman(text, bytes, 0);
    expectCount("bytes", end, BLOCKS * bytes.length);
  });
  Deno.bench(`measure ${BLOCKS} texts for Huffman`, { group: "huffman" }, () => {
    let length = 0;
    for (let i = 0; i < BLOCKS; i++) length += huffmanBytes(text);
    expectCount("bytes", length, BLOCKS * bytes.length);
  });
  Deno.bench(`decode ${BLOCKS} texts by Huffman`, { group: "huffman" }, () => {
    let length = 0;
    for (let i = 0; i < BLOCKS; i++) length += decodeHuffman(bytes, 0, bytes.length, decoded);
    expectCount("bytes", length, BLOCKS * text.length);
  });
}

const prepared = REQUEST.map(([name, value]) => new PreparedField(name, value));
const response = [
  new PreparedField(":status", "200"),
  new PreparedField("content-type", "application/grpc"),
];
const trailers = [new PreparedField("grpc-status", "0")];

function benchEncode(name: string, encode: (encoder: HpackEncoder, i: number) => void): void {
  const encoder = new HpackEncoder();
  const baseline = name === "requests by name and value";
  Deno.bench(`encode ${BLOCKS} ${name}`, { group: "encode", baseline }, () => {
    let written = 0;
    for (let i = 0; i < BLOCKS; i++) {
      writer.length = 0;
      encoder.begin(writer);
      encode(encoder, i);
      if (writer.length >= 3) written++;
    }
    expectCount("blocks", written, BLOCKS);
  });
}

benchEncode("requests by name and value", (encoder) => {
  for (const [name, value] of REQUEST) encoder.field(writer, name, value);
});
benchEncode("requests of prepared fields", (encoder) => {
  for (const field of prepared) encoder.prepared(writer, field);
});
benchEncode("requests of prepared fields and a timeout", (encoder, i) => {
  for (const field of prepared) encoder.prepared(writer, field);
  encoder.field(writer, "grpc-timeout", `${900_000 + i}u`, "literal");
});
benchEncode("responses and trailers of prepared fields", (encoder) => {
  for (const field of response) encoder.prepared(writer, field);
  for (const field of trailers) encoder.prepared(writer, field);
});
