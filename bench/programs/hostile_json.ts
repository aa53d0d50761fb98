/**
 * Time that hostile JSON of nearly 4 MiB, the default limit on messages, takes the codec of servers; the same for other
 * text of the web protocols, replies with text of others, and JSON without a type:
 *
 *     taskset -c 0 deno task bench:hostile-json [NAME]
 *
 * NAME is a pattern. Prints the best of eight runs and the first one, in ms; fails if a bounded input's best is over 50.
 */

import { createRegistry, type DescMessage } from "@bufbuild/protobuf";
import * as wkt from "@bufbuild/protobuf/wkt";
import { jsonCodecOf } from "../../src/codec/message_json.ts";
import { readStreamEnd } from "../../src/web/connect_error.ts";
import { Base64TextReader } from "../../src/web/base64_text.ts";
import { readQuery } from "../../src/web/server/query_request.ts";
import { metadataOf } from "../../src/web/metadata_fields.ts";
import { decodeMetadata } from "../../src/grpc/fields.ts";
import { jsonCodec } from "../../src/codec/json.ts";
import { All } from "./hostile_types.ts";

const BYTES = 4_190_000;
const MAX_MS = 50;
const RUNS = 8;
const encoder = new TextEncoder();

/** `part` as often as fits between `before` and `after`. */
function filled(before: string, part: string, after: string): Uint8Array {
  const count = Math.floor((BYTES - before.length - after.length) / part.length);
  return encoder.encode(before + part.repeat(count) + after);
}

/** An object of as many members as fit. */
function members(before: string, key: (i: number) => string, value: string, after: string) {
  const parts: string[] = [];
  for (let i = 0, left = BYTES - before.length - after.length;; i++) {
    const part = `"${key(i)}":${value}`;
    if ((left -= part.length + 1) < 0) break;
    parts.push(part);
  }
  return encoder.encode(`${before}{${parts.join()}}${after}`);
}

const list = (name: string, item: string) => filled(`{"${name}":[`, `${item},`, `${item}]}`);
const map = (name: string, value: string, key = (i: number) => `k${i}`) =>
  members(`{"${name}":`, key, value, "}");
const text = (part: string) => filled('{"text":["', part, '"]}');

function nestedAny(type: string, inner: string): Uint8Array {
  let nested = inner;
  for (let i = 0; i < 48; i++) nested = `{"@type":"t/google.protobuf.${type}","value":${nested}}`;
  return encoder.encode(nested);
}

