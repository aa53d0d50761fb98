/**
 * Whether functions can be generated at run time, and the reader of text that depends on it.
 *
 * @module
 */

import { longText } from "./long_text.ts";
import { blockText, generateText, type TextReader } from "./short_text.ts";
import { generateJoin, joinInBlocks, wideText } from "./wide_text.ts";

/**
 * Whether code can be generated; false where `eval` is forbidden (`--disallow-code-generation-from-strings`, Workers).
 */
export const CAN_GENERATE: boolean = probe();

function probe(): boolean {
  try {
    return new Function("return true")();
  } catch {
    return false;
  }
}

/** Returns the text in `n` bytes at `p`; throws IRREGULAR if they are not UTF-8. */
export const text: TextReader = CAN_GENERATE
  ? generateText(wideText(generateJoin(), longText))
  : blockText(wideText(joinInBlocks, longText));
