/**
 * Decoders of message types from JSON: generated code where the runtime allows it, a loop over the members elsewhere.
 * Both use the same readers of values.
 *
 * @module
 */

import type { DescMessage, Registry } from "@bufbuild/protobuf";
import { EMPTY_BYTES } from "../../bytes/empty.ts";
import { CAN_GENERATE } from "../code_generation.ts";
import { messageFactory } from "../message_slots.ts";
import { cursor, IRREGULAR, MAX_DEPTH } from "../reader.ts";
import { constantsOf, type Fields, prototypeOf } from "../shape.ts";
import { jsonDecoderSource } from "./decoder_source.ts";
import * as input from "./input.ts";
import * as members from "./members.ts";
import { skip } from "./skip.ts";
import { wellKnownReader } from "./well_known.ts";

const { Char, colon, IGNORED, newInput, nullEnd, space, take, tooDeep, unexpected, wrong } = input;

/** How JSON is read. */
export interface JsonReadOptions {
  /** Types for `google.protobuf.Any` and extensions. Default: none. */
  readonly registry?: Registry;
  /**
   * Whether members that name no field, and unknown names of enum values, are ignored instead of refused. Default
   * false.
   */
  readonly ignoreUnknownFields?: boolean;
  /**
   * Limit on the objects, lists, members of objects, and values that take as long (times, keys of maps, numbers of more
   * than 15 digits, eight items of a list; bytes count as two), 1 or more: JSON of these takes longer than its length
   * suggests. Default: none.
   */
  readonly maxElements?: number;
}

/** Decodes one message type. Throws an Error that names the field and the position. */
export type JsonDecoder = (json: Uint8Array, options: JsonReadOptions) => Fields;

/** Longest text that is read once more, for its syntax, when something else is wrong. */
const MAX_REREAD_BYTES = 1024 * 1024;

const generatedReaders = new WeakMap<DescMessage, input.Read>();
const plainReaders = new WeakMap<DescMessage, input.Read>();

/** Returns the decoder of a message type; with `generate` false, the one without generated code. */
export function jsonDecoderOf(
  descriptor: DescMessage,
  generate: boolean = CAN_GENERATE,
): JsonDecoder {
  const read = generate ? generatedReader(descriptor) : plainReader(descriptor);
  return (b, { registry, ignoreUnknownFields = false, maxElements = Infinity }) => {
    const o = newInput(registry, ignoreUnknownFields, maxElements);
    const start = space(b, b[0] === 0xef && b[1] === 0xbb && b[2] === 0xbf ? 3 : 0);
    try {
      const message = read(b, start, o, MAX_DEPTH);
      checkEnd(b, cursor.at);
      return message as Fields;
    } catch (error) {
      if (error === IRREGULAR) throw new SyntaxError("The JSON has a string that is not UTF-8");
      if (!(error instanceof SyntaxError || error instanceof input.JsonLimitError)) {
        // What is no JSON at all is said to be that, even if something else is wrong before.
        if (b.length <= MAX_REREAD_BYTES) {
          checkEnd(b, skip(b, start, newInput(registry, true, maxElements)));
        }
      }
      throw error;
    }
  };
}

function checkEnd(b: Uint8Array, p: number): void {
  const end = space(b, p);
  if (end < b.length) throw unexpected(b, end);
}

function generatedReader(descriptor: DescMessage): input.Read {
  return cached(generatedReaders, descriptor, generatedReader, compile);
}

function plainReader(descriptor: DescMessage): input.Read {
  return cached(plainReaders, descriptor, plainReader, byMembers);
}

function cached(
  cache: WeakMap<DescMessage, input.Read>,
  descriptor: DescMessage,
  readers: (descriptor: DescMessage) => input.Read,
  make: (descriptor: DescMessage) => input.Read,
): input.Read {
  let read = cache.get(descriptor);
  if (read === undefined) {
    read = wellKnownReader(descriptor, readers) ?? make(descriptor);
    cache.set(descriptor, read);
  }
  return read;
}

