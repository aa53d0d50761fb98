/**
 * Splits a list of JSON values, and checks JSON without reading it.
 *
 * @module
 */

import { Char, newInput, space, unexpected } from "./input.ts";
import { skip } from "./skip.ts";

/**
 * Returns the items of JSON that is a list, as views of their bytes, or the whole value as the only item. Throws
 * SyntaxError for JSON that is invalid, and JsonLimitError for values that are nested more than 400 deep.
 */
export function jsonItems(json: Uint8Array): Uint8Array[] {
  const input = newInput(undefined, true, Infinity);
  const items: Uint8Array[] = [];
  let p = space(json, 0);
  const isList = json[p] === Char.OPEN_LIST;
  if (isList) p = space(json, p + 1);
  if (!isList || json[p] !== Char.CLOSE_LIST) {
    for (;;) {
      const end = skip(json, p, input);
      items.push(json.subarray(p, end));
      p = space(json, end);
      if (!isList || json[p] !== Char.COMMA) break;
      p = space(json, p + 1);
    }
  }
  if (isList) {
    if (json[p] !== Char.CLOSE_LIST) throw unexpected(json, p);
    p = space(json, p + 1);
  }
  if (p < json.length) throw unexpected(json, p);
  return items;
}

/**
 * Throws SyntaxError for JSON that is invalid, and JsonLimitError for more than `maxElements` objects, lists, members, and
 * eighths of items, or for values that are nested more than 400 deep.
 */
export function checkJson(json: Uint8Array, maxElements: number): void {
  const end = space(json, skip(json, space(json, 0), newInput(undefined, true, maxElements)));
  if (end < json.length) throw unexpected(json, end);
}
