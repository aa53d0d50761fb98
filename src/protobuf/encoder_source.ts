/**
 * Writes the source of an encoder for one message type. It accepts messages and their init shape, and writes
 * backwards (see `writer.ts`), so it visits fields in descending order of their numbers.
 *
 * Unexpected values (of another type, out of range, missing in a required field) throw UNEXPECTED: the message is then
 * encoded again by the slower encoder of `field_writers.ts`, which accepts it or describes the problem.
 *
 * Names in the source: `m` message, `b` buffer, `p` position, `x` value, `q` inner end, `i` index; `c0` … encoders of
 * other types; `W_varint` … are the functions of `writer.ts`, `X` is UNEXPECTED, `P` the prototype with default values.
 *
 * @module
 */

import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { adapterOf, isDelimited, Presence, scalarOf, tagOf, wireTypeOf } from "./shape.ts";

/** Generated source, and the message types that it refers to by number. */
export interface EncoderSource {
  readonly source: string;
  /** Message types whose encoders the source calls `c0`, `c1` …, in this order. */
  readonly children: readonly DescMessage[];
}

/** Generates the source of an encoder; `prototype`: whether its messages have a prototype with default values. */
export function encoderSource(descriptor: DescMessage, prototype: boolean): EncoderSource {
  const children: DescMessage[] = [];
  const child = (message: DescMessage) => {
    let index = children.indexOf(message);
    if (index < 0) index = children.push(message) - 1;
    return `c${index}`;
  };
  const fields = descriptor.fields.toSorted((one, other) => other.number - one.number);
  const writes = fields.map((field) => writeField(field, prototype, child)).join("\n");
  const name = JSON.stringify(descriptor.typeName);
  const source = `return function encode(m,b,p){
if(typeof m!=="object"||m===null)throw X;
let x=m.$typeName,q=0,i=0;
if(x!==${name}&&x!==undefined)throw X;
x=m.$unknown;
if(x!==undefined)p=W_unknown(b,p,x);
${writes}
return p}`;
  return { source, children };
}

type Child = (message: DescMessage) => string;

function writeField(field: DescField, prototype: boolean, child: Child): string {
  const name = JSON.stringify(field.localName);
  if (field.fieldKind === "list") return `x=m[${name}];${writeList(field, child)}`;
  if (field.fieldKind === "map") return `x=m[${name}];${writeMap(field, child)}`;
  if (field.oneof) {
    const oneof = JSON.stringify(field.oneof.localName);
    return `x=m[${oneof}];if(x!==undefined&&x!==null&&x.case===${name}){x=x.value;${
      writeSingle(field, child)
    }}`;
  }
  const write = writeSingle(field, child);
  if (field.presence === Presence.IMPLICIT) {
    return `x=m[${name}];if(x!==undefined&&x!==null${notZero(field)}){${write}}`;
  }
  // A default value inherited from the message prototype does not count as set; one inherited from an application's own
  // class does.
  const own = prototype && field.fieldKind !== "message"
    ? `&&(Object.hasOwn(m,${name})||Object.getPrototypeOf(m)!==P)`
    : "";
  const missing = field.presence === Presence.LEGACY_REQUIRED ? "else throw X;" : "";
  return `x=m[${name}];if(x!==undefined&&x!==null${own}){${write}}${missing}`;
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
      return "&&x!==0n&&x!==0";
  }
}

/** Source that writes the value `x` and its tag. */
function writeSingle(field: DescField, child: Child): string {
  const scalar = scalarOf(field);
  if (scalar === undefined) return writeMessage(field, field.number, child);
  return writeScalar(scalar) + writeTag(field.number, wireTypeOf(scalar));
}

function writeMessage(field: DescField, number: number, child: Child): string {
  const message = field.message!;
  const encode = `p=${child(message)}(x,b,p);`;
  const adapter = adapterOf(field);
  const wrapped = adapter === "wrapper"
    ? `x={${JSON.stringify(message.fields[0].localName)}:x};`
    : adapter === "struct"
    ? 'if(typeof x!=="object")throw X;x=S(x);'
    : "";
  if (isDelimited(field)) {
    return `${writeTag(number, 4)}${wrapped}${encode}${writeTag(number, 3)}`;
  }
  return `q=p;${wrapped}${encode}${length("q")}${writeTag(number, 2)}`;
}

