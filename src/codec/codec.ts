/**
 * How a message becomes bytes and back.
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
  /** `proto`, `json`, `bytes` or a name of the user's own. */
  readonly name: string;
  /** The message as bytes. The result is not changed afterwards by either side. */
  encode(message: Init): Uint8Array;
  /** The message in `bytes`, which the message may alias. Throws when it can't be read. */
  decode(bytes: Uint8Array): Message;
}

/** A codec that can write into a buffer that is used again. */
export interface LendingCodec<Message, Init = Message> extends Codec<Message, Init> {
  /** As `encode`, into a buffer that is given back with `releaseMessage` once the bytes were sent. */
  encodeLent(message: Init): Uint8Array;
}
