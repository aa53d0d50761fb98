/**
 * Parses ProtoJSON with exact numbers: a number in a field of an integer type keeps its decimal value, which a
 * double may not hold. Takes time linear in the text.
 *
 * @module
 */

import {
  type DescField,
  type DescMessage,
  fromJson,
  type JsonValue,
  type Message,
  type Registry,
  ScalarType,
} from "@bufbuild/protobuf";

// Prefix of the placeholder strings for numbers during parsing; random, so that no input contains it by accident.
const MARK = `#${crypto.randomUUID().slice(0, 8)}:`;
// Matches every number that may lose digits in a double: 16 digits or more, or an exponent.
const MAYBE_INEXACT = /[0-9.]{16}|[0-9][eE]/;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

/** JSON whose numbers are resolved by the type of their field. */
export interface ExactJson {
  /** Parsed value, with placeholder strings for numbers that a double may not hold. */
  readonly value: unknown;
  /** Whether `value` contains placeholders. */
  readonly marked: boolean;
}

/** Parses JSON text. Throws SyntaxError as `JSON.parse` does, RangeError for numbers beyond a double. */
export function parseExactJson(text: string): ExactJson {
  const marked = MAYBE_INEXACT.test(text) ? markNumbers(text) : text;
  if (marked === text) return { value: JSON.parse(text), marked: false };
  try {
    return { value: JSON.parse(marked), marked: true };
  } catch {
    // Parses the original text again, so that the error has its positions.
    return { value: JSON.parse(text), marked: false };
  }
}

/** Converts JSON to a message. Throws Error when it does not match the type. */
export function fromExactJson(
  json: ExactJson,
  type: DescMessage,
  registry?: Registry,
  options?: { readonly ignoreUnknownFields?: boolean },
): Message {
  const value = json.marked ? resolveMessage(json.value, type, registry) : json.value;
  return fromJson(type, value as JsonValue, { ...options, registry });
}

// Visits the matches of MAYBE_INEXACT, skipping string literals.
function markNumbers(text: string): string {
  const candidates = new RegExp(MAYBE_INEXACT, "g");
  let marked = "";
  let copied = 0;
  let quote = nextQuote(text, 0);
  for (let found = candidates.exec(text); found !== null; found = candidates.exec(text)) {
    const { index } = found;
    let at = copied;
    while (quote < index) {
      at = afterString(text, quote);
      quote = nextQuote(text, at);
    }
    if (at > index) {
      candidates.lastIndex = at;
      continue;
    }
    const start = startOfNumber(text, index, at);
    const end = endOfNumber(text, index);
    candidates.lastIndex = end;
    const token = text.slice(start, end);
    if (!isNumber(token) || isKey(text, end)) continue;
    if ((token.length > 300 || /[eE]/.test(token)) && !Number.isFinite(Number(token))) {
      throw new RangeError(`${shown(token)} at position ${start} is out of range`);
    }
    marked += text.slice(copied, start) + `"${MARK}${token}"`;
    copied = end;
  }
  return copied === 0 ? text : marked + text.slice(copied);
}

function nextQuote(text: string, from: number): number {
  const at = text.indexOf('"', from);
  return at < 0 ? Infinity : at;
}

function startOfNumber(text: string, index: number, least: number): number {
  while (index > least && isNumberPart(text.charCodeAt(index - 1))) index--;
  return index;
}

function isNumberPart(char: number): boolean {
  return (char >= 0x30 && char <= 0x39) || char === 0x2e || char === 0x2b ||
    char === 0x2d || char === 0x65 || char === 0x45;
}

function afterString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let backslashes = end;
    while (text.charCodeAt(backslashes - 1) === 0x5c) backslashes--;
    if ((end - backslashes) % 2 === 0) return end + 1;
  }
  return text.length;
}

function endOfNumber(text: string, start: number): number {
  let at = start + 1;
  while (isNumberPart(text.charCodeAt(at))) at++;
  return at;
}

function isNumber(token: string): boolean {
  NUMBER.lastIndex = 0;
  return NUMBER.test(token) && NUMBER.lastIndex === token.length;
}

// A number in place of an object's key is a syntax error, which a placeholder string would hide.
function isKey(text: string, end: number): boolean {
  while (text.charCodeAt(end) <= 0x20) end++;
  return text.charCodeAt(end) === 0x3a;
}

function shown(token: string): string {
  return token.length > 40 ? `${token.slice(0, 40)}…` : token;
}

function tokenOf(value: unknown): string | undefined {
  return typeof value === "string" && value.startsWith(MARK) ? value.slice(MARK.length) : undefined;
}

/** Replaces placeholders by doubles, at any depth. */
function resolveDoubles(value: unknown): unknown {
  const token = tokenOf(value);
  if (token !== undefined) return Number(token);
  return eachItem(value, resolveDoubles);
}

