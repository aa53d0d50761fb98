/**
 * Readers of lists and maps, and of `google.protobuf.Struct`, `Value` and `ListValue`, whose JSON is any JSON.
 *
 * @module
 */

import type { DescField } from "@bufbuild/protobuf";
import { cursor, MAX_DEPTH, setEntry } from "../reader.ts";
import { type Fields, nameOf } from "../shape.ts";
import {
  boolean,
  Char,
  colon,
  IGNORED,
  type Input,
  nullEnd,
  type Read,
  space,
  take,
  takeEighths,
  tooDeep,
  unexpected,
  wrong,
} from "./input.ts";
import { double } from "./numbers.ts";
import { checkNew, mapKeyReader } from "./scalars.ts";
import { string } from "./strings.ts";

/** Work that a text in a list counts as, in eighths of an element (see `maxElements`). */
const TEXT = 2;
/** Work that a text with escapes or non-ASCII characters counts as, in eighths of an element. */
const UNUSUAL_TEXT = 6;

/** Returns the reader of a list whose items `item` reads. */
export function listReader(name: string, item: Read): Read {
  return (b, p, o, d) => {
    if (b[p] !== Char.OPEN_LIST) throw wrong(b, p, name, "a list");
    take(o, 1);
    const list: unknown[] = [];
    p = space(b, p + 1);
    if (b[p] === Char.CLOSE_LIST) {
      cursor.at = p + 1;
      return list;
    }
    for (;;) {
      const value = item(b, p, o, d);
      const end = cursor.at;
      takeEighths(
        o,
        typeof value !== "string" ? 1 : value.length === end - p - 2 ? TEXT : UNUSUAL_TEXT,
      );
      if (value !== IGNORED) list.push(value);
      p = end;
      if (b[p] !== Char.COMMA) {
        p = space(b, p);
        if (b[p] === Char.CLOSE_LIST) break;
        if (b[p] !== Char.COMMA) throw unexpected(b, p);
      }
      p++;
      if (b[p] <= 0x20) p = space(b, p);
    }
    cursor.at = p + 1;
    return list;
  };
}

/** Reads the next member of a map; `key` is at `keyAt`, the value at `p`. */
type Member = (
  map: Fields,
  key: string,
  b: Uint8Array,
  p: number,
  o: Input,
  d: number,
) => void;

/** Reads the members of an object into `map`, which is empty. */
function members(
  map: Fields,
  b: Uint8Array,
  p: number,
  o: Input,
  d: number,
  name: string,
  keyOf: (b: Uint8Array, p: number, o: Input) => string,
  member: Member,
): void {
  if (b[p] !== Char.OPEN) throw wrong(b, p, name, "an object");
  take(o, 1);
  p = space(b, p + 1);
  if (b[p] === Char.CLOSE) {
    cursor.at = p + 1;
    return;
  }
  for (;;) {
    if (b[p] !== Char.QUOTE) throw unexpected(b, p);
    take(o, 1);
    const key = keyOf(b, p, o);
    checkNew(map, key, b, p, name);
    member(map, key, b, colon(b, cursor.at), o, d);
    p = space(b, cursor.at);
    if (b[p] === Char.CLOSE) break;
    if (b[p] !== Char.COMMA) throw unexpected(b, p);
    p = space(b, p + 1);
  }
  cursor.at = p + 1;
}

/** Returns the reader of a map whose values `read` reads. */
export function mapReader(field: DescField & { fieldKind: "map" }, read: Read): Read {
  const name = nameOf(field);
  const keyOf = mapKeyReader(field.mapKey, name);
  const member: Member = (map, key, b, p, o, d) => {
    // A key counts like a value: V8 looks each new one up in its table of names.
    take(o, 1);
    const value = read(b, p, o, d);
    if (value !== IGNORED) setEntry(map, key, value);
  };
  return (b, p, o, d) => {
    const map: Fields = {};
    members(map, b, p, o, d, name, keyOf, member);
    return map;
  };
}

/** Builds what any JSON is decoded to: plain JSON values, or messages of `google.protobuf.Value`. */
interface Form {
  nothing(): unknown;
  boolean(value: boolean): unknown;
  number(value: number): unknown;
  string(value: string): unknown;
  list(items: unknown[]): unknown;
  object(members: Fields): unknown;
}

const JSON_FORM: Form = {
  nothing: () => null,
  boolean: (value) => value,
  number: (value) => value,
  string: (value) => value,
  list: (items) => items,
  object: (members) => members,
};

const value = (name: string, value: unknown) => ({
  $typeName: "google.protobuf.Value",
  kind: { case: name, value },
});

const MESSAGE_FORM: Form = {
  nothing: () => value("nullValue", 0),
  boolean: (it) => value("boolValue", it),
  number: (it) => value("numberValue", it),
  string: (it) => value("stringValue", it),
  list: (values) => value("listValue", { $typeName: "google.protobuf.ListValue", values }),
  object: (fields) => value("structValue", { $typeName: "google.protobuf.Struct", fields }),
};

/** Returns the readers of any JSON that build their results with `form`. Each value counts as an element. */
function freeForm(form: Form): { any: Read; object: Read; list: Read } {
  const name = "google.protobuf.Value";
  const keyOf = (b: Uint8Array, p: number) => string(b, p, name);
  const any: Read = (b, p, o, d) => {
    if (d <= 0) throw tooDeep(MAX_DEPTH);
    take(o, 1);
    switch (b[p]) {
      case Char.QUOTE:
        return form.string(string(b, p, name));
      case Char.OPEN:
        return form.object(object(b, p, o, d) as Fields);
      case Char.OPEN_LIST:
        return form.list(list(b, p, o, d) as unknown[]);
      case Char.N:
        cursor.at = nullEnd(b, p);
        return form.nothing();
    }
    const truth = boolean(b, p);
    if (truth !== undefined) return form.boolean(truth);
    return form.number(double(b, p, o, name));
  };
  const item: Read = (b, p, o, d) => any(b, p, o, d - 1);
  const list = listReader("google.protobuf.ListValue", item);
  const member: Member = (map, key, b, p, o, d) => setEntry(map, key, any(b, p, o, d - 1));
  const object: Read = (b, p, o, d) => {
    const map: Fields = {};
    members(map, b, p, o, d, "google.protobuf.Struct", keyOf, member);
    return map;
  };
  return { any, object, list };
}

const messages = freeForm(MESSAGE_FORM);

/** Reads an object as a plain JSON object, the form of a Struct in a field of a message. */
export const jsonObject: Read = freeForm(JSON_FORM).object;

/** Reads any JSON as a message of type `google.protobuf.Value`. */
export const valueMessage: Read = (b, p, o, d) => messages.any(b, p, o, d - 1);

/** Reads a JSON object as a message of type `google.protobuf.Struct`. */
export const structMessage: Read = (b, p, o, d) => ({
  $typeName: "google.protobuf.Struct",
  fields: messages.object(b, p, o, d),
});

/** Reads a JSON list as a message of type `google.protobuf.ListValue`. */
export const listValueMessage: Read = (b, p, o, d) => ({
  $typeName: "google.protobuf.ListValue",
  values: messages.list(b, p, o, d),
});
