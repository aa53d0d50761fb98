/**
 * Checks of the values in messages and init shapes, for the encoders without generated code: they accept what
 * protobuf-es accepts, such as numbers as text, and name the field whose value can't be encoded.
 *
 * @module
 */

import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { type Fields, nameOf, Presence } from "./shape.ts";

/** Throws TypeError for what is not a message of the type. */
export function checkType(descriptor: DescMessage, message: Fields): void {
  if (typeof message !== "object" || message === null) {
    throw new TypeError(`Cannot encode ${String(message)} as ${descriptor.typeName}`);
  }
  const type = message.$typeName;
  if (type !== undefined && type !== descriptor.typeName) {
    throw new TypeError(`Cannot encode a ${String(type)} as ${descriptor.typeName}`);
  }
}

/** Returns whether a field with a value counts as set; `prototype` holds the default values of its message. */
export function presenceOf(
  field: DescField,
  prototype: object | undefined,
): (message: Fields, value: unknown) => boolean {
  if (field.fieldKind === "list" || field.fieldKind === "map") return () => true;
  if (field.presence === Presence.IMPLICIT) {
    if (field.fieldKind === "enum") {
      const zero = field.enum.values[0].number;
      return (_, value) => value !== zero;
    }
    return (_, value) => !isZero(field.scalar!, value);
  }
  // A default value inherited from the message prototype does not count as set; one inherited from an application's own
  // class does.
  if (prototype === undefined || field.fieldKind === "message") return () => true;
  return (message) =>
    Object.hasOwn(message, field.localName) || Object.getPrototypeOf(message) !== prototype;
}

function isZero(scalar: ScalarType, value: unknown): boolean {
  switch (scalar) {
    case ScalarType.STRING:
      return value === "";
    case ScalarType.BYTES:
      return (value as Uint8Array).length === 0;
    case ScalarType.BOOL:
      return value === false;
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return Object.is(value, 0);
    default:
      return value === 0 || value === 0n || value === "0";
  }
}

/** Returns a 32-bit integer, also of decimal text. Throws TypeError for other values. */
export function integerOf(field: DescField, value: unknown, signed: boolean): number {
  const number = typeof value === "string" && value !== "" ? Number(value) : value;
  if (typeof number === "number" && (signed ? number | 0 : number >>> 0) === number) return number;
  throw wrong(field, value, signed ? "a signed 32-bit integer" : "an unsigned 32-bit integer");
}

/** Returns a 64-bit integer, also of a number or decimal text. Throws TypeError for other values. */
export function longOf(field: DescField, value: unknown, signed: boolean): bigint {
  const expected = signed ? "a signed 64-bit integer" : "an unsigned 64-bit integer";
  let number: bigint;
  try {
    if (value === "" || typeof value === "boolean") throw wrong(field, value, expected);
    number = BigInt(value as string);
  } catch {
    throw wrong(field, value, expected);
  }
  if ((signed ? BigInt.asIntN(64, number) : BigInt.asUintN(64, number)) === number) return number;
  throw wrong(field, value, expected);
}

/** Returns a number, also of text. Throws TypeError for other values. */
export function numberOf(field: DescField, value: unknown): number {
  const number = typeof value === "string" && value !== "" ? Number(value) : value;
  if (typeof number === "number") return number;
  throw wrong(field, value, "a number");
}

/** Returns a value as text. Throws TypeError for undefined, null and symbols. */
export function textOf(field: DescField, value: unknown): string {
  if (typeof value === "string") return value;
  if (value === undefined || value === null || typeof value === "symbol") {
    throw wrong(field, value, "text");
  }
  return String(value);
}

/** Returns bytes, also of an array. Throws TypeError for other values. */
export function bytesOf(field: DescField, value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return new Uint8Array(value);
  throw wrong(field, value, "a Uint8Array");
}

/** Error for a value that its field cannot have. */
export function wrong(field: DescField, value: unknown, expected: string): TypeError {
  const shown = typeof value === "string" ? JSON.stringify(value).slice(0, 80) : shortly(value);
  return new TypeError(`Cannot encode ${nameOf(field)}: ${shown} is not ${expected}`);
}

function shortly(value: unknown): string {
  if (typeof value === "object" && value !== null) {
    return Array.isArray(value) ? "an array" : "an object";
  }
  return typeof value === "function" ? "a function" : String(value);
}
