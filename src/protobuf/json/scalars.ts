/**
 * Readers of scalars and enum values in JSON.
 *
 * @module
 */

import { type DescEnum, ScalarType } from "@bufbuild/protobuf";
import { decodeBase64 } from "../../bytes/base64.ts";
import { cursor } from "../reader.ts";
import {
  boolean,
  Char,
  IGNORED,
  type Input,
  nullEnd,
  quoted,
  type Read,
  take,
  takeEighths,
  unexpected,
  wrong,
  wrongAt,
} from "./input.ts";
import { NameTable } from "./names.ts";
import { double, plainInteger, quotedDouble, wholeNumber } from "./numbers.ts";
import { string } from "./strings.ts";

/** Returns the reader of a scalar; `name` is of its field, for errors. */
export function scalarReader(scalar: ScalarType, name: string, longAsString: boolean): Read {
  switch (scalar) {
    case ScalarType.STRING:
      return (b, p) => {
        if (b[p] !== Char.QUOTE) throw wrong(b, p, name, "a string");
        return string(b, p, name);
      };
    case ScalarType.BYTES:
      return bytesReader(name);
    case ScalarType.BOOL:
      return (b, p) => {
        const value = boolean(b, p);
        if (value === undefined) throw wrong(b, p, name, "true or false");
        return value;
      };
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return doubleReader(name, scalar === ScalarType.FLOAT);
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return (b, p, o) => {
        const value = plainInteger(b, p);
        if ((value | 0) === value) return value | 0;
        const whole = Number(wholeNumber(b, p, o, name));
        if ((whole | 0) === whole) return whole | 0;
        throw wrong(b, p, name, "a signed 32-bit integer");
      };
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return (b, p, o) => {
        const value = plainInteger(b, p);
        if (value >>> 0 === value) return value >>> 0;
        const whole = Number(wholeNumber(b, p, o, name));
        if (whole >>> 0 === whole) return whole >>> 0;
        throw wrong(b, p, name, "an unsigned 32-bit integer");
      };
    default:
      return longReader(name, isSigned(scalar), longAsString);
  }
}

function isSigned(scalar: ScalarType): boolean {
  return scalar !== ScalarType.UINT64 && scalar !== ScalarType.FIXED64;
}

function longReader(name: string, signed: boolean, longAsString: boolean): Read {
  const expected = signed ? "a signed 64-bit integer" : "an unsigned 64-bit integer";
  return (b, p, o) => {
    takeEighths(o, 1);
    const value = wholeNumber(b, p, o, name);
    if (value === undefined) throw wrong(b, p, name, expected);
    const long = BigInt(value);
    const fits = typeof value === "number" ? signed || value >= 0 : inRange(long, signed);
    if (!fits) throw wrong(b, p, name, expected);
    return longAsString ? String(long) : long;
  };
}

/** Whether a number has 64 bits. */
export function inRange(long: bigint, signed: boolean): boolean {
  return (signed ? BigInt.asIntN(64, long) : BigInt.asUintN(64, long)) === long;
}

function doubleReader(name: string, float: boolean): Read {
  const check = (b: Uint8Array, p: number, value: number) => {
    if (float && Number.isFinite(value) && !Number.isFinite(Math.fround(value))) {
      throw wrong(b, p, name, "in the range of a 32-bit float");
    }
    return value;
  };
  return (b, p, o) => {
    takeEighths(o, 1);
    const first = b[p];
    if (first === Char.MINUS || (first >= 0x30 && first <= 0x39)) {
      return check(b, p, double(b, p, o, name));
    }
    const value = first === Char.QUOTE ? quotedDouble(b, p, o, name) : undefined;
    if (value === undefined) throw wrong(b, p, name, "a number");
    return check(b, p, value);
  };
}

const encoder = new TextEncoder();

