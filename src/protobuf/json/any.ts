/**
 * Reads `google.protobuf.Any`: an object with the type's URL in "@type" and the fields of its message, or the JSON of
 * a well-known type in "value".
 *
 * @module
 */

import type { DescMessage } from "@bufbuild/protobuf";
import { codecOf } from "../codec.ts";
import { cursor } from "../reader.ts";
import { messageFactory } from "../message_slots.ts";
import {
  Char,
  colon,
  quoted,
  type Read,
  space,
  take,
  unexpected,
  wrong,
  wrongAt,
} from "./input.ts";
import { NameTable } from "./names.ts";
import { skip, typeOf } from "./skip.ts";
import { stringEnd } from "./strings.ts";

const MEMBERS = new NameTable([["@type", 0], ["value", 1]]);

/**
 * Returns the reader of Any. `readerOf` returns the reader of a message type; `hasOwnJson` returns whether a type has a
 * special JSON form, which stands in the member "value", instead of an object of its fields.
 */
export function anyReader(
  any: DescMessage,
  readerOf: (descriptor: DescMessage) => Read,
  hasOwnJson: (descriptor: DescMessage) => boolean,
): Read {
  const name = any.typeName;
  const create = messageFactory(any);
  return (b, p, o, d) => {
    if (b[p] !== Char.OPEN) throw wrong(b, p, name, "an object");
    const result = create();
    const first = space(b, p + 1);
    if (b[first] === Char.CLOSE) {
      cursor.at = first + 1;
      return result;
    }
    const url = typeOf(b, p, o);
    const typeName = url?.slice(url.lastIndexOf("/") + 1);
    if (!url || !typeName) throw wrongAt(b, p, name, `"@type" is missing or empty`);
    // The registry may be code of the application that decodes messages itself and moves the cursor: each reader below
    // gets its position as an argument.
    const type = o.registry?.getMessage(typeName);
    if (type === undefined) {
      throw wrongAt(b, p, name, `${quoted(url)} is not in the registry`);
    }
    const ownJson = hasOwnJson(type);
    if (!ownJson) (o.anys ??= new Set()).add(p);
    const message = ownJson
      ? valueOf(b, p, (value) => readerOf(type)(b, value, o, d - 1), (value, key) => {
        if (o.ignoreUnknownFields) return skip(b, value, o);
        throw wrongAt(b, key, name, `beside "@type" there is only "value"`);
      })
      : readerOf(type)(b, p, o, d - 1);
    const end = cursor.at;
    result.typeUrl = url.includes("/") ? url : `type.googleapis.com/${url}`;
    const bytes = codecOf(type).encode(message as never);
    // The bytes of an Any are copied once for each Any around it, so they count as work.
    take(o, bytes.length >> 8);
    result.value = bytes;
    cursor.at = end;
    return result;
  };
}

/**
 * Reads the member "value" of the object at `p` by `read`, which gets its position. `other` skips the value of another
 * member, given its position and that of the key, and returns where it ends.
 */
function valueOf(
  b: Uint8Array,
  p: number,
  read: (p: number) => unknown,
  other: (p: number, key: number) => number,
): unknown {
  const start = p;
  let value: unknown;
  p = space(b, p + 1);
  for (;;) {
    if (b[p] !== Char.QUOTE) throw unexpected(b, p);
    const key = p;
    const member = MEMBERS.find(b, p, value === undefined ? 0 : 1);
    p = colon(b, cursor.at);
    if (member === 0 && b[p] === Char.QUOTE) p = stringEnd(b, p);
    else if (member === 1 && value === undefined) {
      value = read(p);
      p = cursor.at;
    } else p = other(p, key);
    p = space(b, p);
    if (b[p] === Char.CLOSE) break;
    if (b[p] !== Char.COMMA) throw unexpected(b, p);
    p = space(b, p + 1);
  }
  if (value === undefined) throw wrongAt(b, start, "google.protobuf.Any", `"value" is missing`);
  cursor.at = p + 1;
  return value;
}
