/**
 * Finds the end of a header section in bytes that arrive in pieces of any size.
 *
 * Size limits are checked line by line before the section is complete, so that no more than the limits is buffered.
 *
 * @module
 */

import type { Http1Limits } from "./options.ts";
import {
  BARE_LF,
  EMPTY_LINES,
  FIELDS_TOO_LARGE,
  type Refusal,
  TARGET_TOO_LONG,
} from "./refusals.ts";

const LF = 10;
const CR = 13;
const CRLF_BYTES = 2;

/** Limits that a {@link HeadScanner} checks. */
export type HeadLimits = Pick<
  Required<Http1Limits>,
  "maxRequestLineBytes" | "maxHeaderBytes" | "maxHeaderFields"
>;

/** Finds the empty line that ends a header section or trailers. */
export class HeadScanner {
  readonly #limits: HeadLimits;
  readonly #hasRequestLine: boolean;
  #lines = 0;
  #lineBytes = 0;
  #fieldBytes = 0;
  #lastByte = 0;
  #skippedLine = false;

  /** `hasRequestLine`: whether the section starts with a request line; false for trailers. */
  constructor(limits: HeadLimits, hasRequestLine: boolean) {
    this.#limits = limits;
    this.#hasRequestLine = hasRequestLine;
  }

  /**
   * Searches `bytes` from `start` on, the continuation of earlier calls. Returns the position after the empty line, -1
   * if it has not arrived, or why the section is refused. After a position is returned, the scanner expects a new
   * section.
   */
  scan(bytes: Uint8Array, start: number): number | Refusal {
    for (let from = start;;) {
      const lf = bytes.indexOf(LF, from);
      const end = lf < 0 ? bytes.length : lf + 1;
      const lineBytes = this.#lineBytes + end - from;
      const tooLong = this.#exceeded(lineBytes);
      if (tooLong !== null) return tooLong;
      if (lf < 0) {
        this.#lineBytes = lineBytes;
        if (end > from) this.#lastByte = bytes[end - 1];
        return -1;
      }
      if ((lf > from ? bytes[lf - 1] : this.#lastByte) !== CR) return BARE_LF;
      this.#lineBytes = 0;
      this.#lastByte = 0;
      from = end;
      if (lineBytes > CRLF_BYTES) {
        this.#countLine(lineBytes);
      } else if (this.#lines > 0 || !this.#hasRequestLine) {
        this.#restart();
        return end;
      } else if (this.#skippedLine) {
        return EMPTY_LINES;
      } else {
        this.#skippedLine = true;
      }
    }
  }

  /** Whether bytes of an incomplete section were seen. */
  get started(): boolean {
    return this.#lines > 0 || this.#lineBytes > 0 || this.#skippedLine;
  }

  #countLine(lineBytes: number): void {
    if (!this.#isRequestLine) this.#fieldBytes += lineBytes;
    this.#lines++;
  }

  get #isRequestLine(): boolean {
    return this.#hasRequestLine && this.#lines === 0;
  }

  #exceeded(lineBytes: number): Refusal | null {
    const { maxRequestLineBytes, maxHeaderBytes, maxHeaderFields } = this.#limits;
    if (this.#isRequestLine) return lineBytes > maxRequestLineBytes ? TARGET_TOO_LONG : null;
    const fields = this.#lines - (this.#hasRequestLine ? 1 : 0);
    // The empty last line is not counted as a field.
    const isField = lineBytes > CRLF_BYTES;
    return this.#fieldBytes + lineBytes > maxHeaderBytes || isField && fields >= maxHeaderFields
      ? FIELDS_TOO_LARGE
      : null;
  }

  #restart(): void {
    this.#lines = 0;
    this.#fieldBytes = 0;
    this.#skippedLine = false;
  }
}
