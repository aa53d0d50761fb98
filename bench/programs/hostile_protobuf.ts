/**
 * Time and memory that hostile protobuf messages of 4 MiB, the default limit, take the decoders: the generated one, the
 * one without generated code, and protobuf-es:
 *
 *     taskset -c 0 deno task bench:hostile-protobuf [NAME]
 *
 * NAME is a pattern, behind which a decoder may be named. Prints the best of five runs in ms, the heap that the message
 * keeps in MiB, and `!` for messages that are refused; fails if a decoder of vrpc takes over a second.
 */

import { type DescMessage, fromBinary } from "@bufbuild/protobuf";
import * as wkt from "@bufbuild/protobuf/wkt";
import { decoderOf } from "../../src/protobuf/decoder.ts";
import { All } from "./hostile_types.ts";

const BYTES = 4_194_304;
const RUNS = 5;
const MAX_MS = 1_000;

const varint = (value: number): number[] => {
  const bytes: number[] = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push(value % 128 | 128);
  return [...bytes, value];
};
const tag = (field: number, wireType: number) => varint(field * 8 + wireType);
const sized = (field: number, content: readonly number[]) => [
  ...tag(field, 2),
  ...varint(content.length),
  ...content,
];
const text = (value: string) => [...new TextEncoder().encode(value)];
const numberOf = (name: string) => All.fields.find((field) => field.name === name)!.number;

/** The parts that `part` returns, as many as fit between `before` and `after`. */
function made(
  part: (i: number) => readonly number[],
  before: readonly number[] = [],
  after: readonly number[] = [],
): Uint8Array {
  const bytes = new Uint8Array(BYTES);
  bytes.set(before);
  let at = before.length;
  for (let i = 0;; i++) {
    const one = part(i);
    if (at + one.length + after.length > BYTES) break;
    bytes.set(one, at);
    at += one.length;
  }
  bytes.set(after, at);
  return bytes.subarray(0, at + after.length);
}

/** A field of `wireType` 2 whose content is made of parts. */
function packed(name: string, part: readonly number[]): Uint8Array {
  const head = [...tag(numberOf(name), 2)];
  const count = Math.floor((BYTES - head.length - 4) / part.length);
  const length = varint(count * part.length);
  return made(() => part, [...head, ...length]).subarray(
    0,
    head.length + length.length + count * part.length,
  );
}

const repeated = (name: string, content: readonly number[] = []) => {
  const one = sized(numberOf(name), content);
  return made(() => one);
};
const entries = (name: string, entry: (i: number) => readonly number[]) =>
  made((i) => sized(numberOf(name), entry(i)));

/** Messages inside each other, each with `levels` of them, as often as fits. */
function nested(name: string, levels: number): Uint8Array {
  let one: number[] = [];
  for (let i = 0; i < levels; i++) one = sized(numberOf(name), one);
  return made(() => one);
}

const structEntry = (key: string, value: readonly number[] = [8, 0]) =>
  sized(1, [...sized(1, text(key)), ...sized(2, value)]);

