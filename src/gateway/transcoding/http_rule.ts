/**
 * Rules of HTTP in the options of methods: the extension `google.api.http` (google/api/annotations.proto).
 *
 * @module
 */

import type { DescMethod } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

/** One binding of a method to an HTTP method and a path. */
export interface HttpRule {
  /** HTTP method, or `*` for any (google.api.CustomHttpPattern). */
  readonly httpMethod: string;
  /** Path template. */
  readonly path: string;
  /** Field that the body is: `*` for the whole message, empty for none. */
  readonly body: string;
  /** Field of the reply that the response is; empty for the whole message. */
  readonly responseBody: string;
}

/** Number of the extension `google.api.http` of google.protobuf.MethodOptions. */
const HTTP = 72_295_728;

/** Field numbers of google.api.HttpRule. */
const Rule = { BODY: 7, CUSTOM: 8, ADDITIONAL: 11, RESPONSE_BODY: 12 } as const;
const PATTERNS: ReadonlyMap<number, string> = new Map([
  [2, "GET"],
  [3, "PUT"],
  [4, "POST"],
  [5, "DELETE"],
  [6, "PATCH"],
]);

/** Limit on the additional bindings of one method. */
const MAX_ADDITIONAL = 1_000;

/**
 * Returns the rules of a method, its own first; none when it has no annotation. Throws Error for an annotation that can't
 * be read. Options are read as unknown fields, which they are whether or not the extension is registered.
 */
export function httpRules(method: DescMethod): HttpRule[] {
  const unknown = method.proto.options?.$unknown ?? [];
  const parts = unknown.filter(({ no, wireType }) =>
    no === HTTP && wireType === WireType.LengthDelimited
  );
  if (parts.length === 0) return [];
  // Occurrences of one message field are merged, which is what decoding one after the other does.
  const read = emptyRule();
  const additional: Uint8Array[] = [];
  for (const { data } of parts) readRule(new BinaryReader(data).bytes(), read, additional);
  if (additional.length > MAX_ADDITIONAL) {
    throw new Error(`it has ${additional.length} additional bindings, limit is ${MAX_ADDITIONAL}`);
  }
  const rules = [read];
  for (const bytes of additional) {
    const one = emptyRule();
    const nested: Uint8Array[] = [];
    readRule(bytes, one, nested);
    if (nested.length > 0) throw new Error("an additional binding has additional bindings");
    rules.push(one);
  }
  return rules;
}

interface MutableRule {
  httpMethod: string;
  path: string;
  body: string;
  responseBody: string;
}

function emptyRule(): MutableRule {
  return { httpMethod: "", path: "", body: "", responseBody: "" };
}

function readRule(bytes: Uint8Array, rule: MutableRule, additional: Uint8Array[]): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (wireType !== WireType.LengthDelimited) {
      reader.skip(wireType, number);
      continue;
    }
    const pattern = PATTERNS.get(number);
    if (pattern !== undefined) {
      rule.httpMethod = pattern;
      rule.path = reader.string();
    } else if (number === Rule.BODY) rule.body = reader.string();
    else if (number === Rule.RESPONSE_BODY) rule.responseBody = reader.string();
    else if (number === Rule.CUSTOM) readCustom(reader.bytes(), rule);
    else if (number === Rule.ADDITIONAL) additional.push(reader.bytes());
    else reader.skip(wireType, number);
  }
}

/** Reads a google.api.CustomHttpPattern. */
function readCustom(bytes: Uint8Array, rule: MutableRule): void {
  const reader = new BinaryReader(bytes);
  rule.httpMethod = rule.path = "";
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const isText = wireType === WireType.LengthDelimited;
    if (isText && number === 1) rule.httpMethod = reader.string();
    else if (isText && number === 2) rule.path = reader.string();
    else reader.skip(wireType, number);
  }
}
