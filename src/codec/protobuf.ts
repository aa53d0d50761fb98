/**
 * Payloads as protobuf messages, for descriptors of protobuf-es.
 *
 * @module
 */

import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { codecOf } from "../protobuf/codec.ts";
import type { Codec, LendingCodec } from "./codec.ts";

/**
 * Codec of one protobuf message type.
 *
 * @category Codecs
 */
export interface ProtobufCodec<D extends DescMessage = DescMessage>
  extends Codec<MessageShape<D>, MessageInitShape<D>> {
  /** Descriptor of the message type. */
  readonly descriptor: D;
}

const codecs = new WeakMap<DescMessage, ProtobufCodec>();

/**
 * Returns the codec of a message type, the same object each time. It encodes messages and their init shape (plain
 * objects with some of the fields), and keeps unknown fields. `decode` throws if the bytes are not a valid message;
 * byte fields alias the input.
 *
 * ```ts
 * import { protobufCodec } from "@vrpc/vrpc";
 * import { EchoRequestSchema } from "@vrpc/vrpc/services/echo";
 *
 * const codec = protobufCodec(EchoRequestSchema);
 * const bytes = codec.encode({ payload: new Uint8Array([1, 2, 3]) });
 * const request = codec.decode(bytes);
 * ```
 *
 * @category Codecs
 */
export function protobufCodec<D extends DescMessage>(descriptor: D): ProtobufCodec<D> {
  let codec = codecs.get(descriptor);
  if (!codec) {
    codec = makeCodec(descriptor);
    codecs.set(descriptor, codec);
  }
  return codec as unknown as ProtobufCodec<D>;
}

function makeCodec(
  descriptor: DescMessage,
): ProtobufCodec & LendingCodec<MessageShape<DescMessage>, MessageInitShape<DescMessage>> {
  const { encode, encodeLent, decode } = codecOf(descriptor);
  return { name: "proto", descriptor, encode, encodeLent, decode };
}