const INPUTS: Record<string, () => readonly [DescMessage, Uint8Array]> = {
  "list of int32": () => [All, list("int", "1")],
  "list of int32 as 1e0": () => [All, list("int", "1e0")],
  "list of int32, quoted": () => [All, list("int", '"1"')],
  "list of int64": () => [All, list("long", "1")],
  "list of int64, four digits": () => [All, list("long", "9999")],
  "list of int64, quoted": () => [All, list("long", '"1"')],
  "list of int64, 16 digits": () => [All, list("long", '"1234567890123456"')],
  "list of int64 as 1e1": () => [All, list("long", '"1e1"')],
  "list of int64, 1,024 digits": () => [All, list("long", `"1e${"0".repeat(1_020)}"`)],
  "list of double": () => [All, list("double", "1.5")],
  "list of double, 17 digits": () => [All, list("double", "1.2345678901234567")],
  "list of double as 1e1": () => [All, list("double", "1e1")],
  "list of double, 700 digits": () => [All, list("double", `0.${"9".repeat(700)}`)],
  "list of double, quoted": () => [All, list("double", '"1"')],
  "list of double, quoted, escaped": () => [All, list("double", '"\\u0031"')],
  "list of double, quoted, 1,024": () => [All, list("double", `"0.${"9".repeat(1_000)}"`)],
  "list of bool": () => [All, list("bool", "true")],
  "list of string, empty": () => [All, list("text", '""')],
  "list of string, short": () => [All, list("text", '"ab"')],
  "list of string, escaped": () => [All, list("text", '"\\n"')],
  "list of string, surrogates": () => [All, list("text", '"\\ud83d\\ude00"')],
  "list of string, UTF-8": () => [All, list("text", '"é"')],
  "list of string, 60 bytes": () => [All, list("text", `"${"x".repeat(60)}"`)],
  "list of string, 60 bytes of UTF-8": () => [All, list("text", `"${"é".repeat(30)}"`)],
  "list of bytes, empty": () => [All, list("data", '""')],
  "list of bytes": () => [All, list("data", '"AAAA"')],
  "list of bytes, base64url": () => [All, list("data", '"_AA"')],
  "list of bytes, 60 characters": () => [All, list("data", `"_${"A".repeat(59)}"`)],
  "list of enum": () => [All, list("kind", '"ONE"')],
  "list of enum, unknown": () => [All, list("kind", '""')],
  "list of enum, escaped": () => [All, list("kind", '"\\u004fNE"')],
  "list of enum, unknown, escaped": () => [All, list("kind", '"\\u004f"')],
  "list of enum, long": () => [All, list("kind", `"${"x".repeat(60)}"`)],
  "list of enum, numbers": () => [All, list("kind", "1")],
  "list of enum as 1e0": () => [All, list("kind", "1e0")],
  "list of Timestamp": () => [All, list("time", '"2020-01-01T00:00:00Z"')],
  "list of Duration": () => [All, list("span", '"1s"')],
  "list of message": () => [All, list("next", "{}")],
  "list of message with a field": () => [All, list("next", '{"any":""}')],
  "list of message, unknown field": () => [All, list("next", '{"":1}')],
  "list of message, field null": () => [All, list("next", '{"any":null}')],
  "list of Value, null": () => [All, list("value", "null")],
  "list of Value, string": () => [All, list("value", '""')],
  "list of Value, lists": () => [All, list("value", "[]")],
  "list of Value, objects": () => [All, list("value", "{}")],
  "list of Int64Value": () => [All, list("boxed", "1")],
  "map of string": () => [All, map("textMap", '""')],
  "map of string, keys of 30": () => [All, map("textMap", '""', (i) => `${i}`.padEnd(30, "x"))],
  "map of string, keys of 60": () => [All, map("textMap", '""', (i) => `${i}`.padEnd(60, "x"))],
  "map of string, keys escaped": () => [All, map("textMap", '""', (i) => `\\u006b${i}`)],
  "map of string, keys UTF-8": () => [All, map("textMap", '""', (i) => `é${i}`)],
  "map of string, same key": () => [All, map("textMap", '""', () => "k")],
  "map of string, numbers": () => [All, map("textMap", '""', (i) => `${i}`)],
  "map of string, far numbers": () => [All, map("textMap", '""', (i) => `${i * 65_537}`)],
  "map of string, numbers backwards":
    () => [All, map("textMap", '""', (i) => `${4_000_000_000 - i}`)],
  "map of string, escaped": () => [All, map("textMap", '"\\n"')],
  "map of int64": () => [All, map("longMap", "1")],
  "map of int64, 16 digits": () => [All, map("longMap", '"1234567890123456"')],
  "map of double, 17 digits": () => [All, map("doubleMap", "1.2345678901234567")],
  "map of bytes": () => [All, map("dataMap", '"_AAA"')],
  "map of enum": () => [All, map("kindMap", '"ONE"')],
  "map of enum, unknown": () => [All, map("kindMap", '""')],
  "map of Timestamp": () => [All, map("timeMap", '"2020-01-01T00:00:00Z"')],
  "map of message": () => [All, map("nextMap", "{}")],
  "map of Value": () => [All, map("valueMap", "{}")],
  "map of int32 keys": () => [All, map("byInt", "1", (i) => `${i}`)],
  "map of int32 keys, far": () => [All, map("byInt", "1", (i) => `${-i * 4_093}`)],
  "map of int32 keys as 1e0": () => [All, map("byInt", "1", (i) => `${i}e0`)],
  "map of int64 keys": () => [All, map("byLong", "1", (i) => `${10n ** 17n + BigInt(i)}`)],
  "maps of one member": () => [All, list("next", '{"textMap":{"":""}}')],
  "maps, empty": () => [All, list("next", '{"textMap":{}}')],
  "lists, empty": () => [All, list("next", '{"text":[]}')],
  "text": () => [All, text("x")],
  "text, UTF-8": () => [All, text("é")],
  "text, UTF-8 of four bytes": () => [All, text("😀")],
  "text, single-letter escapes": () => [All, text("\\n")],
  "text, one escape at the end": () => [All, filled('{"text":["', "x", '\\n"]}')],
  "text, UTF-8 and an escape": () => [All, filled('{"text":["', "é", '\\n"]}')],
  "text, unicode escapes": () => [All, text("\\u00e9")],
  "text, surrogate pairs": () => [All, text("\\ud83d\\ude00")],
  "text, half a pair at the end": () => [All, filled('{"text":["', "\\u00e9", '\\ud83d"]}')],
  "text, not UTF-8 at the end": () => [
    All,
    (() => {
      const bytes = filled('{"text":["', "é", 'xx"]}');
      bytes[bytes.length - 5] = 0xff;
      return bytes;
    })(),
  ],
  "text without an end": () => [All, filled('{"text":["', "x", "")],
  "UTF-8, then an error at the end": () => [All, filled('{"text":["', "é", '"],"int":["x"]}')],
  "long name": () => [All, filled('{"', "x", '":1}')],
  "long name, UTF-8, escaped": () => [All, filled('{"', "é", '\\n":1}')],
  "long enum name": () => [All, filled('{"kind":["', "x", '"]}')],
  "long enum name, escaped": () => [All, filled('{"kind":["\\n', "é", '"]}')],
  "long number": () => [All, filled('{"double":[', "1", "]}")],
  "long number, small": () => [All, filled('{"double":[0.', "1", "]}")],
  "long integer": () => [All, filled('{"long":[', "1", "]}")],
  "long integer, zeros behind": () => [All, filled('{"long":[1.', "0", "]}")],
  "long exponent": () => [All, filled('{"long":[1e', "0", "]}")],
  "long integer, quoted": () => [All, filled('{"long":["', "1", '"]}')],
  "long double, quoted": () => [All, filled('{"double":["', "1", '"]}')],
  "long integer, escaped": () => [All, filled('{"long":["', "\\u0031", '"]}')],
  "long timestamp": () => [All, filled('{"time":["', "1", '"]}')],
  "long key of integers": () => [All, filled('{"byLong":{"', "1", '":1}}')],
  "long key": () => [All, filled('{"textMap":{"', "é", '":""}}')],
  "base64": () => [All, filled('{"data":["', "AAAA", '"]}')],
  "base64url": () => [All, filled('{"data":["', "_-AA", '"]}')],
  "base64, both alphabets": () => [All, filled('{"data":["', "_+AA", '"]}')],
  "base64, padding inside": () => [All, filled('{"data":["', "AA==", '"]}')],
  "base64, white space": () => [All, filled('{"data":["', " ", '"]}')],
  "base64, escapes": () => [All, filled('{"data":["', "\\u0041", '"]}')],
  "base64, wrong at the end": () => [All, filled('{"data":["', "AAAA", '!"]}')],
  "base64url, wrong at the end": () => [All, filled('{"data":["', "_AAA", '!"]}')],
  "white space": () => [All, filled('{"int":', " ", "[]}")],
  "white space, lines": () => [All, filled('{"int":', "\t\n\r ", "[]}")],
  "white space between items": () => [All, list("int", " \n 1 \n ")],
  "unknown fields": () => [All, members("", (i) => `k${i}`, "1", "")],
  "unknown fields, escaped": () => [All, members("", (i) => `\\u006b${i}`, "1", "")],
  "unknown fields, extensions": () => [All, members("", (i) => `[k${i}]`, "1", "")],
  "unknown fields, @type": () => [All, members("", () => "\\u0040type", '""', "")],
  "unknown list": () => [All, list("zz", "1")],
  "unknown list, 1e1": () => [All, list("zz", "1e1")],
  "unknown list of lists": () => [All, list("zz", "[]")],
  "unknown list of objects": () => [All, list("zz", "{}")],
  "unknown list of strings": () => [All, list("zz", '""')],
  "unknown list of escapes": () => [All, list("zz", '"\\""')],
  "unknown list of unicode escapes": () => [All, list("zz", '"\\u0031"')],
  "unknown string of escapes": () => [All, filled('{"zz":"', "\\n", '"}')],
  "unknown string of unicode": () => [All, filled('{"zz":"', "\\u0031", '"}')],
  "unknown lists, nested": () => [All, filled('{"zz":', "[", "")],
  "unknown objects, nested": () => [All, filled('{"zz":', '{"":', "")],
  "unknown object of @type": () => [All, members('{"zz":', () => "@type", '""', "}")],
  "nested messages": () => [All, filled("", '{"one":', "")],
  "ListValue of numbers": () => [wkt.ListValueSchema, filled("[", "1,", "1]")],
  "ListValue of lists": () => [wkt.ListValueSchema, filled("[", "[],", "[]]")],
  "ListValue, nested": () => [wkt.ListValueSchema, filled("", "[", "")],
  "Struct": () => [wkt.StructSchema, members("", (i) => `k${i}`, "1", "")],
  "Struct of Structs": () => [wkt.StructSchema, members("", (i) => `k${i}`, "{}", "")],
  "FieldMask, short paths": () => [wkt.FieldMaskSchema, filled('"', "a,", 'a"')],
  "FieldMask, capitals": () => [wkt.FieldMaskSchema, filled('"', "aB,", 'a"')],
  "FieldMask, one path": () => [wkt.FieldMaskSchema, filled('"', "A", 'a"')],
  "Any of Any": () => [
    wkt.AnySchema,
    nestedAny(
      "Any",
      `{"@type":"t/google.protobuf.StringValue","value":"${"x".repeat(BYTES - 6_000)}"}`,
    ),
  ],
  "Any of Any, halves": () => [
    wkt.AnySchema,
    nestedAny(
      "Any",
      `{"@type":"t/google.protobuf.StringValue","value":"${"x".repeat(262_144)}"}`,
    ),
  ],
  "Any, type at the end": () => [
    wkt.AnySchema,
    filled('{"zz":[', "{},", '{}],"@type":"t/google.protobuf.Any"}'),
  ],
  "Any, types at the end, nested": () => [
    wkt.AnySchema,
    encoder.encode(`${'{"value":'.repeat(90)}1${',"@type":"t/google.protobuf.Any"}'.repeat(90)}`),
  ],
  "Any, long unknown URL": () => [wkt.AnySchema, filled('{"@type":"t/', "é", '"}')],
  "Any of a Struct": () => [
    wkt.AnySchema,
    members('{"@type":"t/google.protobuf.Struct","value":', (i) => `k${i}`, "1", "}"),
  ],
  "Any of a ListValue": () => [
    wkt.AnySchema,
    filled('{"@type":"t/google.protobuf.ListValue","value":[', "1,", "1]}"),
  ],
  "Any, unknown members": () => [
    wkt.AnySchema,
    members('{"@type":"t/google.protobuf.Empty","zz":', (i) => `k${i}`, "1", "}"),
  ],
};

