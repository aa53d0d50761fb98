/**
 * Codecs of protobuf messages in JSON (ProtoJSON), compiled from their descriptors.
 *
 * @module
 */

import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { checkRange } from "../../limits/ranges.ts";
import type { Fields } from "../shape.ts";
import { type JsonDecoder, jsonDecoderOf, type JsonReadOptions } from "./decoder.ts";
import { type JsonEncoder, jsonEncoderOf, type JsonWriteOptions } from "./encoder.ts";
import { MAX_ELEMENTS_RANGE } from "./input.ts";

/** How a {@link JsonMessageCodec} reads and writes JSON. */
export interface JsonCodecOptions extends JsonReadOptions, JsonWriteOptions {}

/** Encodes messages of one type to JSON in UTF-8, and decodes them. */
export interface JsonMessageCodec<D extends DescMessage = DescMessage> {
  /** Format name. */
  readonly name: "json";
  /** The message's descriptor. */
  readonly descriptor: D;
  /**
   * Encodes a message, or its init shape (a plain object with some of the fields). The result belongs to the caller. It
   * is one line of printable characters: controls and characters that change the direction of text are escaped. Throws
   * TypeError that names the field for a value that has no JSON form.
   */
  encode(message: MessageInitShape<D>): Uint8Array<ArrayBuffer>;
  /**
   * Decodes JSON, as UTF-8 or text, into the form that protobuf-es uses; nothing of `json` is kept. Numbers of integer
   * fields are exact in any notation. Throws SyntaxError for invalid JSON, JsonLimitError beyond a limit, and otherwise
   * an Error that names the field; the texts have the position.
   */
  decode(json: Uint8Array | string): MessageShape<D>;
}

const encoder = new TextEncoder();

/**
 * Returns a codec for the JSON of a message type; it can be made anew for each use. The type is compiled on first use.
 * Throws RangeError for an option out of range.
 */
export function jsonCodecOf<D extends DescMessage>(
  descriptor: D,
  options: JsonCodecOptions = {},
): JsonMessageCodec<D> {
  const { maxElements = Infinity } = options;
  checkRange("maxElements", maxElements, MAX_ELEMENTS_RANGE);
  let decode: JsonDecoder = (b, how) => (decode = jsonDecoderOf(descriptor))(b, how);
  let encode: JsonEncoder = (message) => (encode = jsonEncoderOf(descriptor, options))(message);
  // Shared by all calls of a method.
  return Object.freeze<JsonMessageCodec<D>>({
    name: "json",
    descriptor,
    encode: (message) => encode(message as Fields),
    decode: (json) => decode(typeof json === "string" ? utf8Of(json) : json, options) as never,
  });
}

function utf8Of(json: string): Uint8Array {
  if (json.isWellFormed()) return encoder.encode(json);
  throw new SyntaxError("The JSON has half of a surrogate pair");
}
