/**
 * Encoders of message types to JSON: generated code where the runtime allows it, a loop over the members elsewhere;
 * and the buffer that they write to.
 *
 * @module
 */

import type { DescMessage, Registry } from "@bufbuild/protobuf";
import { CAN_GENERATE } from "../code_generation.ts";
import { zeroOf } from "../message_source.ts";
import { constantsOf, type Fields, nameOf, Presence, prototypeOf } from "../shape.ts";
import { checkType, presenceOf } from "../values.ts";
import { jsonEncoderSource } from "./encoder_source.ts";
import { writeExtensions, type WrittenMember, writtenMembersOf } from "./member_writers.ts";
import type { Output, Style, Write } from "./output.ts";
import { wellKnownWriter } from "./well_known_writers.ts";
import * as writer from "./writer.ts";

/** How JSON is written. */
export interface JsonWriteOptions {
  /** Types for `google.protobuf.Any` and extensions. Default: none. */
  readonly registry?: Registry;
  /** Whether fields without presence are written with their zero value, too. Default false. */
  readonly alwaysEmitImplicit?: boolean;
  /** Whether enum values are written as numbers instead of names. Default false. */
  readonly enumAsInteger?: boolean;
  /** Whether fields have their names of the proto file instead of lowerCamelCase. Default false. */
  readonly useProtoFieldName?: boolean;
}

/** Encodes one message type. Throws TypeError that names the field for a value that has no JSON form. */
export type JsonEncoder = (message: Fields) => Uint8Array<ArrayBuffer>;

/** Whether code is generated, besides the style. */
interface Form extends Style {
  readonly generate: boolean;
  readonly writers: WeakMap<DescMessage, Write>;
}

const forms = new Map<string, Form>();

function formOf(options: JsonWriteOptions, generate: boolean): Form {
  const {
    alwaysEmitImplicit = false,
    enumAsInteger = false,
    useProtoFieldName = false,
  } = options;
  const key = [alwaysEmitImplicit, enumAsInteger, useProtoFieldName, generate].map(Number).join("");
  let form = forms.get(key);
  if (form === undefined) {
    const writers = new WeakMap<DescMessage, Write>();
    form = { alwaysEmitImplicit, enumAsInteger, useProtoFieldName, generate, writers };
    forms.set(key, form);
  }
  return form;
}

/** Returns the encoder of a message type; with `generate` false, the one without generated code. */
export function jsonEncoderOf(
  descriptor: DescMessage,
  options: JsonWriteOptions,
  generate: boolean = CAN_GENERATE,
): JsonEncoder {
  const write = writerOf(descriptor, formOf(options, generate));
  const { registry } = options;
  return (message) => toBytes(write, message, { registry, anys: 0 });
}

// Messages are written to one buffer and copied out of it; a larger one is not kept.
const KEPT_BYTES = 65_536;
let kept: Uint8Array<ArrayBuffer> | undefined;
/** Getters of the application may change a message while it is encoded, and make it longer each time. */
const MAX_ATTEMPTS = 10;

function toBytes(write: Write, message: Fields, o: Output): Uint8Array<ArrayBuffer> {
  // While the buffer is in use it is not there for others: a getter of the application may encode, too.
  let buffer = kept ?? new Uint8Array(KEPT_BYTES);
  kept = undefined;
  try {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const end = write(message, buffer, 0, o);
      if (end === buffer.length && attempt > 0) return buffer;
      if (end <= buffer.length) return buffer.slice(0, end);
      buffer = new Uint8Array(end);
      o = { ...o, anys: 0 };
    }
  } finally {
    if (buffer.length === KEPT_BYTES) kept = buffer;
  }
  throw new TypeError("Cannot encode a message whose fields change while it is encoded");
}