const INPUTS: Record<string, () => readonly [DescMessage, Uint8Array]> = {
  "packed int32 of one byte": () => [All, packed("int", [1])],
  "packed int32 of ten bytes": () => [All, packed("int", [...Array(9).fill(255), 1])],
  "packed int64 of one byte": () => [All, packed("long", [1])],
  "packed int64 of ten bytes": () => [All, packed("long", [...Array(9).fill(255), 1])],
  "packed bool": () => [All, packed("bool", [1])],
  "packed enum, unknown values": () => [All, packed("kind", [9])],
  "packed double": () => [All, packed("double", [1, 2, 3, 4, 5, 6, 7, 63])],
  "packed, empty": () => [All, repeated("int")],
  "packed, one each": () => [All, repeated("int", [1])],
  "int32, not packed": () => [All, made(() => [8, 1])],
  "int64, not packed": () => [All, made(() => [16, 1])],
  "empty strings": () => [All, repeated("text")],
  "strings of one letter": () => [All, repeated("text", [97])],
  "strings of one emoji": () => [All, repeated("text", text("😀"))],
  "one string": () => [All, packed("text", [97])],
  "one string, UTF-8": () => [All, packed("text", text("é"))],
  "empty bytes": () => [All, repeated("data")],
  "bytes of one": () => [All, repeated("data", [1])],
  "empty messages": () => [All, repeated("next")],
  "messages with a number": () => [All, repeated("next", [8, 1])],
  "messages with a list": () => [All, repeated("next", [...sized(1, [1])])],
  "messages, nested 99 deep": () => [All, nested("next", 98)],
  "one message, again and again": () => [All, made(() => sized(100, []))],
  "one message, again and again, with an item":
    () => [All, made(() => sized(100, sized(numberOf("int"), [1])))],
  "one message, again and again, nested": () => [
    All,
    (() => {
      let one: number[] = [];
      for (let i = 0; i < 98; i++) one = sized(100, one);
      return made(() => one);
    })(),
  ],
  "one string, again and again": () => [All, made(() => sized(101, text("abcdefgh")))],
  "Timestamps": () => [All, repeated("time")],
  "Durations": () => [All, repeated("span")],
  "Values": () => [All, repeated("value")],
  "Values, null": () => [All, repeated("value", [8, 0])],
  "Values, empty Structs": () => [All, repeated("value", sized(5, []))],
  "Values, empty lists": () => [All, repeated("value", sized(6, []))],
  "Values, lists of lists":
    () => [All, made(() => [...sized(11, sized(6, sized(1, sized(6, []))))])],
  "Value, a Struct again and again":
    () => [wkt.ValueSchema, made((i) => sized(5, structEntry(`k${i}`)))],
  "Int64Values": () => [All, repeated("boxed")],
  "Int64Values with a value": () => [All, repeated("boxed", [8, 1])],
  "map, empty entries": () => [All, entries("textMap", () => [])],
  "map, same key": () => [All, entries("textMap", () => sized(1, text("k")))],
  "map, keys": () => [All, entries("textMap", (i) => sized(1, text(`k${i}`)))],
  "map, keys UTF-8": () => [All, entries("textMap", (i) => sized(1, text(`é${i}`)))],
  "map, keys of numbers": () => [All, entries("textMap", (i) => sized(1, text(`${i}`)))],
  "map, keys of far numbers":
    () => [All, entries("textMap", (i) => sized(1, text(`${i * 65_537}`)))],
  "map, keys of numbers backwards":
    () => [All, entries("textMap", (i) => sized(1, text(`${4_000_000_000 - i}`)))],
  "map, keys int32": () => [All, entries("byInt", (i) => [8, ...varint(i)])],
  "map, keys int32, far": () => [All, entries("byInt", (i) => [8, ...varint(i * 4_093)])],
  "map, keys int64": () => [All, entries("byLong", (i) => [8, ...varint(i * 1_000_003)])],
  "map, keys bool": () => [All, entries("byBool", (i) => [8, i & 1])],
  "map, messages": () => [All, entries("nextMap", (i) => [...sized(1, text(`${i}`)), 18, 0])],
  "map, empty entries of messages": () => [All, entries("nextMap", () => [])],
  "map, one message again and again": () => [
    All,
    (() => {
      const name = tag(numberOf("nextMap"), 2);
      const part = sized(2, sized(numberOf("int"), [1]));
      const count = Math.floor((BYTES - 16) / part.length);
      return made(() => part, [...name, ...varint(count * part.length)])
        .subarray(0, name.length + varint(count * part.length).length + count * part.length);
    })(),
  ],
  "map, Values": () => [All, entries("valueMap", (i) => [...sized(1, text(`${i}`)), 18, 0])],
  "Struct": () => [wkt.StructSchema, made((i) => structEntry(`k${i}`))],
  "Struct, empty entries": () => [wkt.StructSchema, made(() => sized(1, []))],
  "Struct of empty Structs":
    () => [wkt.StructSchema, made((i) => structEntry(`k${i}`, sized(5, [])))],
  "Struct field": () => [
    All,
    (() => {
      const content = made((i) => structEntry(`k${i}`));
      const inner = content.subarray(0, content.length - 8 - structEntry("k300000").length);
      const length = inner.findLastIndex((_, i) => i > 0) + 1;
      return new Uint8Array([...tag(102, 2), ...varint(length), ...inner]);
    })(),
  ],
  "Struct field, again and again": () => [All, made((i) => sized(102, structEntry(`k${i}`)))],
  "Struct field, again and again, empty": () => [All, made(() => sized(102, []))],
  "Struct field, large, then again and again, empty": () => [
    All,
    (() => {
      const parts: number[] = [];
      for (let i = 0; i < 100_000; i++) parts.push(...structEntry(`k${i}`));
      return made(() => sized(102, []), sized(102, parts));
    })(),
  ],
  "ListValue of nulls": () => [wkt.ListValueSchema, made(() => sized(1, [8, 0]))],
  "ListValue of nothing": () => [wkt.ListValueSchema, made(() => sized(1, []))],
  "unknown varints": () => [All, made(() => [...tag(15, 0), 1])],
  "unknown varints, overlong": () => [All, made(() => [...tag(15, 0), ...Array(9).fill(128), 0])],
  "unknown fixed32": () => [All, made(() => [...tag(15, 5), 1, 2, 3, 4])],
  "unknown strings": () => [All, made(() => [...tag(15, 2), 0])],
  "unknown groups": () => [All, made(() => [...tag(15, 3), ...tag(15, 4)])],
  "unknown groups, nested 99 deep":
    () => [All, made(() => [...Array(98).fill(123), ...Array(98).fill(124)])],
  "unknown groups, nested without end": () => [All, made(() => [123])],
  "unknown fields of messages": () => [All, repeated("next", [...tag(15, 0), 1])],
  "known fields in unknown wire types": () => [All, made(() => [...tag(8, 0), 1])],
  "malformed at the end": () => [All, made(() => sized(numberOf("next"), []), [], [255])],
  "numbers, malformed at the end": () => [All, made(() => [8, 1], [], [255])],
  "bytes, malformed at the end": () => [All, made(() => [50, 0], [], [255])],
};