function bytesReader(name: string): Read {
  return (b, p, o) => {
    if (b[p] !== Char.QUOTE) throw wrong(b, p, name, "bytes in base64");
    // A buffer takes longer than most values.
    take(o, 2);
    const start = p + 1;
    let end = start;
    for (; end < b.length; end++) {
      const c = b[end];
      if (c === Char.QUOTE) break;
      if (c >= 0x20 && c !== Char.BACKSLASH) continue;
      const text = encoder.encode(string(b, p, name));
      return decodeBase64(text, 0, text.length) ?? fail(b, p);
    }
    if (end >= b.length) throw unexpected(b, end);
    cursor.at = end + 1;
    return decodeBase64(b, start, end) ?? fail(b, p);
  };
  function fail(b: Uint8Array, p: number): never {
    throw wrong(b, p, name, "bytes in base64");
  }
}

/** Eighths of an element that the name of an enum value counts beside the item of a list that it is. */
const USUAL_NAME = 2;
/** The same for a name with escapes, or the alternative one. */
const UNUSUAL_NAME = 6;

/**
 * Returns the reader of an enum: names, and numbers if the enum is open or has the number. An unknown name is
 * {@link IGNORED} when unknown fields are ignored.
 */
export function enumReader(descriptor: DescEnum, name: string): Read {
  const { values, open, typeName } = descriptor;
  const names = new NameTable([
    ...values.map((value) => [value.name, value.number] as const),
    ...values.map((value) => [value.jsonName, value.number] as const),
  ].map(([text], i) => [text, i % values.length]));
  const numbers = new Set(values.map(({ number }) => number));
  const expected = `a value of ${typeName}`;
  const nullable = typeName === "google.protobuf.NullValue";
  return (b, p, o) => {
    const first = b[p];
    if (first === Char.QUOTE) {
      const index = names.find(b, p, -1);
      if (index >= 0) {
        const value = values[index];
        // Names with escapes take longer.
        takeEighths(o, cursor.at - p - 2 === value.name.length ? USUAL_NAME : UNUSUAL_NAME);
        return value.number;
      }
      take(o, 1);
      if (o.ignoreUnknownFields) return IGNORED;
      throw wrong(b, p, name, expected);
    }
    if (first === Char.N) {
      const end = nullEnd(b, p);
      if (!nullable) throw wrong(b, p, name, expected);
      cursor.at = end;
      return 0;
    }
    let value: number | bigint | undefined = plainInteger(b, p);
    if ((value | 0) !== value) value = wholeNumber(b, p, o, name);
    const number = Number(value);
    if ((number | 0) !== number || !(open || numbers.has(number))) {
      throw wrong(b, p, name, expected);
    }
    return number | 0;
  };
}

/** Reads the key of a map, in the form that it has as a property; throws an Error for a key of another type. */
export function mapKeyReader(
  scalar: ScalarType,
  name: string,
): (b: Uint8Array, p: number, o: Input) => string {
  const wrongKey = (b: Uint8Array, p: number, expected: string) =>
    wrong(b, p, name, `a key that is ${expected}`);
  switch (scalar) {
    case ScalarType.STRING:
      return (b, p) => string(b, p, name);
    case ScalarType.BOOL:
      return (b, p) => {
        const key = string(b, p, name);
        if (key !== "true" && key !== "false") throw wrongKey(b, p, "true or false");
        return key;
      };
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return integerKey((key) => key >= -0x80000000 && key <= 0x7fffffff);
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return integerKey((key) => key >= 0 && key <= 0xffffffff);
    default:
      return integerKey((key) => inRange(BigInt(key), isSigned(scalar)));
  }
  function integerKey(fits: (key: number | bigint) => boolean) {
    return (b: Uint8Array, p: number, o: Input) => {
      const key = wholeNumber(b, p, o, name);
      if (key === undefined) throw wrongKey(b, p, "an integer");
      if (!fits(key)) throw wrongKey(b, p, "in the range of its type");
      return String(key);
    };
  }
}

/** Throws an Error if a map has the key at `p` already. */
export function checkNew(map: object, key: string, b: Uint8Array, p: number, name: string): void {
  if (Object.hasOwn(map, key)) {
    throw wrongAt(b, p, name, `the key ${quoted(key)} occurs twice`);
  }
}
