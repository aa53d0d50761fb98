// Deno.bench of header blocks as gRPC peers send them: `deno bench -A bench/hpack_bench.ts`.
import { ByteWriter } from "../src/bytes/writer.ts";
import { HpackDecoder } from "../src/hpack/decoder.ts";
import { HpackEncoder } from "../src/hpack/encoder.ts";
import { HeaderList } from "../src/hpack/header_list.ts";
import { PreparedField } from "../src/hpack/prepared_field.ts";

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
// One operation is this many blocks, so that the timer's own cost does not show.
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
  Deno.bench(`decode ${BLOCKS} requests, ${name}`, { group: "decode" }, () => {
    for (const block of repeated) decoder.decode(block, 0, block.length, list, LIMITS);
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
  Deno.bench(`encode ${BLOCKS} ${name}`, { group: "encode" }, () => {
    for (let i = 0; i < BLOCKS; i++) {
      if (writer.length > 60_000) writer.clear();
      encoder.begin(writer);
      encode(encoder, i);
    }
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
