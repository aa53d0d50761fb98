/**
 * Requests for the compared services, made from their descriptors by seed.
 *
 * @module
 */

import { type DescField, type DescMessage, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import type { HttpBinding } from "../../../src/gateway/transcoding/binding.ts";
import { type FieldPath, overlaps } from "../../../src/gateway/transcoding/field_path.ts";
import { hasText } from "../../../src/gateway/transcoding/field_text.ts";

/** A request and the reply that the backend gives. */
export interface Case {
  readonly title: string;
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** Body in JSON; undefined for none. */
  readonly body?: string;
  /** Requests of a stream instead of a body. */
  readonly messages?: readonly string[];
  readonly replies: readonly JsonValue[];
}

/** Makes values by a seed (a linear congruential generator). */
export class Maker {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(this.#state / 2 ** 32 * limit);
  }

  pick<T>(all: readonly T[]): T {
    return all[this.below(all.length)];
  }

  /** Makes a message; fields in deeper messages are fewer. */
  message(type: DescMessage, depth: number = 0): JsonValue {
    const known = WELL_KNOWN[type.typeName];
    if (known !== undefined) return this.pick(known);
    const json: Record<string, JsonValue> = {};
    const oneofs = new Set<unknown>();
    for (const field of type.fields) {
      if (this.below(2 + depth) > 0 && depth > 0) continue;
      if (field.oneof !== undefined && oneofs.has(field.oneof)) continue;
      const value = this.field(field, depth);
      if (value === undefined) continue;
      oneofs.add(field.oneof ?? field);
      json[field.jsonName] = value;
    }
    return json;
  }

  /** Makes a value of a field; undefined when it is to be left out. */
  field(field: DescField, depth: number): JsonValue | undefined {
    const single = () => this.#single(field, depth);
    if (field.fieldKind === "list") {
      const items = Array.from({ length: 1 + this.below(2) }, single);
      return items.some((item) => item === undefined) ? undefined : items as JsonValue;
    }
    if (field.fieldKind === "map") {
      const value = single();
      const key = field.mapKey === ScalarType.STRING ? "key é" : field.mapKey === 8 ? "true" : "7";
      return value === undefined ? undefined : { [key]: value };
    }
    return single();
  }

  #single({ message, enum: type, scalar }: DescField, depth: number): JsonValue | undefined {
    if (message !== undefined) {
      if (
        /\.(?:Any|Value|ListValue)$/.test(message.typeName) &&
        message.file.name.startsWith("google/protobuf/")
      ) {
        return undefined;
      }
      return depth > 2 ? undefined : this.message(message, depth + 1);
    }
    if (type !== undefined) {
      return type.typeName === "google.protobuf.NullValue"
        ? undefined
        : this.pick(type.values).name;
    }
    return this.pick(SCALARS[scalar!]);
  }

  /** Makes text of a field for a query. */
  text(field: DescField): string {
    const { message, enum: type, scalar } = field;
    if (type !== undefined) return this.pick(type.values).name;
    // grpc-gateway takes the names of a mask as they are.
    if (message?.typeName === "google.protobuf.FieldMask") return "name,a.b";
    const value = message === undefined
      ? this.pick(SCALARS[scalar!])
      : this.pick(WELL_KNOWN[message.typeName] ?? ["1"]);
    return String(value);
  }
}

const SIGNED_64 = ["1", "-9223372036854775808", "9007199254740993"];
const UNSIGNED_64 = ["1", "18446744073709551615"];
const SIGNED_32 = [1, -2_147_483_648, 2_147_483_647];
const SCALARS: Readonly<Record<ScalarType, readonly JsonValue[]>> = {
  [ScalarType.BOOL]: [true],
  [ScalarType.STRING]: ["a", "b c/d", "é\u{1f600}", 'x"\\<&>', "a+b=c&d%25"],
  [ScalarType.BYTES]: ["AP8=", "+/8=", "aGVsbG8="],
  [ScalarType.DOUBLE]: [1.5, -2, 1e21, 123456.789],
  [ScalarType.FLOAT]: [1.5, -0.25],
  [ScalarType.INT32]: SIGNED_32,
  [ScalarType.SINT32]: SIGNED_32,
  [ScalarType.SFIXED32]: SIGNED_32,
  [ScalarType.UINT32]: [1, 4_294_967_295],
  [ScalarType.FIXED32]: [1, 4_294_967_295],
  [ScalarType.INT64]: SIGNED_64,
  [ScalarType.SINT64]: SIGNED_64,
  [ScalarType.SFIXED64]: SIGNED_64,
  [ScalarType.UINT64]: UNSIGNED_64,
  [ScalarType.FIXED64]: UNSIGNED_64,
};