function writerOf(descriptor: DescMessage, form: Form): Write {
  let write = form.writers.get(descriptor);
  if (write === undefined) {
    const writers = (type: DescMessage) => writerOf(type, form);
    write = wellKnownWriter(descriptor, form, writers) ??
      (form.generate ? compile(descriptor, form) : byMembers(descriptor, form));
    form.writers.set(descriptor, write);
  }
  return write;
}

function compile(descriptor: DescMessage, form: Form): Write {
  const prototype = prototypeOf(descriptor);
  const writers = (type: DescMessage) => writerOf(type, form);
  const members = writtenMembersOf(descriptor, form, writers);
  const source = jsonEncoderSource(descriptor, members, form, prototype !== undefined);
  const constants = members.map((_, i) => `const w${i}=A[${i}].write;`).join("");
  const make = new Function(
    ...["A", "J", "P", "T", "V", "Y"],
    `"use strict";${constantsOf("J", source)}${constants}${source}`,
  );
  return make(
    members,
    writer,
    prototype,
    (message: Fields) => checkType(descriptor, message),
    (index: number) => {
      throw missing(members[index]);
    },
    (message: Fields, b: Uint8Array, p: number, o: Output) =>
      writeExtensions(descriptor, message, form, writers, b, p, o),
  );
}

function missing({ field }: WrittenMember): TypeError {
  return new TypeError(`Cannot encode ${nameOf(field)}: it is required and not set`);
}

/** Writes messages without generated code. */
function byMembers(descriptor: DescMessage, form: Form): Write {
  const writers = (type: DescMessage) => writerOf(type, form);
  const prototype = prototypeOf(descriptor);
  const members = writtenMembersOf(descriptor, form, writers).map((member) =>
    memberWriter(member, form, prototype)
  );
  return (value, b, p, o) => {
    const message = value as Fields;
    checkType(descriptor, message);
    b[p++] = 0x7b;
    const start = p;
    for (let i = 0; i < members.length; i++) p = members[i](message, b, p, o);
    if (o.registry !== undefined && message.$unknown !== undefined) {
      p = writeExtensions(descriptor, message, form, writers, b, p, o);
    }
    if (p === start) p++;
    b[p - 1] = 0x7d;
    return p;
  };
}

type WriteMember = (message: Fields, b: Uint8Array, p: number, o: Output) => number;

/** Returns the writer of a member with its name and a comma at the end; it writes nothing for an absent field. */
function memberWriter(
  member: WrittenMember,
  { alwaysEmitImplicit }: Style,
  prototype: object | undefined,
): WriteMember {
  const { field, name, write } = member;
  const { localName, oneof } = field;
  const put = (value: unknown, b: Uint8Array, p: number, o: Output) => {
    const start = writer.raw(b, p, name);
    const end = write(value, b, start, o);
    if (end === start) return p;
    b[end] = 0x2c;
    return end + 1;
  };
  if (oneof) {
    return (message, b, p, o) => {
      const chosen = message[oneof.localName] as { case?: string; value?: unknown } | undefined;
      return chosen?.case === localName ? put(chosen.value, b, p, o) : p;
    };
  }
  const isSet = presenceOf(field, prototype);
  const zero = alwaysEmitImplicit ? zeroOfField(field) : undefined;
  return (message, b, p, o) => {
    const value = message[localName] ?? undefined;
    if (value !== undefined && (zero !== undefined || isSet(message, value))) {
      return put(value, b, p, o);
    }
    if (zero !== undefined) return put(zero, b, p, o);
    if (field.presence === Presence.LEGACY_REQUIRED) throw missing(member);
    return p;
  };
}

/** Returns the zero value of a field without presence; undefined for other fields. */
function zeroOfField(field: WrittenMember["field"]): unknown {
  if (field.fieldKind === "list") return [];
  if (field.fieldKind === "map") return {};
  if (field.presence !== Presence.IMPLICIT || field.fieldKind === "message") return undefined;
  return field.fieldKind === "enum" ? field.enum.values[0].number : zeroOf(field.scalar);
}
