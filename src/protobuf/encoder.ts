/**
 * Encoders of message types: generated code where the runtime allows it, a function for each field elsewhere; and the
 * buffers that messages are written to.
 *
 * @module
 */

import { type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { LEND_FROM_BYTES, lendBuffer, releaseMessage } from "../bytes/pool.ts";
import { CAN_MARK_BUFFERS, markAsUntransferable } from "../bytes/untransferable.ts";
import { CAN_GENERATE } from "./code_generation.ts";
import { encoderSource } from "./encoder_source.ts";
import { type Encode, encoderByFields } from "./field_writers.ts";
import { constantsOf, type Fields, jsonToStruct, prototypeOf } from "./shape.ts";
import * as writer from "./writer.ts";

/**
 * Encodes one message type. With `lend`, a message of more than 2,048 bytes is written to a pooled buffer, which
 * `releaseMessage` returns to the pool. Throws TypeError for messages that can't be encoded.
 */
export type Encoder = (message: Fields, lend: boolean) => Uint8Array;

// Messages of up to LEND_FROM_BYTES are parts of one large buffer, the slab: allocating a buffer for each costs more than
// encoding it. The slab is filled from its end to its beginning; `slabEnd` is the number of bytes that are still free.
const SLAB_BYTES = 16_384;
let slab: Uint8Array<ArrayBuffer> = new Uint8Array(0);
let slabEnd = 0;
// Whether a message is being written to the slab: a getter of the application may encode another message meanwhile.
let slabTaken = false;

/**
 * Limit on the buffers that are tried for one message. The second has the size that the first lacked, so only a getter
 * of the application, which may return more each time, needs a third.
 */
const MAX_ATTEMPTS = 10;

const generated = new WeakMap<DescMessage, Encode>();

/** Returns the encoder of a message type; with `generate` false, the one without generated code. */
export function encoderOf(descriptor: DescMessage, generate: boolean = CAN_GENERATE): Encoder {
  const byFields = encoderByFields(descriptor);
  const encode = generate ? withFallback(generatedOf(descriptor), byFields) : byFields;
  const names = descriptor.fields
    .filter((field) =>
      !field.oneof && field.fieldKind === "scalar" && field.scalar === ScalarType.BYTES
    )
    .map((field) => field.localName);
  // Expected size of a message without its singular bytes fields, in bytes, learned from earlier messages.
  let usual = 0;
  return (message, lend) => {
    const known = names.length === 0 ? 0 : bytesIn(message, names);
    const guess = known + usual;
    const bytes = guess <= LEND_FROM_BYTES
      ? toSlab(encode, message, lend, guess)
      : toBuffer(encode, message, lend, guess + 16);
    const rest = bytes.length - known + 16;
    usual = rest > usual ? rest : usual - (usual - rest >> 3);
    return bytes;
  };
}

function withFallback(encode: Encode, byFields: Encode): Encode {
  return (message, b, p) => {
    try {
      return encode(message, b, p);
    } catch (error) {
      if (error !== writer.UNEXPECTED) throw error;
    }
    return byFields(message, b, p);
  };
}

/** Returns the size of the singular bytes fields, in bytes, counting 6 for each tag and length. */
function bytesIn(message: Fields, names: readonly string[]): number {
  let sum = 0;
  for (let i = 0; i < names.length; i++) {
    const value = message?.[names[i]];
    if (value instanceof Uint8Array) sum += value.length + 6;
  }
  return sum;
}

function toSlab(encode: Encode, message: Fields, lend: boolean, guess: number): Uint8Array {
  if (slabTaken) return toBuffer(encode, message, lend, Math.max(guess, 256));
  if (slabEnd < guess || slabEnd === 0) newSlab();
  slabTaken = true;
  const end = slabEnd;
  const target = slab;
  try {
    const start = encode(message, target, end);
    if (start >= 0) {
      if (!CAN_MARK_BUFFERS) return target.slice(start, end);
      slabEnd = start;
      return new Uint8Array(target.buffer, start, end - start);
    }
    // A negative start: the message is longer than the free part of the slab, and this is its length.
    guess = end - start;
  } finally {
    slabTaken = false;
  }
  if (guess > LEND_FROM_BYTES) return toBuffer(encode, message, lend, guess);
  newSlab();
  return toSlab(encode, message, lend, guess);
}

function newSlab(): void {
  slab = new Uint8Array(SLAB_BYTES);
  // Transferring one message to a worker would detach the other messages in the slab.
  markAsUntransferable(slab.buffer);
  slabEnd = SLAB_BYTES;
}

function toBuffer(encode: Encode, message: Fields, lend: boolean, guess: number): Uint8Array {
  let size = guess;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const buffer = lend && size > LEND_FROM_BYTES ? lendBuffer(size) : new Uint8Array(size);
    const start = encode(message, buffer, buffer.length);
    const length = buffer.length - start;
    if (start < 0) {
      releaseMessage(buffer);
      size = length;
      continue;
    }
    const bytes = new Uint8Array(buffer.buffer, start, length);
    if (lend ? length > LEND_FROM_BYTES : start <= length >> 2) return bytes;
    // The message is copied if its buffer is much larger, because the buffer would be kept as long as the message.
    const copy = bytes.slice();
    if (lend) releaseMessage(buffer);
    return copy;
  }
  throw new TypeError("Cannot encode a message whose fields change while it is encoded");
}

function generatedOf(descriptor: DescMessage): Encode {
  let encode = generated.get(descriptor);
  if (!encode) {
    encode = compile(descriptor);
    generated.set(descriptor, encode);
  }
  return encode;
}

function compile(descriptor: DescMessage): Encode {
  const prototype = prototypeOf(descriptor);
  const { source, children } = encoderSource(descriptor, prototype !== undefined);
  const late = children.map((_, i) => `let c${i}=(m,b,p)=>(c${i}=L(N[${i}]))(m,b,p);`);
  const make = new Function(
    "W",
    "X",
    "S",
    "L",
    "N",
    "P",
    `"use strict";${constantsOf("W", source)}${late.join("")}${source}`,
  );
  return make(writer, writer.UNEXPECTED, jsonToStruct, generatedOf, children, prototype);
}
