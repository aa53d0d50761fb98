/**
 * Source that creates a decoded message, for the generated decoders of the binary format and of JSON; and the initial
 * values of its fields.
 *
 * @module
 */

import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { noBytes } from "../bytes/empty.ts";
import { CAN_MARK_BUFFERS } from "../bytes/untransferable.ts";
import { Presence } from "./shape.ts";

/** Initial value of a field that is absent unless it was decoded. */
export const ABSENT = "undefined";
/** Source of {@link noBytes}. */
const NO_BYTES = CAN_MARK_BUFFERS ? "Z" : "new Uint8Array(0)";

/** Source of the initial value of a field; `Z` is no bytes. */
export function initialSource(field: DescField): string {
  if (field.fieldKind === "list") return "[]";
  if (field.fieldKind === "map") return "{}";
  if (field.fieldKind === "message" || field.presence !== Presence.IMPLICIT) return ABSENT;
  if (field.fieldKind === "enum") return String(field.enum.values[0].number);
  return zeroSource(field.scalar, field.longAsString);
}

/** Source of the constructor `M` of a type's messages, and of the expression that calls it. */
export interface ConstructorSource {
  readonly constructor: string;
  readonly message: string;
}

/**
 * Source of a constructor of messages, with properties in the order of `create()`, and of the call that makes a message
 * of the locals `f0`, `f1` … (by their place in `fields`) and `o0` …. Absent fields have no property; lists and maps
 * that are absent are empty. `P` is the prototype.
 *
 * V8 reserves room in an object for every property that its constructor assigns. Properties added to an object literal
 * would be in a second object each time.
 */
export function constructorSource(descriptor: DescMessage): ConstructorSource {
  const { fields, members, oneofs, typeName } = descriptor;
  const locals: string[] = [];
  const always: string[] = [`this.$typeName=${JSON.stringify(typeName)};`];
  const present: string[] = [];
  for (const member of members) {
    const property = `this[${JSON.stringify(member.localName)}]`;
    if (member.kind === "oneof") {
      const local = `o${oneofs.indexOf(member)}`;
      locals.push(local);
      always.push(`${property}=${local}===undefined?{case:undefined}:${local};`);
      continue;
    }
    const local = `f${fields.indexOf(member)}`;
    locals.push(local);
    if (initialSource(member) === ABSENT) {
      present.push(`if(${local}!==undefined)${property}=${local};`);
    } else if (isContainer(member)) {
      always.push(`${property}=${local}===undefined?${initialSource(member)}:${local};`);
    } else always.push(`${property}=${local};`);
  }
  const parameters = locals.join(",");
  return {
    constructor: `function M(${parameters}){${always.join("")}${present.join("")}}M.prototype=P;`,
    message: `new M(${parameters})`,
  };
}

/** Whether a field is a list or a map. */
export function isContainer(field: DescField): boolean {
  return field.fieldKind === "list" || field.fieldKind === "map";
}

/** Source of the zero value of a scalar; `Z` is no bytes. */
export function zeroSource(scalar: ScalarType, longAsString: boolean): string {
  switch (scalar) {
    case ScalarType.STRING:
      return '""';
    case ScalarType.BYTES:
      return NO_BYTES;
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
      return noBytes();
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

/** Returns the initial value of a singular field that every message has. */
export function initialOf(field: DescField): unknown {
  if (field.fieldKind === "enum") return field.enum.values[0].number;
  return zeroOf(field.scalar!, "longAsString" in field && field.longAsString);
}
