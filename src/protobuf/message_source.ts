/**
 * Source that creates a decoded message, for the generated decoders of the binary format and of JSON; and its
 * equivalent without generated code.
 *
 * @module
 */

import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { EMPTY_BYTES } from "../bytes/empty.ts";
import { type Fields, Presence, prototypeOf } from "./shape.ts";

/** Initial value of a field that is absent unless it was decoded. */
export const ABSENT = "undefined";

/** Source of the initial value of a field; `Z` is no bytes. */
export function initialSource(field: DescField): string {
  if (field.fieldKind === "list") return "[]";
  if (field.fieldKind === "map") return "{}";
  if (field.fieldKind === "message" || field.presence !== Presence.IMPLICIT) return ABSENT;
  if (field.fieldKind === "enum") return String(field.enum.values[0].number);
  return zeroSource(field.scalar, field.longAsString);
}

/**
 * Source that creates the message `m` of the locals `f0`, `f1` … (by their place in `fields`) and `o0` …, with
 * properties in the order of `create()`. Absent fields have no property. `M` is the constructor of messages with a
 * prototype.
 */
export function messageSource(descriptor: DescMessage, prototype: boolean): string {
  const { fields, members, oneofs, typeName } = descriptor;
  const always: [name: string, value: string][] = [['"$typeName"', JSON.stringify(typeName)]];
  const present: string[] = [];
  for (const member of members) {
    const name = JSON.stringify(member.localName);
    if (member.kind === "oneof") {
      const local = `o${oneofs.indexOf(member)}`;
      always.push([name, `${local}===undefined?{case:undefined}:${local}`]);
      continue;
    }
    const local = `f${fields.indexOf(member)}`;
    if (initialSource(member) === ABSENT) {
      present.push(`if(${local}!==undefined)m[${name}]=${local};`);
    } else always.push([name, local]);
  }
  const assign = always.map(([name, value]) => `m[${name}]=${value};`).join("");
  const literal = always.map(([name, value]) => `${name}:${value}`).join(",");
  const made = prototype ? `const m=new M();${assign}` : `const m={${literal}};`;
  return made + present.join("");
}

/** Source of the zero value of a scalar; `Z` is no bytes. */
export function zeroSource(scalar: ScalarType, longAsString: boolean): string {
  switch (scalar) {
    case ScalarType.STRING:
      return '""';
    case ScalarType.BYTES:
      return "Z";
    case ScalarType.BOOL:
      return "false";
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return longAsString ? '"0"' : "0n";
    default:
      return "0";
  }
}

/** Returns the zero value of a scalar. */
export function zeroOf(scalar: ScalarType, longAsString = false): unknown {
  switch (scalar) {
    case ScalarType.STRING:
      return "";
    case ScalarType.BYTES:
      return EMPTY_BYTES;
    case ScalarType.BOOL:
      return false;
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return longAsString ? "0" : 0n;
    default:
      return 0;
  }
}

/** What a property of a new message is: the same value in each, or a new object. */
const Initial = { VALUE: 0, LIST: 1, MAP: 2, ONEOF: 3 } as const;

/** Returns a function that makes messages with their initial values, like `create()` but faster. */
export function messageFactory(descriptor: DescMessage): () => Fields {
  const prototype = prototypeOf(descriptor);
  const { typeName } = descriptor;
  const names: string[] = [];
  const kinds: number[] = [];
  const values: unknown[] = [];
  for (const member of descriptor.members) {
    let kind: number = Initial.VALUE;
    let value: unknown;
    if (member.kind === "oneof") kind = Initial.ONEOF;
    else if (member.fieldKind === "list") kind = Initial.LIST;
    else if (member.fieldKind === "map") kind = Initial.MAP;
    else if (initialSource(member) === ABSENT) continue;
    else value = initialOf(member);
    names.push(member.localName);
    kinds.push(kind);
    values.push(value);
  }
  return () => {
    const message: Fields = prototype === undefined ? {} : Object.create(prototype);
    message.$typeName = typeName;
    for (let i = 0; i < names.length; i++) {
      const kind = kinds[i];
      message[names[i]] = kind === Initial.VALUE
        ? values[i]
        : kind === Initial.LIST
        ? []
        : kind === Initial.MAP
        ? {}
        : { case: undefined };
    }
    return message;
  };
}

function initialOf(field: DescField): unknown {
  if (field.fieldKind === "enum") return field.enum.values[0].number;
  return zeroOf(field.scalar!, "longAsString" in field && field.longAsString);
}
