/**
 * Error values and the texts in frames.
 *
 * @module
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Longest text in GOODBYE and error frames, in bytes. */
const MAX_TEXT_BYTES = 8_192;
/** Code, flags and text length in front of an error's text. */
const PREFIX_BYTES = 4;

/** Bit 0 of an error's flags: the server did not process the call, so it may be retried elsewhere. */
export const NOT_PROCESSED = 1;

/** Encodes a text as UTF-8, truncated between two characters to 8,192 bytes. */
export function textBytes(text: string): Uint8Array {
  // No character takes more than three bytes per UTF-16 code unit.
  if (text.length * 3 <= MAX_TEXT_BYTES) return encoder.encode(text);
  const bytes = new Uint8Array(MAX_TEXT_BYTES);
  return bytes.subarray(0, encoder.encodeInto(text, bytes).written);
}

/** Encodes the value of an error frame: code, flags, length of the text, text. */
export function errorValue(code: number, flags: number, message: string): Uint8Array {
  const text = textBytes(message);
  const value = new Uint8Array(PREFIX_BYTES + text.length);
  value[0] = code;
  value[1] = flags;
  value[2] = text.length >>> 8;
  value[3] = text.length;
  value.set(text, PREFIX_BYTES);
  return value;
}

/** A received error value. */
export interface ReceivedError {
  /** Status code as sent: 0 to 255. */
  readonly code: number;
  /** Whether {@link NOT_PROCESSED} is set. */
  readonly notProcessed: boolean;
  /** Error message. */
  readonly message: string;
}

/** Decodes an error value of exactly `bytes` bytes; undefined when its length does not match its text. */
export function readError(b: Uint8Array, at: number, bytes: number): ReceivedError | undefined {
  if (bytes < PREFIX_BYTES || ((b[at + 2] << 8) | b[at + 3]) !== bytes - PREFIX_BYTES) {
    return undefined;
  }
  return {
    code: b[at],
    notProcessed: (b[at + 1] & NOT_PROCESSED) !== 0,
    message: decoder.decode(b.subarray(at + PREFIX_BYTES, at + bytes)),
  };
}
