/**
 * HPACK against hpack.js: many connections with varied header blocks, encoded here and decoded there, and vice
 * versa.
 *
 *     deno run -A tests/compat/conformance/hpack.ts [--seed N]
 *
 * Prints `PASS` or `FAIL` and a line for each connection that failed.
 *
 * @module
 */

import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import hpack from "hpack.js";
import { ByteWriter } from "../../../src/bytes/writer.ts";
import { HpackDecoder } from "../../../src/hpack/decoder.ts";
import { HpackEncoder } from "../../../src/hpack/encoder.ts";
import { HeaderList } from "../../../src/hpack/header_list.ts";

type Field = [name: string, value: string];

const CONNECTIONS = 200;
const BLOCKS = 40;
const TABLE_SIZES = [0, 33, 64, 128, 256, 1024, 4096];
const LIMITS = { maxListBytes: 1 << 24, maxFields: 1 << 16 };

const PSEUDO: Field[] = [
  [":method", "GET"],
  [":method", "POST"],
  [":scheme", "http"],
  [":scheme", "https"],
  [":path", "/"],
  [":path", "/package.Service/Method"],
  [":status", "200"],
  [":status", "418"],
  [":authority", "example.com:443"],
];
const NAMES = [
  "content-type",
  "grpc-status",
  "grpc-message",
  "te",
  "user-agent",
  "cookie",
  "date",
  "x-request-id",
  "trace-bin",
  "a",
];

/** Creates a small seeded generator (mulberry32). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

type Random = ReturnType<typeof randomFrom>;

/** Creates a text that is empty, short, long, digits, printable, or any octets, which Huffman codes differently. */
function value(random: Random): string {
  const length = [0, 1, 7, 30, 127, 128, 300, 5000][random(40) === 0 ? 7 : random(7)];
  const kind = random(4);
  let text = "";
  for (let i = 0; i < length; i++) {
    text += String.fromCharCode(
      kind === 0
        ? 48 + random(10)
        : kind === 1
        ? 97 + random(26)
        : kind === 2
        ? 32 + random(95)
        : 128 + random(128),
    );
  }
  return text;
}

function block(random: Random, seen: Field[]): Field[] {
  const fields: Field[] = [];
  const count = [0, 1, 5, 12, 60][random(5)];
  for (let i = 0; i < count; i++) {
    const kind = random(5);
    const field: Field = kind === 0
      ? PSEUDO[random(PSEUDO.length)]
      : kind === 1 && seen.length > 0
      ? seen[random(seen.length)]
      : kind === 2
      ? [`x-${random(1000)}`, value(random)]
      : [NAMES[random(NAMES.length)], value(random)];
    fields.push(field);
    if (seen.length < 50) seen.push(field);
  }
  return fields;
}

/** Whether hpack.js can take a text: it uses UTF-8, so octets above 127 are excluded. */
const ascii = ([name, value]: Field): Field => [
  name,
  value.replace(/[\x80-\xff]/g, "~"),
];

function theirDecoder(table: number) {
  const decompressor = hpack.decompressor.create({ table: { maxSize: 4096, size: 4096 } });
  if (table !== 4096) decompressor.updateTableSize(table);
  return (bytes: Uint8Array): Field[] => {
    decompressor.write(bytes);
    decompressor.execute();
    const fields: Field[] = [];
    for (let field = decompressor.read(); field; field = decompressor.read()) {
      fields.push([field.name, field.value]);
    }
    return fields;
  };
}

function encodedHere(seed: number): void {
  const random = randomFrom(seed);
  const table = TABLE_SIZES[random(TABLE_SIZES.length)];
  const encoder = new HpackEncoder({ maxTableBytes: 4096 });
  if (table !== 4096) encoder.setPeerMaxTableBytes(table);
  const decode = theirDecoder(4096);
  const seen: Field[] = [];
  for (let number = 0; number < BLOCKS; number++) {
    const fields = block(random, seen).map(ascii);
    const writer = new ByteWriter();
    encoder.begin(writer);
    for (const [name, value] of fields) {
      encoder.field(writer, name, value, (["index", "literal", "never"] as const)[random(3)]);
    }
    assert.deepEqual(decode(writer.view().slice()), fields, `block ${number}`);
    writer.clear();
    if (random(8) === 0) encoder.setPeerMaxTableBytes(TABLE_SIZES[random(TABLE_SIZES.length)]);
  }
}

function decodedHere(seed: number): void {
  const random = randomFrom(seed);
  const table = TABLE_SIZES[random(TABLE_SIZES.length)];
  const compressor = hpack.compressor.create({ table: { maxSize: 4096, size: 4096 } });
  const decoder = new HpackDecoder({ maxTableBytes: 4096 });
  const list = new HeaderList();
  const seen: Field[] = [];
  if (table !== 4096) compressor.updateTableSize(table);
  for (let number = 0; number < BLOCKS; number++) {
    const fields = block(random, seen).map(ascii);
    compressor.write(fields.map(([name, value]) => ({
      name,
      value,
      incremental: random(3) > 0,
      neverIndex: random(10) === 0,
      huffman: random(2) === 0,
    })));
    const parts: Uint8Array[] = [];
    for (let part = compressor.read(); part; part = compressor.read()) parts.push(part);
    const bytes = Uint8Array.from(parts.flatMap((part) => [...part]));
    decoder.decode(bytes, 0, bytes.length, list, LIMITS);
    bytes.fill(0xff);
    const got = Array.from({ length: list.count }, (_, i) => [list.names[i], list.values[i]]);
    assert.deepEqual(got, fields, `block ${number}`);
    if (random(8) === 0) compressor.updateTableSize(TABLE_SIZES[random(TABLE_SIZES.length)]);
  }
}

const { values } = parseArgs({ options: { seed: { type: "string", default: "1" } } });
let failed = 0;
for (const run of [encodedHere, decodedHere]) {
  for (let number = 0; number < CONNECTIONS; number++) {
    const seed = Number(values.seed) * CONNECTIONS + number;
    try {
      run(seed);
      console.log(`PASS ${run.name} ${seed}`);
    } catch (error) {
      failed++;
      const text = error instanceof Error ? error.stack ?? error.message : String(error);
      console.log(`FAIL ${run.name} ${seed}: ${text.slice(0, 1500)}`);
    }
  }
}
Deno.exit(failed > 0 ? 1 : 0);
