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
import { findLongNumbers, type JsonLimits } from "./json_numbers.ts";

// Prefix of the placeholder strings for numbers during parsing: the short one unless the input contains it.
const SHORT_MARK = "\x7f";
const LONG_MARK = `\x7f${crypto.randomUUID()}:`;
const HAS_SHORT_MARK = /\x7f|\\u007f/i;
// Longest invalid text, in characters, that is parsed again without placeholders, for the runtime's own error and
// position.
const MAX_REPARSED_CHARS = 262_144;
// Longest run of bytes that is copied one by one, because a call of `set` would take longer.
const MAX_COPIED_SINGLY = 64;
const QUOTE = 0x22;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
// Levels of JSON in which placeholders are resolved: messages nest at most a hundred levels deep, with lists and maps
// between them.
export const MAX_DEPTH = 400;

/** JSON whose numbers are resolved by the type of their field. */
export interface ExactJson {
  /** Parsed value, with placeholder strings for numbers that a double may not hold. */
  readonly value: unknown;
  /** Prefix of the placeholders; null when there are none. */
  readonly mark: string | null;
}

/**
 * Parses JSON text. Throws SyntaxError as `JSON.parse` does, RangeError for numbers beyond a double, and its subclass
 * JsonLimitError for text beyond `limits`, before it is parsed.
 */
export function parseExactJson(text: string, limits?: JsonLimits): ExactJson {
  const json = encoder.encode(text);
  const numbers = findLongNumbers(json, limits);
  if (numbers.length === 0) return { value: JSON.parse(text), mark: null };
  const mark = HAS_SHORT_MARK.test(text) ? LONG_MARK : SHORT_MARK;
  const marked = decoder.decode(withMarks(json, numbers, encoder.encode(`"${mark}`)));
  try {
    return { value: JSON.parse(marked), mark };
  } catch (error) {
    if (text.length <= MAX_REPARSED_CHARS) return { value: JSON.parse(text), mark: null };
    throw unmarked(error as SyntaxError, marked, `"${mark}`);
  }
}

/** Converts JSON to a message. Throws Error when it does not match the type. */
export function fromExactJson(
  json: ExactJson,
  type: DescMessage,
  registry?: Registry,
  options?: { readonly ignoreUnknownFields?: boolean },
): Message {
  const { mark } = json;
  const value = mark === null
    ? json.value
    : new NumberResolver(mark, registry).message(json.value, type, 0);
  return fromJson(type, value as JsonValue, { ...options, registry });
}

/**
 * Puts each number in quotes, which makes it a placeholder string; `opening` is the first quote followed by the mark.
 */
function withMarks(json: Uint8Array, numbers: Uint32Array, opening: Uint8Array): Uint8Array {
  const added = opening.length + 1;
  const marked = new Uint8Array(json.length + numbers.length / 2 * added);
  let to = 0;
  let from = 0;
  const copyUntil = (end: number) => {
    if (end - from > MAX_COPIED_SINGLY) {
      marked.set(json.subarray(from, end), to);
      to += end - from;
      from = end;
    }
    while (from < end) marked[to++] = json[from++];
  };
  for (let i = 0; i < numbers.length; i += 2) {
    copyUntil(numbers[i]);
    for (let k = 0; k < opening.length; k++) marked[to++] = opening[k];
    copyUntil(numbers[i + 1]);
    marked[to++] = QUOTE;
  }
  copyUntil(json.length);
  return marked;
}

/** Converts a syntax error of the text with placeholders into one with the position in the original text. */
function unmarked(error: SyntaxError, marked: string, opening: string): SyntaxError {
  const found = /^(.*?)(?: in JSON)? at position (\d+)/.exec(error.message);
  if (found === null) return new SyntaxError(error.message.split(",")[0]);
  const position = Number(found[2]);
  const before = marked.slice(0, position).split(opening).length - 1;
  return new SyntaxError(`${found[1]} at position ${position - before * (opening.length + 1)}`);
}

function shown(token: string): string {
  return token.length > 40 ? `${token.slice(0, 40)}…` : token;
}

const INTEGER_WRAPPER = /^google\.protobuf\.U?Int(32|64)Value$/;
const FREE_FORM = /^google\.protobuf\.(Struct|Value|ListValue)$/;
const INTEGERS: ReadonlySet<ScalarType> = new Set([
  ...[ScalarType.INT32, ScalarType.UINT32, ScalarType.SINT32],
  ...[ScalarType.FIXED32, ScalarType.SFIXED32],
  ...[ScalarType.INT64, ScalarType.UINT64, ScalarType.SINT64],
  ...[ScalarType.FIXED64, ScalarType.SFIXED64],
]);