const types = createRegistry(
  ...[wkt.AnySchema, wkt.StringValueSchema, wkt.StructSchema, wkt.ListValueSchema, wkt.EmptySchema],
  All,
);
const codec = (type: DescMessage) => jsonCodecOf(type, () => types);

/** Not bounded: what the application itself sends. */
const UNBOUNDED = /^reply/;

/** Returns work and what it works on, made when it is due: buffers that are kept cost time in garbage collections. */
type Work = () => () => unknown;

const WORK: Record<string, Work> = {
  ...Object.fromEntries(
    Object.entries(INPUTS).map(([name, input]): [string, Work] => [name, () => {
      const [type, bytes] = input();
      const { decode } = codec(type);
      return () => decode(bytes);
    }]),
  ),
  ...replies(),
  ...queries(),
  ...errors(),
};

/** Encoding of replies that hold text of others. */
function replies(): Record<string, Work> {
  const { encode } = codec(All);
  const reply = (make: () => object): Work => () => {
    const message = make();
    return () => encode(message);
  };
  const text = (part: string) => reply(() => ({ text: [part.repeat(BYTES / part.length)] }));
  const entries = (name: string, value: unknown) =>
    reply(() => ({
      [name]: Object.fromEntries(Array.from({ length: 65_536 }, (_, i) => [`k${i}`, value])),
    }));
  return {
    "reply, text": text("x"),
    "reply, quotes": text('"'),
    "reply, controls": text("\x01"),
    "reply, UTF-8": text("é"),
    "reply, bidirectional controls": text("\u202e"),
    "reply, surrogates": text("😀"),
    "reply, half surrogates": text("\ud83d"),
    "reply, bytes": reply(() => ({ data: [new Uint8Array(BYTES * 3 / 4 | 0)] })),
    "reply, list of bytes": reply(() => ({ data: Array(65_536).fill(new Uint8Array(3)) })),
    "reply, list of int64": reply(() => ({ long: Array(500_000).fill(1234567890123456789n) })),
    "reply, list of double": reply(() => ({ double: Array(200_000).fill(1.2345678901234567) })),
    "reply, list of string": reply(() => ({ text: Array(500_000).fill("é") })),
    "reply, list of Timestamp": reply(() => ({ time: Array(65_536).fill({ seconds: 1n }) })),
    "reply, map": entries("textMap", ""),
    "reply, map of messages": entries("nextMap", {}),
    "reply, messages": reply(() => ({ next: Array(65_536).fill({}) })),
  };
}

