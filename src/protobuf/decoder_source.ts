/**
 * Writes the source of a decoder for one message type: a loop with a switch on the tag, fields in local variables,
 * and one call of a constructor at the end. Fields usually come in the order of their numbers: after each, the decoder
 * looks for another value of the same list or map and for the next field, and continues there without the loop.
 *
 * Unusual input (a message field that occurs twice, an unknown value of a closed enum, malformed bytes) throws
 * IRREGULAR: the bytes are then decoded again by the slower decoder of `merge.ts`, which accepts them or describes the
 * problem.
 *
 * Names in the source: `b` bytes, `p` position, `e` end, `d` messages that may still be nested, `g` the tag that ends a
 * group (0 outside of groups, -1 once it was read), `t` tag, `v` value, `q` inner end, `u` unknown fields, `m` message;
 * `f0`, `f1` … the fields, `o0` … the oneofs; `c0` … decoders of other types; `s0` … sets of enum values; `R_varint32`
 * … and `C` are the functions of `reader.ts` and its cursor, `X` is IRREGULAR, `Z` no bytes.
 *
 * @module
 */

import { type DescField, type DescMessage, type DescOneof, ScalarType } from "@bufbuild/protobuf";
import { constructorSource, initialSource, isContainer, zeroSource } from "./message_source.ts";
import { adapterOf, isDelimited, scalarOf, tagOf, unitsOf, wireTypeOf } from "./shape.ts";

/** Generated source, and the objects that it refers to by number. */
export interface DecoderSource {
  /** Source of a constructor of messages and of the decoder, which it returns. */
  readonly source: string;
  /** Message types whose decoders the source calls `c0`, `c1` …, in this order. */
  readonly children: readonly DescMessage[];
  /** Values of closed enums, which the source calls `s0`, `s1` …, in this order. */
  readonly enums: readonly ReadonlySet<number>[];
}

/** Generates the source of a decoder. */
export function decoderSource(descriptor: DescMessage): DecoderSource {
  return new Generator(descriptor).generate();
}

class Generator {
  readonly #descriptor: DescMessage;
  readonly #children: DescMessage[] = [];
  readonly #enums: Set<number>[] = [];
  readonly #oneofs: readonly DescOneof[];

  constructor(descriptor: DescMessage) {
    this.#descriptor = descriptor;
    this.#oneofs = descriptor.oneofs;
  }

  generate(): DecoderSource {
    const { fields } = this.#descriptor;
    const { constructor, message } = constructorSource(this.#descriptor);
    const locals = [...fields.entries()].filter(([, field]) => !field.oneof).map(([i, field]) =>
      isContainer(field) ? `f${i}` : `f${i}=${initialSource(field)}`
    );
    const all = [...locals, ...this.#oneofs.map((_, i) => `o${i}`), "u"].join(",");
    const source = `${constructor}
return function decode(b,p,e,d,g){
if(d<=0||(C.left-=${unitsOf(this.#descriptor)})<0)throw X;
let t=0,v=0,q=0,i=0,x,k,${all};
while(p<e){
t=b[p++];
if(t>127){v=b[p++];if(v<128)t=t&127|v<<7;else{C.at=p-2;t=R_tag(b);p=C.at}}
switch(t){
${this.#cases()}
default:
if((t&7)===4){if(t!==g)throw X;g=-1;e=p;break}
C.at=p;u=R_keepUnknown(b,e,t,d,u);p=C.at
}
}
if(p!==e||g>0)throw X;
if(g<0)C.at=p;
const m=${message};
if(u!==undefined)m.$unknown=u;
return m}`;
    return { source, children: this.#children, enums: this.#enums };
  }

  /** Source of the cases of all fields, in the order of their numbers; unusual encodings of lists come last. */
  #cases(): string {
    const fields = this.#descriptor.fields.toSorted((one, other) => one.number - other.number);
    const usual: string[] = [];
    const unusual: string[] = [];
    for (const [at, field] of fields.entries()) {
      const index = this.#descriptor.fields.indexOf(field);
      const next = fields.at(at + 1);
      const then = next && next !== fields[0] ? continueWith(this.#usualTag(next)) : "break;";
      const cases = this.#case(field, index);
      usual.push(`${cases[0]}${then}`);
      if (cases[1] !== undefined) unusual.push(`${cases[1]}break;`);
    }
    return [...usual, ...unusual].join("\n");
  }

  /** The tag with which encoders write a field. */
  #usualTag(field: DescField): number {
    const packed = field.fieldKind === "list" && field.packed && isPackable(field);
    return tagOf(field.number, packed || field.fieldKind === "map" ? 2 : this.#wireType(field));
  }

  /** Sources of the cases of a field: of its usual encoding, and of another. */
  #case(field: DescField, index: number): [usual: string, unusual?: string] {
    switch (field.fieldKind) {
      case "list":
        return this.#listCases(field, `f${index}`);
      case "map":
        return [this.#mapCase(field, `f${index}`)];
      default:
        return [`case ${this.#usualTag(field)}:${this.#read(field)}${this.#store(field, index)}`];
    }
  }

  #wireType(field: DescField): number {
    const scalar = scalarOf(field);
    if (scalar !== undefined) return wireTypeOf(scalar);
    return isDelimited(field) ? 3 : 2;
  }

  /** Source that stores `x` in a singular field. */
  #store(field: DescField, index: number): string {
    const name = JSON.stringify(field.localName);
    const twice = (condition: string) => field.message ? `if(${condition})throw X;` : "";
    if (field.oneof) {
      const local = `o${this.#oneofs.indexOf(field.oneof)}`;
      return twice(`${local}!==undefined&&${local}.case===${name}`) +
        `${local}={case:${name},value:x};`;
    }
    return `${twice(`f${index}!==undefined`)}f${index}=x;`;
  }

  /** Source that reads one value of a field into `x`. */
  #read(field: DescField): string {
    if (field.enum) {
      if (field.enum.open || field.fieldKind !== "enum") return int32("x=v;");
      const index = this.#enums.push(new Set(field.enum.values.map(({ number }) => number))) - 1;
      return int32(`if(!s${index}.has(v))throw X;x=v;`);
    }
    if (!field.message) return readScalar(field.scalar!, field);
    const child = this.#child(field.message);
    const read = isDelimited(field)
      ? `x=${child}(b,p,e,d-1,${tagOf(field.number, 4)});p=C.at;`
      : `${LENGTH}x=${child}(b,p,p+v,d-1,0);p+=v;`;
    switch (adapterOf(field)) {
      case "wrapper":
        return `${read}x=x.${field.message.fields[0].localName};`;
      case "struct":
        return `${read}x=S(x);`;
      default:
        return read;
    }
  }

