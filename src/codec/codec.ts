/**
 * Encoding of messages.
 *
 * @module
 */

/**
 * Encodes and decodes one type of message.
 *
 * ```ts
 * import type { Codec } from "@vrpc/vrpc";
 *
 * const numbers: Codec<number> = {
 *   name: "number",
 *   encode: (value) => new TextEncoder().encode(String(value)),
 *   decode: (bytes) => Number(new TextDecoder().decode(bytes)),
 * };
 * ```
 *
 * @category Codecs
 */
export interface Codec<Message, Init = Message> {
  /** Name of the format: `proto`, `json`, `bytes` or any other. */
  readonly name: string;
  /** Encodes a message. The result must not be changed afterwards. */
  encode(message: Init): Uint8Array;
  /** Decodes a message, which may alias `bytes`. Throws if they are not valid. */
  decode(bytes: Uint8Array): Message;
}

/** Codec that can encode into a reused buffer. */
export interface LendingCodec<Message, Init = Message> extends Codec<Message, Init> {
  /** Encodes into a buffer that is returned by `releaseMessage` once the bytes were sent. */
  encodeLent(message: Init): Uint8Array;
}