function compile(descriptor: DescMessage): input.Read {
  const { all, names } = members.membersOf(descriptor, generatedReader);
  const source = jsonDecoderSource(descriptor, all);
  const readers = all.map((_, i) => `const r${i}=A[${i}].read;`).join("");
  const make = new Function(
    ...["A", "K", "C", "I", "H", "P", "Z", "G", "U"],
    `"use strict";${constantsOf("I", source)}${constantsOf("H", source)}${readers}${source}`,
  );
  const other = (
    b: Uint8Array,
    p: number,
    o: input.Input,
    d: number,
    start: number,
    nameAt: number,
    found: members.ExtensionValue[] | undefined,
  ) => members.otherMember(descriptor, generatedReader, b, p, o, d, start, nameAt, found);
  const prototype = prototypeOf(descriptor) ?? Object.prototype;
  return make(all, names, cursor, input, members, prototype, EMPTY_BYTES, IGNORED, other);
}

/** Reads messages without generated code. */
function byMembers(descriptor: DescMessage): input.Read {
  const create = messageFactory(descriptor);
  const { typeName } = descriptor;
  const { all, names } = members.membersOf(descriptor, plainReader);
  const elements = members.elementsOf(descriptor);
  return (b, p, o, d) => {
    if (d <= 0) throw tooDeep(MAX_DEPTH);
    if (b[p] !== Char.OPEN) throw wrong(b, p, typeName, "an object");
    const start = p;
    const message = create();
    const seen = new Seen();
    let extensions: members.ExtensionValue[] | undefined;
    let expected = 0;
    let count = elements;
    p = space(b, p + 1);
    if (b[p] === Char.CLOSE) p++;
    else {
      for (;;) {
        if (b[p] !== Char.QUOTE) throw unexpected(b, p);
        const nameAt = p;
        const index = names.find(b, p, expected);
        p = colon(b, cursor.at);
        if (index >= 0) {
          count++;
          readMember(all[index], index, seen, message, b, p, o, d, nameAt);
          expected = index + 1;
        } else {
          const { otherMember } = members;
          extensions = otherMember(
            ...[descriptor, plainReader, b, p, o, d, start, nameAt, extensions] as const,
          );
        }
        p = space(b, cursor.at);
        if (b[p] === Char.CLOSE) {
          p++;
          break;
        }
        if (b[p] !== Char.COMMA) throw unexpected(b, p);
        p = space(b, p + 1);
      }
    }
    take(o, count);
    if (extensions !== undefined) members.addExtensions(message, extensions);
    cursor.at = p;
    return message;
  };
}

/** The members of one message that occurred. */
class Seen {
  #low = 0;
  #others: Set<unknown> | undefined;

  /** Notes a member, by its place; returns whether it was noted before. */
  add(index: number): boolean {
    if (index < 31) {
      const before = this.#low;
      this.#low |= 1 << index;
      return before === this.#low;
    }
    return this.addOther(index);
  }

  /** Notes a oneof, or a member with a high place. */
  addOther(key: unknown): boolean {
    const others = this.#others ??= new Set();
    return others.size === others.add(key).size;
  }
}

function readMember(
  member: members.Member,
  index: number,
  seen: Seen,
  message: Fields,
  b: Uint8Array,
  p: number,
  o: input.Input,
  d: number,
  nameAt: number,
): void {
  const { field, read, nullable } = member;
  if (seen.add(index)) throw members.twice(member, b, nameAt);
  const isNull = b[p] === Char.N && !nullable;
  const { oneof } = field;
  // `null` for a scalar does not count as a field of the oneof, as in protobuf-es.
  if (oneof !== undefined && !(isNull && field.fieldKind === "scalar") && seen.addOther(oneof)) {
    throw members.secondOfOneof(member, b, nameAt);
  }
  if (isNull) {
    cursor.at = nullEnd(b, p);
    return;
  }
  const value = read(b, p, o, d);
  if (value === IGNORED) return;
  if (oneof === undefined) message[field.localName] = value;
  else message[oneof.localName] = { case: field.localName, value };
}
