/**
 * JSON of a peer as plain values, with a bound on the time that it takes.
 *
 * @module
 */

import { checkJson } from "./proto_json.ts";

const decoder = new TextDecoder();

/**
 * Parses JSON in UTF-8. Returns undefined for other text, and for more than `maxElements` objects, lists, members, and
 * eighths of items.
 */
export function parseJson(bytes: Uint8Array, maxElements: number): unknown {
  try {
    checkJson(bytes, maxElements);
    return JSON.parse(decoder.decode(bytes));
  } catch {
    return undefined;
  }
}
