// Deno.bench of metadata as gRPC's header fields and back: `deno bench -A bench/micro/metadata_bench.ts`.
import { ByteWriter } from "../../src/bytes/writer.ts";
import { Metadata } from "../../src/call/metadata.ts";
import {
  decodeMessage,
  decodeMetadata,
  encodeMessage,
  encodeMetadata,
} from "../../src/grpc/fields.ts";
import { HpackEncoder } from "../../src/hpack/encoder.ts";
import { encodeFields, readFields } from "../../src/lean/format/fields.ts";
import { expectCount } from "../engine_pair.ts";

const TIMES = 1000;
const TEXT: [string, string][] = [
  ["tenant", "acme"],
  ["request-id", "7f3c9a1e-0b52-4c1d-9a50-2d1f8e6b7c3a"],
  ["authorization", "Bearer abcdefghijklmnopqrstuvwxyz0123456789"],
  ["region", "eu-central-1"],
];
const BINARY: [string, Uint8Array][] = TEXT.map(([name]) => [
  `${name}-bin`,
  new Uint8Array(32).fill(200),
]);

for (const [kind, pairs] of [["text", TEXT], ["-bin", BINARY]] as const) {
  const baseline = kind === "text";
  const metadata = new Metadata(pairs);
  const out = new ByteWriter();
  const encoder = new HpackEncoder();
  Deno.bench(`encode ${TIMES} × 4 ${kind} pairs, gRPC`, { group: "encode", baseline }, () => {
    for (let i = 0; i < TIMES; i++) {
      out.length = 0;
      encoder.begin(out);
      encodeMetadata(encoder, out, metadata);
      if (out.length === 0) throw new Error("Nothing was written");
    }
  });
  Deno.bench(`encode ${TIMES} × 4 ${kind} pairs, lean`, { group: "encode" }, () => {
    for (let i = 0; i < TIMES; i++) {
      if (encodeFields({ headers: metadata }) === undefined) throw new Error("Nothing was written");
    }
  });
  const names = pairs.map(([name]) => name);
  const values = pairs.map(([, value]) => typeof value === "string" ? value : value.toBase64());
  Deno.bench(`decode ${TIMES} × 4 ${kind} pairs, gRPC`, { group: "decode", baseline }, () => {
    let found = 0;
    for (let i = 0; i < TIMES; i++) found += decodeMetadata(names, values, 0, names.length).size;
    expectCount("keys", found, 4 * TIMES);
  });
  const block = encodeFields({ headers: metadata })!;
  Deno.bench(`decode ${TIMES} × 4 ${kind} pairs, lean`, { group: "decode" }, () => {
    let found = 0;
    for (let i = 0; i < TIMES; i++) {
      const fields = readFields(block, 0, block.length, 16_384, 128);
      if (!("headers" in fields)) throw new Error(fields.message);
      found += fields.headers().size;
    }
    expectCount("keys", found, 4 * TIMES);
  });
}

const PLAIN = "The key is not in the store, nor in its replicas";
const OTHER = "Der Schlüssel fehlt im Speicher: 100 % – und in den Kopien";

for (const [kind, text] of [["plain", PLAIN], ["percent-encoded", OTHER]]) {
  const baseline = kind === "plain";
  const encoded = encodeMessage(text);
  Deno.bench(`encode ${TIMES} × ${kind} text`, { group: "grpc-message", baseline }, () => {
    let length = 0;
    for (let i = 0; i < TIMES; i++) length += encodeMessage(text).length;
    expectCount("characters", length, TIMES * encoded.length);
  });
  Deno.bench(`decode ${TIMES} × ${kind} text`, { group: "grpc-message" }, () => {
    let length = 0;
    for (let i = 0; i < TIMES; i++) length += decodeMessage(encoded).length;
    expectCount("characters", length, TIMES * text.length);
  });
}