const WELL_KNOWN: Readonly<Record<string, readonly JsonValue[]>> = {
  "google.protobuf.Timestamp": ["2020-02-29T23:59:59Z", "1969-12-31T00:00:00.123Z"],
  "google.protobuf.Duration": ["1.500s", "-3s", "315576000000s"],
  "google.protobuf.FieldMask": ["name,displayName", "a.bC"],
  "google.protobuf.Struct": [{ a: 1.5, b: ["x", null, { c: true }] }],
  "google.protobuf.Empty": [{}],
  "google.protobuf.Int32Value": [1, 0],
  "google.protobuf.Int64Value": ["1", "0"],
  "google.protobuf.StringValue": ["x", ""],
  "google.protobuf.BoolValue": [true, false],
  "google.protobuf.DoubleValue": [1.5, 0],
};

const SEGMENTS = ["a", "b-1", "c_2.d~", "e%20f", "caf%C3%A9", "x%3Ay", "1+2"];

/** Makes `count` valid requests of a binding. */
export function casesOf(binding: HttpBinding, count: number, seed: number): Case[] {
  const maker = new Maker(seed);
  return Array.from({ length: count }, (_, i) => {
    const { method: { path, desc }, rule, body } = binding;
    const query = body === "*" ? "" : queryOf(binding, maker, i);
    const { clientStreaming, serverStreaming } = desc.proto;
    const raw = binding.rawBody !== undefined;
    const json = () => JSON.stringify(bodyOf(binding, maker));
    return {
      title: `${rule.httpMethod} ${rule.path} (${path}), request ${i + 1}`,
      method: rule.httpMethod,
      target: pathOf(binding, maker) + query,
      ...(clientStreaming && !raw
        ? { messages: Array.from({ length: i + 1 }, json) }
        : { body: body === undefined ? undefined : raw ? "a body".repeat(i) : json() }),
      replies: Array.from({ length: serverStreaming ? i : 1 }, () => maker.message(desc.output)),
    };
  });
}

function bodyOf({ method: { desc }, body, variables }: HttpBinding, maker: Maker): JsonValue {
  if (body !== "*") {
    const json = maker.message((body as DescField).message!, 0) as Record<string, JsonValue>;
    for (const [field, inner] of variables) if (field === body) delete json[inner.jsonName];
    return json;
  }
  const json = maker.message(desc.input) as Record<string, JsonValue>;
  // A field that the path sets is left out: what wins is a case of its own.
  for (const [field] of variables) delete json[field.jsonName];
  return json;
}

function pathOf({ template }: HttpBinding, maker: Maker): string {
  const segments = template.segments.map((segment) => {
    if (segment === "**") {
      return Array.from({ length: 1 + maker.below(3) }, () => maker.pick(SEGMENTS)).join("/");
    }
    return segment === "*" ? maker.pick(SEGMENTS) : segment.slice(1);
  });
  return `/${segments.join("/")}${template.verb === "" ? "" : `:${template.verb}`}`;
}

function queryOf(binding: HttpBinding, maker: Maker, i: number): string {
  const { method: { desc }, variables, body } = binding;
  const parameters: string[] = [];
  const add = (type: DescMessage, before: FieldPath) => {
    const oneofs = new Set<unknown>();
    for (const field of type.fields) {
      const path = [...before, field];
      if (path[0] === body || variables.some((other) => overlaps(other, path))) continue;
      // Without a mask grpc-gateway makes one of the body of a PATCH.
      const required = binding.rule.httpMethod === "PATCH" && field.name === "update_mask";
      if (field.oneof !== undefined && oneofs.has(field.oneof)) continue;
      if (!required && maker.below(2) > 0) continue;
      const name = path.map((one) => i % 2 === 0 ? one.jsonName : one.name).join(".");
      if (hasText(field)) {
        oneofs.add(field.oneof ?? field);
        const times = field.fieldKind === "list" ? 2 : 1;
        for (let n = 0; n < times; n++) {
          parameters.push(`${name}=${encodeURIComponent(maker.text(field))}`);
        }
      } else if (
        field.fieldKind === "message" && path.length < 3 &&
        !field.message.file.name.startsWith("google/protobuf/")
      ) {
        oneofs.add(field.oneof ?? field);
        add(field.message, path);
      }
    }
  };
  add(desc.input, []);
  return parameters.length === 0 ? "" : `?${parameters.join("&")}`;
}
