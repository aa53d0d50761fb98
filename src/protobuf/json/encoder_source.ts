/**
 * Writes the source of an encoder to JSON for one message type.
 *
 * Names in the source: `m` message, `b` buffer, `p` position, `o` output, `s` start, `x` value, `k` position before a
 * member; `w0`, `w1` … writers of values, `A` members; `J_raw` … functions of `writer.ts`, `T` throws for another type,
 * `V` for a missing field, `Y` writes extensions, `P` the prototype with default values.
 *
 * A member ends with a comma; the last comma becomes the closing brace.
 *
 * @module
 */

import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { Presence } from "../shape.ts";
import { zeroSource } from "../message_source.ts";
import type { WrittenMember } from "./member_writers.ts";
import type { Style } from "./output.ts";

/** Longest name, in bytes with its quotes and colon, that is written byte by byte. */
const MAX_INLINE = 24;

/** Generates the source of an encoder; `prototype`: whether its messages have a prototype with default values. */
export function jsonEncoderSource(
  descriptor: DescMessage,
  members: readonly WrittenMember[],
  style: Style,
  prototype: boolean,
): string {
  const writes = members.map((member, i) => writeMember(member, i, style, prototype)).join("\n");
  return `return function encode(m,b,p,o){
if(typeof m!=="object"||m===null)T(m);
let x=m.$typeName,k=0;
if(x!==${JSON.stringify(descriptor.typeName)}&&x!==undefined)T(m);
b[p++]=123;
const s=p;
${writes}
if(o.registry!==undefined&&m.$unknown!==undefined)p=Y(m,b,p,o);
if(p===s)b[p++]=125;else b[p-1]=125;
return p}`;
}

function writeMember(
  { field, name }: WrittenMember,
  index: number,
  style: Style,
  prototype: boolean,
): string {
  const get = `x=m[${JSON.stringify(field.localName)}];`;
  const write = `${writeName(name, index)}p=w${index}(x,b,p,o);b[p++]=44;`;
  if (field.fieldKind === "list" || field.fieldKind === "map") {
    const missing = style.alwaysEmitImplicit
      ? `if(x===undefined||x===null)x=${field.fieldKind === "list" ? "[]" : "{}"};`
      : "";
    // The writer leaves the position where it was for an empty list or map that is not written.
    return `${get}${missing}if(x!==undefined&&x!==null){k=p;${
      writeName(name, index)
    }x=w${index}(x,b,p,o);if(x===p)p=k;else{p=x;b[p++]=44}}`;
  }
  if (field.oneof) {
    return `x=m[${JSON.stringify(field.oneof.localName)}];if(x!==undefined&&x!==null&&x.case===${
      JSON.stringify(field.localName)
    }){x=x.value;${write}}`;
  }
  if (field.presence === Presence.IMPLICIT) {
    if (style.alwaysEmitImplicit) {
      return `${get}if(x===undefined||x===null)x=${zeroOfField(field)};${write}`;
    }
    return `${get}if(x!==undefined&&x!==null${notZero(field)}){${write}}`;
  }
  const own = prototype && field.fieldKind !== "message"
    ? `&&(Object.hasOwn(m,${JSON.stringify(field.localName)})||Object.getPrototypeOf(m)!==P)`
    : "";
  const missing = field.presence === Presence.LEGACY_REQUIRED ? `else V(${index});` : "";
  return `${get}if(x!==undefined&&x!==null${own}){${write}}${missing}`;
}

function zeroOfField(field: DescField): string {
  if (field.fieldKind === "enum") return String(field.enum.values[0].number);
  return field.scalar === ScalarType.BYTES ? "new Uint8Array(0)" : zeroSource(field.scalar!, false);
}

/** Source of a condition that is false only for the zero value of a field; values of a wrong type meet it. */
function notZero(field: DescField): string {
  if (field.fieldKind === "enum") return `&&x!==${field.enum.values[0].number}`;
  switch (field.scalar) {
    case ScalarType.STRING:
      return '&&x!==""';
    case ScalarType.BYTES:
      return "&&x.length!==0";
    case ScalarType.BOOL:
      return "&&x!==false";
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return "&&(x!==0||1/x<0)";
    default:
      return '&&x!==0n&&x!==0&&x!=="0"';
  }
}

function writeName(name: Uint8Array, index: number): string {
  if (name.length > MAX_INLINE) return `p=J_raw(b,p,A[${index}].name);`;
  const bytes = [...name].map((byte, i) => `b[p${i === 0 ? "" : `+${i}`}]=${byte};`).join("");
  return `${bytes}p+=${name.length};`;
}
