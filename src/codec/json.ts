/**
 * Payloads as JSON, in UTF-8.
 *
 * @module
 */

import type { Codec } from "./codec.ts";
import { checkRange } from "../limits/ranges.ts";
import { MAX_ELEMENTS_RANGE } from "../protobuf/json/input.ts";
import { MAX_JSON_ELEMENTS } from "./message_json.ts";
import { checkJson } from "./proto_json.ts";

/**
 * Options of {@link jsonCodec}.
 *
 * @category Codecs
 */
export interface JsonOptions {
  /**
   * Largest number of elements of JSON of more than 128 KiB: objects, lists and members count as one each, eight items of
   * a list as one. JSON with more, or of more than 400 levels, is refused. 4 MiB of any JSON within the default take the
   * thread less than 50 ms. 1 to Infinity, which refuses nothing. Default 65,536.
   */
  maxElements?: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Longest JSON that is parsed without a look at its structure, in bytes: none takes more than 15 ms. */
const UNCHECKED_BYTES = 131_072;

/**
 * Returns a codec for JSON values. The type is not checked, and the structure only of JSON of more than 128 KiB: it could
 * take the thread for half a second, see {@link JsonOptions.maxElements}. Throws RangeError for an option out of range.
 *
 * ```ts
 * import { connect, jsonCodec } from "@vrpc/vrpc";
 *
 * await using channel = connect("127.0.0.1:50051");
 * const sum = channel.method<number[], number>({
 *   path: "/sum",
 *   kind: "unary",
 *   requestCodec: jsonCodec<number[]>(),
 *   responseCodec: jsonCodec<number>(),
 * });
 * console.log(await sum.unary([1, 2, 3]));
 * ```
 *
 * @category Codecs
 */
export function jsonCodec<T = unknown>(options: JsonOptions = {}): Codec<T> {
  const { maxElements = MAX_JSON_ELEMENTS } = options;
  if (maxElements === MAX_JSON_ELEMENTS) return usual as Codec<T>;
  checkRange("maxElements", maxElements, MAX_ELEMENTS_RANGE);
  return codecWith(maxElements) as Codec<T>;
}

const usual = codecWith(MAX_JSON_ELEMENTS);

function codecWith(maxElements: number): Codec<unknown> {
  return Object.freeze({
    name: "json",
    encode(message: unknown): Uint8Array {
      const text = JSON.stringify(message);
      if (text === undefined) throw new TypeError(`Cannot send a ${typeof message} as JSON`);
      return encoder.encode(text);
    },
    decode(bytes: Uint8Array): unknown {
      if (bytes.length > UNCHECKED_BYTES && maxElements !== Infinity) {
        checkJson(withoutMark(bytes), maxElements);
      }
      return JSON.parse(decoder.decode(bytes));
    },
  });
}

/** Returns UTF-8 without the byte order mark, which the decoder drops as well. */
function withoutMark(bytes: Uint8Array): Uint8Array {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
}
