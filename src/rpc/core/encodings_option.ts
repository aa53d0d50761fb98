/**
 * The option `encodings` of servers and channels.
 *
 * @module
 */

import { type Encoding, ENCODINGS, isEncoding, KNOWN_ENCODINGS } from "../../call/encodings.ts";

const KNOWN = KNOWN_ENCODINGS.join(", ");

/** Throws TypeError unless the option is a list of different compressions, with one at least. */
export function checkEncodings(encodings: unknown): void {
  if (encodings === undefined) return;
  if (!Array.isArray(encodings) || encodings.length === 0) {
    throw new TypeError(`Cannot use encodings: it must be a list of ${KNOWN}`);
  }
  for (const [i, name] of encodings.entries()) {
    if (!isEncoding(name)) {
      throw new TypeError(
        `Cannot use ${JSON.stringify(name)} in encodings: known are ${KNOWN}`,
      );
    }
    if (encodings.indexOf(name) !== i) throw new TypeError(`Cannot use ${name} in encodings twice`);
  }
}

/** Copy of a list that was checked; the default if there is none. */
export function encodingsOf(encodings: readonly Encoding[] | undefined): readonly Encoding[] {
  return encodings === undefined ? ENCODINGS : [...encodings];
}