/** The query is part of the header section, whose default limit is 16 KiB. */
const QUERY_BYTES = 16_384;

function queries(): Record<string, Work> {
  const query = (text: string): Work => () => {
    const whole = text.repeat(QUERY_BYTES / text.length | 0);
    return () => readQuery(`encoding=json&message=${whole}&base64=1`);
  };
  const text = (part: string): Work => () => {
    const bytes = filled("", part, "");
    return () => new Base64TextReader().decode(bytes, 0, bytes.length);
  };
  const binary = (part: string): Work => () => {
    const value = part.repeat(QUERY_BYTES / part.length | 0);
    const fields = ["a-bin", value];
    return () => [metadataOf(fields, () => false), decodeMetadata(["a-bin"], [value], 0, 1)];
  };
  return {
    "query of percent-escapes": query("%41"),
    "query of escapes and letters": query("a%41"),
    "query of base64": query("AAAA"),
    "query of parameters": query("a=&"),
    "grpc-web-text": text("AAAA"),
    "grpc-web-text, padding everywhere": text("AA=="),
    "grpc-web-text, wrong": text("AAAAA==="),
    "binary metadata": binary("AA,"),
    "binary metadata, wrong": binary("-,"),
  };
}

function errors(): Record<string, Work> {
  const end = (bytes: () => Uint8Array): Work => () => {
    const made = bytes();
    return () => readStreamEnd(made);
  };
  const plain = jsonCodec();
  const value = (bytes: () => Uint8Array): Work => () => {
    const made = bytes();
    return () => plain.decode(made);
  };
  const detail = '{"type":"a","value":"-"},';
  return {
    "end of stream, keys": end(() => members('{"metadata":', (i) => `k${i}`, '["1"]', "}")),
    "end of stream, binary": end(() => filled('{"metadata":{"a-bin":["', "-,", '-"]}}')),
    "end of stream, lists": end(() => filled('{"zz":[', "[],", "[]]}")),
    "end of stream, details": end(() => filled('{"error":{"details":[', detail, "{}]}}")),
    "jsonCodec, lists": value(() => filled("[", "[],", "[]]")),
    "jsonCodec, objects": value(() => filled("[", "{},", "{}]")),
    "jsonCodec, numbers": value(() => filled("[", "1,", "1]")),
    "jsonCodec, long numbers": value(() => filled("[", "1234567890123456789,", "1]")),
    "jsonCodec, keys": value(() => members("", (i) => `k${i}`, "1", "")),
    "jsonCodec, keys in objects": value(() => filled('[{"k":1', '},{"k":1', "}]")),
    "jsonCodec, strings": value(() => filled("[", '"\\n",', "1]")),
    "jsonCodec, digits": value(() => filled("", "1", "")),
    "jsonCodec, nested": value(() => filled("", "[", "")),
  };
}

const [wanted = ""] = Deno.args;
let worst = 0;
for (const [name, prepare] of Object.entries(WORK)) {
  if (!new RegExp(wanted).test(name)) continue;
  const work = prepare();
  let bestMs = Infinity;
  let firstMs = 0;
  let outcome = "";
  for (let i = 0; i < RUNS; i++) {
    const startMs = performance.now();
    try {
      work();
      outcome = "accepted";
    } catch (error) {
      outcome = (error as Error).message.slice(0, 90);
    }
    const tookMs = performance.now() - startMs;
    if (i === 0) firstMs = tookMs;
    bestMs = Math.min(bestMs, tookMs);
  }
  if (!UNBOUNDED.test(name)) worst = Math.max(worst, bestMs);
  console.log(
    name.padEnd(36),
    bestMs.toFixed(1).padStart(6),
    firstMs.toFixed(1).padStart(6),
    outcome,
  );
}
console.log(`worst ${worst.toFixed(1)} ms`);
Deno.exit(worst <= MAX_MS ? 0 : 1);
