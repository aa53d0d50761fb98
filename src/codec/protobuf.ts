/**
 * Payloads as protobuf messages, for descriptors of protobuf-es.
 *
 * @module
 */

import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { codecOf } from "../protobuf/codec.ts";
import type { Codec } from "./codec.ts";

export { MessageMemoryError } from "../protobuf/reader.ts";

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
  return codecOf(descriptor);
}