function eachItem(value: unknown, resolve: (item: unknown, key: string) => unknown): unknown {
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) value[i] = resolve(value[i], "");
  } else if (typeof value === "object" && value !== null) {
    for (const key of Object.keys(value)) {
      const item = (value as Record<string, unknown>)[key];
      const resolved = resolve(item, key);
      if (resolved !== item) {
        Object.defineProperty(value, key, {
          value: resolved,
          configurable: true,
          enumerable: true,
          writable: true,
        });
      }
    }
  }
  return value;
}

const INTEGER_WRAPPER = /^google\.protobuf\.U?Int(32|64)Value$/;

function resolveMessage(value: unknown, type: DescMessage, registry?: Registry): unknown {
  if (INTEGER_WRAPPER.test(type.typeName)) return resolveInteger(value, type.typeName);
  if (type.typeName === "google.protobuf.Any") return resolveAny(value, registry);
  if (tokenOf(value) !== undefined || Array.isArray(value) || FREE_FORM.test(type.typeName)) {
    return resolveDoubles(value);
  }
  const fields = fieldsOf(type);
  return eachItem(value, (item, key) => {
    const field = fields.get(key);
    return field === undefined ? resolveDoubles(item) : resolveField(item, field, registry);
  });
}

const FREE_FORM = /^google\.protobuf\.(Struct|Value|ListValue)$/;

function resolveAny(value: unknown, registry?: Registry): unknown {
  const url = (value as { "@type"?: unknown } | null)?.["@type"];
  const name = typeof url === "string" ? url.slice(url.lastIndexOf("/") + 1) : "";
  const type = registry?.getMessage(name);
  if (type === undefined) return resolveDoubles(value);
  const fields = fieldsOf(type);
  const wellKnown = type.typeName.startsWith("google.protobuf.");
  return eachItem(value, (item, key) => {
    if (wellKnown && key === "value") return resolveMessage(item, type, registry);
    const field = fields.get(key);
    return field === undefined ? resolveDoubles(item) : resolveField(item, field, registry);
  });
}

function resolveField(value: unknown, field: DescField, registry?: Registry): unknown {
  const one = (item: unknown): unknown => {
    if (field.message) return resolveMessage(item, field.message, registry);
    if (field.enum && tokenOf(item) !== undefined) return Number(resolveInteger(item, field.name));
    if (INTEGERS.has(field.scalar!)) return resolveInteger(item, field.name);
    return resolveDoubles(item);
  };
  if (field.fieldKind === "list" && Array.isArray(value)) return eachItem(value, one);
  if (field.fieldKind === "map") return eachItem(value, one);
  return one(value);
}

const INTEGERS: ReadonlySet<ScalarType> = new Set([
  ...[ScalarType.INT32, ScalarType.UINT32, ScalarType.SINT32],
  ...[ScalarType.FIXED32, ScalarType.SFIXED32],
  ...[ScalarType.INT64, ScalarType.UINT64, ScalarType.SINT64],
  ...[ScalarType.FIXED64, ScalarType.SFIXED64],
]);

const known = new WeakMap<DescMessage, ReadonlyMap<string, DescField>>();

function fieldsOf(type: DescMessage): ReadonlyMap<string, DescField> {
  let fields = known.get(type);
  if (fields === undefined) {
    fields = new Map(
      type.fields.flatMap((field) => [[field.name, field], [field.jsonName, field]]),
    );
    known.set(type, fields);
  }
  return fields;
}

function resolveInteger(value: unknown, where: string): unknown {
  const token = tokenOf(value);
  if (token === undefined) return resolveDoubles(value);
  const digits = wholeDigits(token);
  if (digits === undefined) {
    throw new Error(`${where}: ${shown(token)} is not a whole number in range`);
  }
  return digits;
}

/** Returns the decimal digits of a whole number of at most 20 digits, given in any JSON form. */
function wholeDigits(token: string): string | undefined {
  const [mantissa, exponent = "0"] = token.split(/[eE]/);
  const negative = mantissa.startsWith("-");
  const [whole, fraction = ""] = (negative ? mantissa.slice(1) : mantissa).split(".");
  let digits = whole + fraction;
  let first = 0;
  while (digits.charCodeAt(first) === 0x30) first++;
  let last = digits.length;
  while (last > first && digits.charCodeAt(last - 1) === 0x30) last--;
  if (first === last) return "0";
  const zeros = Number(exponent) - fraction.length + (digits.length - last);
  digits = digits.slice(first, last);
  if (zeros < 0 || digits.length + zeros > 20) return undefined;
  return (negative ? "-" : "") + digits + "0".repeat(zeros);
}