/** Replaces placeholders by numbers, by the type of their field: integers by digits, others by doubles. */
class NumberResolver {
  readonly #mark: string;
  readonly #registry: Registry | undefined;

  constructor(mark: string, registry: Registry | undefined) {
    this.#mark = mark;
    this.#registry = registry;
  }

  message(value: unknown, type: DescMessage, depth: number): unknown {
    const { typeName } = type;
    if (INTEGER_WRAPPER.test(typeName)) return this.#integer(value, typeName, depth);
    if (typeName === "google.protobuf.Any") return this.#any(value, depth);
    if (FREE_FORM.test(typeName) || !isObject(value)) return this.#doubles(value, depth);
    // `fromJson` rejects a list in place of a message, whatever its items.
    if (Array.isArray(value)) return value;
    return this.#fields(value, type, depth);
  }

  #fields(value: object, type: DescMessage, depth: number, wrapped = false): unknown {
    const fields = fieldsOf(type);
    return this.#each(value, depth, (item, key, inner) => {
      if (wrapped && key === "value") return this.message(item, type, inner);
      const field = fields.get(key);
      if (field !== undefined) return this.#field(item, field, inner);
      // The key names an extension, or a field that `fromJson` rejects or ignores whatever its value.
      return key.startsWith("[") ? this.#doubles(item, inner) : item;
    });
  }

  #any(value: unknown, depth: number): unknown {
    const url = (value as { "@type"?: unknown } | null)?.["@type"];
    const name = typeof url === "string" ? url.slice(url.lastIndexOf("/") + 1) : "";
    const type = this.#registry?.getMessage(name);
    if (type === undefined || !isObject(value)) return this.#doubles(value, depth);
    // Inside an Any, the JSON of a well-known type is in the field "value".
    return this.#fields(value, type, depth, type.typeName.startsWith("google.protobuf."));
  }

  #field(value: unknown, field: DescField, depth: number): unknown {
    const many = field.fieldKind === "list" ? Array.isArray(value) : field.fieldKind === "map";
    if (!many || !isObject(value)) return this.#single(value, field, depth);
    return this.#each(value, depth, (item, _, inner) => this.#single(item, field, inner));
  }

  #single(value: unknown, field: DescField, depth: number): unknown {
    if (field.message) return this.message(value, field.message, depth);
    // `fromJson` rejects an object in place of a scalar, whatever its members.
    if (isObject(value)) return value;
    if (field.enum && this.#token(value) !== undefined) {
      return Number(this.#integer(value, field.name, depth));
    }
    if (INTEGERS.has(field.scalar!)) return this.#integer(value, field.name, depth);
    return this.#doubles(value, depth);
  }

  #integer(value: unknown, where: string, depth: number): unknown {
    const token = this.#token(value);
    if (token === undefined) return this.#doubles(value, depth);
    const digits = wholeDigits(token);
    if (digits === undefined) {
      throw new Error(`${where}: ${shown(token)} is not a whole number in range`);
    }
    return digits;
  }

  #doubles(value: unknown, depth: number): unknown {
    const token = this.#token(value);
    if (token !== undefined) return Number(token);
    if (!isObject(value)) return value;
    return this.#each(value, depth, (item, _, inner) => this.#doubles(item, inner));
  }

  #token(value: unknown): string | undefined {
    return typeof value === "string" && value.startsWith(this.#mark)
      ? value.slice(this.#mark.length)
      : undefined;
  }

  /** Resolves the items that may be or contain placeholders, in place. */
  #each(value: object, depth: number, resolve: Resolve): unknown {
    if (depth === MAX_DEPTH) return value;
    if (Array.isArray(value)) {
      for (let i = 0; i < value.length; i++) {
        const item = value[i];
        if (isObject(item) || typeof item === "string") value[i] = resolve(item, "", depth + 1);
      }
      return value;
    }
    for (const key of Object.keys(value)) {
      const item = (value as Record<string, unknown>)[key];
      if (!isObject(item) && typeof item !== "string") continue;
      const resolved = resolve(item, key, depth + 1);
      if (resolved !== item) setOwn(value, key, resolved);
    }
    return value;
  }
}

type Resolve = (item: unknown, key: string, depth: number) => unknown;

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

// An assignment to "__proto__" would not create a property.
function setOwn(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, {
    value,
    configurable: true,
    enumerable: true,
    writable: true,
  });
}

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

const PLAIN_DIGITS = /^-?[1-9][0-9]{0,19}$/;

/**
 * Returns the decimal digits of a whole number of at most 20 digits in any JSON notation; undefined for other numbers.
 */
function wholeDigits(token: string): string | undefined {
  if (PLAIN_DIGITS.test(token)) return token;
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