  #child(message: DescMessage): string {
    let index = this.#children.indexOf(message);
    if (index < 0) index = this.#children.push(message) - 1;
    return `c${index}`;
  }

  #listCases(field: DescField & { fieldKind: "list" }, local: string): [string, string?] {
    const read = this.#read(field);
    const tag = tagOf(field.number, this.#wireType(field));
    const put = `if(i<${local}.length)${local}[i]=x;else ${local}.push(x);i++;`;
    if (!isPackable(field)) {
      const start = isDelimited(field) || tag > 127
        ? `${local}=[]`
        : listOf(local, `R_count(b,p,e,${tag})`, "b");
      const again = repeatWhile(tag);
      return [`case ${tag}:if(${local}===undefined){i=0;${start}}else i=${local}.length;
do{${read}${put}}${again}`];
    }
    const single = `case ${tag}:${read}if(${local}===undefined)${local}=[x];else ${local}.push(x);`;
    const start = wireTypeOf(scalarOf(field)!) === 0
      ? listOf(local, "R_countVarints(b,p,q)", ...fillersOf(field))
      : `${local}=[];`;
    const packed = `case ${tagOf(field.number, 2)}:${LENGTH}q=p+v;
if(${local}===undefined){i=0;${start}}else i=${local}.length;
while(p<q){${read}${put}}if(p!==q)throw X;`;
    return field.packed ? [packed, single] : [single, packed];
  }

  #mapCase(field: DescField & { fieldKind: "map" }, local: string): string {
    const isText = field.mapKey === ScalarType.STRING;
    const key = isText && field.utf8Validation !== false
      ? `${LENGTH}x=R_key(b,p,v,T);p+=v;`
      : readScalar(field.mapKey, { utf8Validation: field.utf8Validation });
    const value = this.#read(field);
    const keyTag = tagOf(1, wireTypeOf(field.mapKey));
    const scalar = scalarOf(field);
    const valueTag = tagOf(2, scalar === undefined ? 2 : wireTypeOf(scalar));
    const absent = scalar === undefined ? "throw X;" : `w=${zeroOfValue(field)};`;
    const tag = tagOf(field.number, 2);
    return `case ${tag}:if(${local}===undefined)${local}={};
do{${LENGTH}q=p+v;let w;k=${zeroSource(field.mapKey, false)};
while(p<q){switch(b[p++]){
case ${keyTag}:${key}k=x;break;
case ${valueTag}:${scalar === undefined ? "if(w!==undefined)throw X;" : ""}${
      value.replaceAll("<=e", "<=q")
    }w=x;break;
default:throw X}}
if(p!==q)throw X;if(w===undefined){${absent}}
if(k==="__proto__")R_setEntry(${local},k,w);else ${local}[k]=w}${repeatWhile(tag)}`;
  }
}

