/**
 * Decoders of message types: generated code where the runtime allows it, a function for each field elsewhere.
 *
 * @module
 */

import type { DescMessage } from "@bufbuild/protobuf";
import { EMPTY_BYTES } from "../bytes/empty.ts";
import { decoderSource } from "./decoder_source.ts";
import { Mergers } from "./merge.ts";
import * as reader from "./reader.ts";
import { constantsOf, type Fields, prototypeOf, structToJson } from "./shape.ts";
import { blockText, generateText } from "./short_text.ts";

/** Decodes one message type. Throws an Error that says what is wrong with the bytes. */
export type Decoder = (b: Uint8Array) => Fields;

/** What `decoder_source.ts` makes: reads from `p` to `e`, or to the tag `g` of a group. */
type Generated = (b: Uint8Array, p: number, e: number, d: number, g: number) => Fields;

/** Whether code can be generated: not where `eval` is forbidden (`--disallow-code-generation-from-strings`, Workers). */
export const CAN_GENERATE: boolean = probe();

function probe(): boolean {
  try {
    return new Function("return true")();
  } catch {
    return false;
  }
}

const text = CAN_GENERATE ? generateText() : blockText;
const mergers = new Mergers(text);
const generated = new Map<DescMessage, Generated>();

/** The decoder of a message type; `generate` false takes the form without generated code. */
export function decoderOf(descriptor: DescMessage, generate: boolean = CAN_GENERATE): Decoder {
  if (!generate) return (b) => mergers.decode(descriptor, b);
  const decode = generatedOf(descriptor);
  return (b) => {
    try {
      return decode(b, 0, b.length, reader.MAX_DEPTH, 0);
    } catch (error) {
      if (error !== reader.IRREGULAR) throw error;
    }
    return mergers.decode(descriptor, b);
  };
}

/** Compiled on first use, so that a type costs nothing before, and types may contain themselves. */
function generatedOf(descriptor: DescMessage): Generated {
  let decode = generated.get(descriptor);
  if (!decode) {
    decode = compile(descriptor);
    generated.set(descriptor, decode);
  }
  return decode;
}

function compile(descriptor: DescMessage): Generated {
  const prototype = prototypeOf(descriptor);
  const { source, children, enums } = decoderSource(descriptor, prototype !== undefined);
  const names = children.map((_, i) => `c${i}`);
  const late = names.map((name, i) => `let ${name}=(b,p,e,d,g)=>(${name}=L(N[${i}]))(b,p,e,d,g);`);
  const sets = enums.map((_, i) => `const s${i}=E[${i}];`);
  // Objects made by a constructor whose prototype holds the defaults are what Object.create() makes, but faster.
  const constructor = prototype ? "function M(){}M.prototype=P;" : "";
  const body = `"use strict";${constantsOf("R", source)}${constructor}${late.join("")}${
    sets.join("")
  }${source}`;
  const make = new Function("R", "C", "X", "T", "S", "L", "N", "E", "P", "Z", body);
  return make(
    ...[reader, reader.cursor, reader.IRREGULAR, text, structToJson],
    ...[generatedOf, children, enums, prototype, EMPTY_BYTES],
  );
}