function writeList(field: DescField & { fieldKind: "list" }, child: Child): string {
  const scalar = scalarOf(field);
  const check = "if(x!==undefined&&x!==null){if(!Array.isArray(x))throw X;const l=x;";
  if (scalar === undefined || !field.packed || wireTypeOf(scalar) === 2) {
    const one = scalar === undefined
      ? writeMessage(field, field.number, child)
      : writeScalar(scalar) + writeTag(field.number, wireTypeOf(scalar));
    return `${check}for(let n=l.length-1;n>=0;n--){x=l[n];${one}}}`;
  }
  const end = `if(e!==p){${length("e")}${writeTag(field.number, 2)}}`;
  return `${check}const e=p;for(let n=l.length-1;n>=0;n--){x=l[n];${writeScalar(scalar)}}${end}}`;
}

function writeMap(field: DescField & { fieldKind: "map" }, child: Child): string {
  const scalar = scalarOf(field);
  const value = scalar === undefined
    ? writeMessage(field, 2, child)
    : writeScalar(scalar) + writeTag(2, wireTypeOf(scalar));
  const key = writeScalar(field.mapKey) + writeTag(1, wireTypeOf(field.mapKey));
  return `if(x!==undefined&&x!==null){if(typeof x!=="object")throw X;const l=x,k=Object.keys(l);
for(let n=k.length-1;n>=0;n--){const e=p;x=l[k[n]];${value}x=k[n];${keyOf(field.mapKey)}${key}${
    length("e")
  }${writeTag(field.number, 2)}}}`;
}

/** Source that converts a map key `x`, which is a string, to its type. */
function keyOf(scalar: ScalarType): string {
  switch (scalar) {
    case ScalarType.STRING:
      return "";
    case ScalarType.BOOL:
      return 'x=x==="true"?true:x==="false"?false:x;';
    case ScalarType.INT32:
    case ScalarType.UINT32:
    case ScalarType.SINT32:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return 'if(x==="")throw X;x=+x;';
    default:
      return "if(!/^-?\\d+$/.test(x))throw X;x=BigInt(x);";
  }
}

/** Source that writes the length of the bytes from `p` to `end`. */
function length(end: string): string {
  return `i=${end}-p;if(i<128)b[--p]=i;else p=W_varint(b,p,i);`;
}

function writeTag(number: number, wireType: number): string {
  let tag = tagOf(number, wireType);
  const bytes: number[] = [];
  for (; tag > 0x7f; tag = Math.floor(tag / 128)) bytes.push(tag % 128 | 0x80);
  bytes.push(tag);
  return bytes.reverse().map((byte) => `b[--p]=${byte};`).join("");
}

const LONG = 'if(typeof x!=="bigint")throw X;';
const INT64 = `${LONG}if(BigInt.asIntN(64,x)!==x)throw X;`;
const UINT64 = `${LONG}if(BigInt.asUintN(64,x)!==x)throw X;`;

/**
 * Returns source that checks the type and range of the value `x` and writes it backwards: contents first, then the length
 * prefix of strings and bytes.
 */
function writeScalar(scalar: ScalarType): string {
  switch (scalar) {
    case ScalarType.STRING:
      return 'if(typeof x!=="string")throw X;p=W_text(b,p,x);';
    case ScalarType.BYTES:
      return `if(!(x instanceof Uint8Array))throw X;q=p;p=W_raw(b,p,x);${length("q")}`;
    case ScalarType.BOOL:
      return 'if(typeof x!=="boolean")throw X;b[--p]=x?1:0;';
    case ScalarType.INT32:
      return "if((x|0)!==x)throw X;if(x>=0&&x<128)b[--p]=x;else p=W_int32(b,p,x);";
    case ScalarType.UINT32:
      return "if(x>>>0!==x)throw X;if(x<128)b[--p]=x;else p=W_varint(b,p,x);";
    case ScalarType.SINT32:
      return "if((x|0)!==x)throw X;p=W_varint(b,p,(x<<1^x>>31)>>>0);";
    case ScalarType.FIXED32:
      return "if(x>>>0!==x)throw X;p=W_fixed32(b,p,x);";
    case ScalarType.SFIXED32:
      return "if((x|0)!==x)throw X;p=W_fixed32(b,p,x);";
    case ScalarType.INT64:
      return `${INT64}p=W_long(b,p,x);`;
    case ScalarType.UINT64:
      return `${UINT64}p=W_long(b,p,x);`;
    case ScalarType.SINT64:
      return `${INT64}p=W_zigzag64(b,p,x);`;
    case ScalarType.FIXED64:
      return `${UINT64}p=W_fixed64(b,p,x);`;
    case ScalarType.SFIXED64:
      return `${INT64}p=W_fixed64(b,p,x);`;
    case ScalarType.DOUBLE:
      return 'if(typeof x!=="number")throw X;p=W_double(b,p,x);';
    case ScalarType.FLOAT:
      return 'if(typeof x!=="number"||Math.abs(x)>3.4028234663852886e38&&Math.abs(x)!==Infinity)throw X;p=W_float(b,p,x);';
  }
}
