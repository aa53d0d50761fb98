/**
 * Writes the source of a decoder of JSON for one message type: a loop with a switch on the member's place, fields in
 * local variables, and one call of a constructor at the end.
 *
 * Names in the source: `b` bytes, `p` position, `o` input, `d` messages that may still be nested, `s` start of the
 * object, `a` start of the member's name, `k` its place, `n` the place that is expected next, `c` number of members,
 * `u` extensions, `m` message; `f0`, `f1` … the fields (by their place in the descriptor), `o0` … the oneofs, `q0` …
 * whether a oneof is set, `z0` … bits of the members that occurred; `r0` … readers of values, `A` members, `K` their
 * names, `U` reads other members, `C` the cursor; `I_space` … and `H_twice` … are functions of `input.ts` and
 * `members.ts`, `G` is IGNORED, `Z` no bytes.
 *
 * @module
 */

import type { DescMessage } from "@bufbuild/protobuf";
import { constructorSource, initialSource, isContainer } from "../message_source.ts";
import { MAX_DEPTH } from "../reader.ts";
import { elementsOf, type Member } from "./members.ts";

/** Members whose occurrence one number remembers. */
const BITS = 31;

/** Generates the source of a decoder, after that of a constructor of its messages. */
export function jsonDecoderSource(descriptor: DescMessage, members: readonly Member[]): string {
  const { fields, oneofs, typeName } = descriptor;
  const { constructor, message } = constructorSource(descriptor);
  const locals = ["n=0", "a=0", "k=0", `c=${elementsOf(descriptor)}`, "x", "u"];
  for (let i = 0; i < members.length; i += BITS) locals.push(`z${i / BITS}=0`);
  for (const [i] of oneofs.entries()) locals.push(`o${i}`, `q${i}=false`);
  for (const [i, field] of fields.entries()) {
    if (!field.oneof) locals.push(isContainer(field) ? `f${i}` : `f${i}=${initialSource(field)}`);
  }
  return `${constructor}
return function decode(b,p,o,d){
if(d<=0)throw I_tooDeep(${MAX_DEPTH});
if(b[p]!==123)throw I_wrong(b,p,${JSON.stringify(typeName)},"an object");
const s=p;
let ${locals.join(",")};
p++;
if(b[p]<=32)p=I_space(b,p);
if(b[p]===125)p++;
else for(;;){
if(b[p]!==34)throw I_unexpected(b,p);
a=p;k=K.find(b,p,n);p=C.at;c++;
if(b[p]===58&&b[p+1]>32)p++;else p=I_colon(b,p);
switch(k){
${members.map((member, i) => memberCase(descriptor, member, i)).join("\n")}
default:c--;u=U(b,p,o,d,s,a,u);p=C.at;k=n-1
}
n=k+1;
if(b[p]<=32)p=I_space(b,p);
if(b[p]===44){p++;if(b[p]<=32)p=I_space(b,p);continue}
if(b[p]===125){p++;break}
throw I_unexpected(b,p)}
I_take(o,c);
const m=${message};
if(u!==undefined)H_addExtensions(m,u);
C.at=p;
return m}`;
}

function memberCase(descriptor: DescMessage, { field, nullable }: Member, index: number): string {
  const bits = `z${Math.floor(index / BITS)}`;
  const bit = 1 << index % BITS;
  const once = `if(${bits}&${bit})throw H_twice(A[${index}],b,a);${bits}|=${bit};`;
  const read = `x=r${index}(b,p,o,d);p=C.at;`;
  const nothing = "{p=I_nullEnd(b,p);break}";
  const ifNull = nullable ? "" : `if(b[p]===110)${nothing}`;
  const ignored = field.fieldKind === "enum" ? "if(x===G)break;" : "";
  if (!field.oneof) {
    const local = `f${descriptor.fields.indexOf(field)}`;
    return `case ${index}:${once}${ifNull}${read}${ignored}${local}=x;break;`;
  }
  const number = descriptor.oneofs.indexOf(field.oneof);
  const second = `if(q${number})throw H_secondOfOneof(A[${index}],b,a);q${number}=true;`;
  const store = `o${number}={case:${JSON.stringify(field.localName)},value:x};break;`;
  // `null` for a scalar does not count as a field of the oneof, as in protobuf-es.
  const checks = field.fieldKind === "scalar" ? ifNull + second : second + ifNull;
  return `case ${index}:${once}${checks}${read}${ignored}${store}`;
}
