/**
 * Codecs of protobuf messages, compiled from their descriptors.
 *
 * @module
 */

import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { type Decoder, decoderOf } from "./decoder.ts";
import { type Encoder, encoderOf } from "./encoder.ts";
import type { Fields } from "./shape.ts";

/** Encodes and decodes messages of one type. */
export interface MessageCodec<D extends DescMessage = DescMessage> {
  /** Format name. */
  readonly name: "proto";
  /** The message's descriptor. */
  readonly descriptor: D;
  /**
   * Encodes a message, or its init shape (a plain object with some of the fields), including unknown fields. The result
   * belongs to the caller. Throws TypeError that names the field for a value that can't be encoded.
   */
  encode(message: MessageInitShape<D>): Uint8Array;
  /**
   * Encodes like `encode`, but writes a message of more than 2,048 bytes to a pooled buffer, which `releaseMessage`
   * returns to the pool.
   */
  encodeLent(message: MessageInitShape<D>): Uint8Array;
  /**
   * Decodes a message into the form that protobuf-es uses. Its bytes fields and unknown fields are views of `bytes`.
   * Throws an Error if `bytes` is not a valid message of this type.
   */
  decode(bytes: Uint8Array): MessageShape<D>;
}

const codecs = new WeakMap<DescMessage, MessageCodec>();

/** Returns the codec of a message type, the same object each time. The type is compiled on first use. */
export function codecOf<D extends DescMessage>(descriptor: D): MessageCodec<D> {
  let codec = codecs.get(descriptor);
  if (!codec) {
    codec = makeCodec(descriptor);
    codecs.set(descriptor, codec);
  }
  return codec as unknown as MessageCodec<D>;
}

function makeCodec(descriptor: DescMessage): MessageCodec {
  let decode: Decoder = (bytes) => (decode = decoderOf(descriptor))(bytes);
  let encode: Encoder = (message, lend) => (encode = encoderOf(descriptor))(message, lend);
  // Shared by all uses of the type in the process.
  return Object.freeze<MessageCodec>({
    name: "proto",
    descriptor,
    encode: (message) => encode(message as Fields, false),
    encodeLent: (message) => encode(message as Fields, true),
    decode: (bytes) => decode(bytes) as MessageShape<DescMessage>,
  });
}