/** Source that goes on with the next case if its tag follows, or else leaves the switch. */
function continueWith(tag: number): string {
  return tag < 128 ? `if(p>=e||b[p]!==${tag})break;p++;` : "break;";
}

/** Source of the end of a do loop that goes on as long as the tag follows. */
function repeatWhile(tag: number): string {
  return tag < 128 ? `while(p<e&&b[p]===${tag}&&p++>=0);` : "while(false);";
}

/** Longest list that is made in its final length; others grow. */
const MAX_EXACT_LENGTH = 8;

/**
 * Source that makes a list of `count` elements with the value `filler`, which determines V8's representation of the
 * list; `longer` is the source of a list of more. A list that grows from no elements has room for 17.
 */
function listOf(local: string, count: string, filler: string, longer = "[]"): string {
  const cases = Array.from({ length: MAX_EXACT_LENGTH }, (_, n) => {
    const elements = Array.from({ length: n + 1 }, () => filler).join(",");
    return `case ${n + 1}:${local}=[${elements}];break;`;
  });
  return `switch(${count}){${cases.join("")}default:${local}=${longer}}`;
}

function isPackable(field: DescField): boolean {
  const scalar = scalarOf(field);
  return scalar !== undefined && wireTypeOf(scalar) !== 2;
}

/**
 * Sources of what the elements of a list of varints are at first, in a short list and in a long one: V8 copies a list of
 * numbers when it gets an element of another kind. `x` can be anything.
 */
function fillersOf(field: DescField): [short: string, long: string] {
  const zero = field.enum ? "0" : zeroSource(field.scalar!, false);
  return [zero === "0" ? "v" : "x", `R_longList(b,p,q,${zero})`];
}

/** Source that reads a length into `v` and checks that as many bytes follow. */
const LENGTH = "v=b[p++];if(v>127){C.at=p-1;v=R_length(b);p=C.at}if(!(p+v<=e))throw X;";

/** Source that reads the low 32 bits of a varint into `v`. */
const int32 = (then: string) => `v=b[p++];if(v>127){C.at=p-1;v=R_varint32(b);p=C.at}${then}`;

const long = (name: string, small: string) =>
  `v=b[p++];if(v<128)x=${small};else{C.at=p-1;x=R_${name}(b);p=C.at}`;

const fixed = (name: string, bytes: number) => `x=R_${name}(b,p);p+=${bytes};`;

function readScalar(
  scalar: ScalarType,
  field: { utf8Validation?: boolean; longAsString?: boolean },
): string {
  const text = field.longAsString ? "x=String(x);" : "";
  switch (scalar) {
    case ScalarType.STRING:
      return `${LENGTH}x=${field.utf8Validation === false ? "R_lossyText" : "T"}(b,p,v);p+=v;`;
    case ScalarType.BYTES:
      return `${LENGTH}x=R_bytes(b,p,v);p+=v;`;
    case ScalarType.BOOL:
      return "v=b[p++];if(v<128)x=v!==0;else{C.at=p-1;x=R_bool(b);p=C.at}";
    case ScalarType.INT32:
      return int32("x=v;");
    case ScalarType.UINT32:
      return int32("x=v>>>0;");
    case ScalarType.SINT32:
      return int32("x=(v>>>1)^-(v&1);");
    case ScalarType.INT64:
      return long("int64", "R_smallLongs[v]") + text;
    case ScalarType.UINT64:
      return long("uint64", "R_smallLongs[v]") + text;
    case ScalarType.SINT64:
      return long("sint64", "R_smallSignedLongs[v]") + text;
    case ScalarType.FIXED64:
      return fixed("fixed64", 8) + text;
    case ScalarType.SFIXED64:
      return fixed("sfixed64", 8) + text;
    case ScalarType.DOUBLE:
      return fixed("double", 8);
    case ScalarType.FLOAT:
      return fixed("float", 4);
    case ScalarType.FIXED32:
      return "x=(b[p]|b[p+1]<<8|b[p+2]<<16|b[p+3]<<24)>>>0;p+=4;";
    case ScalarType.SFIXED32:
      return "x=b[p]|b[p+1]<<8|b[p+2]<<16|b[p+3]<<24;p+=4;";
  }
}

function zeroOfValue(field: DescField & { fieldKind: "map" }): string {
  return field.enum ? String(field.enum.values[0].number) : zeroSource(field.scalar!, false);
}