const DECODERS: Record<string, (type: DescMessage) => (bytes: Uint8Array) => unknown> = {
  generated: (type) => decoderOf(type, true),
  closures: (type) => decoderOf(type, false),
  "protobuf-es": (type) => (bytes) => fromBinary(type, bytes),
};

const [name = "", only = ""] = Deno.args;
let worst = 0;
const collect = (globalThis as { gc?: () => void }).gc ?? (() => {});
for (const [input, make] of Object.entries(INPUTS)) {
  if (!new RegExp(name).test(input)) continue;
  const [type, bytes] = make();
  const columns: string[] = [];
  for (const [decoder, decoderFor] of Object.entries(DECODERS)) {
    if (!decoder.includes(only)) continue;
    const decode = decoderFor(type);
    const run = () => {
      try {
        return decode(bytes);
      } catch (error) {
        return error;
      }
    };
    let bestMs = Infinity;
    for (let i = 0; i < RUNS; i++) {
      collect();
      const startMs = performance.now();
      run();
      bestMs = Math.min(bestMs, performance.now() - startMs);
      if (bestMs > 2_000) break;
    }
    if (decoder !== "protobuf-es") worst = Math.max(worst, bestMs);
    collect();
    const before = Deno.memoryUsage();
    const result = run();
    collect();
    const after = Deno.memoryUsage();
    const heap = (after.heapUsed - before.heapUsed) / 1_048_576;
    columns.push(
      `${decoder} ${bestMs.toFixed(1).padStart(8)} ms ${heap.toFixed(0).padStart(4)} MiB` +
        `${result instanceof Error ? " !" : "  "}`,
    );
  }
  console.log(`${input.padEnd(50)} ${columns.join("  ")}`);
}
console.log(`worst ${worst.toFixed(1)} ms`);
Deno.exit(worst <= MAX_MS ? 0 : 1);
