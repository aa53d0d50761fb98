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
  STATUS_LINE,
  STATUS_LINE_TOO_LONG,
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

/** First line of a section: how long it may be, and whether an empty line may precede it. */
export interface StartLine {
  /** Why a line longer than `maxRequestLineBytes` is refused. */
  readonly tooLong: Refusal;
  /** Number of empty lines that are skipped before it. */
  readonly skippedLines: 0 | 1;
  /** Why more empty lines are refused. */
  readonly empty: Refusal;
}

/** A request line, before which a server ignores one empty line (RFC 9112 §2.2). */
export const REQUEST_START: StartLine = {
  tooLong: TARGET_TOO_LONG,
  skippedLines: 1,
  empty: EMPTY_LINES,
};

/** A status line. */
export const STATUS_START: StartLine = {
  tooLong: STATUS_LINE_TOO_LONG,
  skippedLines: 0,
  empty: STATUS_LINE,
};

/** Finds the empty line that ends a header section or trailers. */
export class HeadScanner {
  readonly #limits: HeadLimits;
  readonly #startLine: StartLine | null;
  #lines = 0;
  #lineBytes = 0;
  #fieldBytes = 0;
  #lastByte = 0;
  #skippedLines = 0;

  /** `startLine`: the line with which the section starts; null for trailers. */
  constructor(limits: HeadLimits, startLine: StartLine | null) {
    this.#limits = limits;
    this.#startLine = startLine;
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
      } else if (this.#lines > 0 || this.#startLine === null) {
        this.#restart();
        return end;
      } else if (++this.#skippedLines > this.#startLine.skippedLines) {
        return this.#startLine.empty;
      }
    }
  }

  /** Whether bytes of an incomplete section were seen. */
  get started(): boolean {
    return this.#lines > 0 || this.#lineBytes > 0 || this.#skippedLines > 0;
  }

  #countLine(lineBytes: number): void {
    if (this.#awaitedStart === null) this.#fieldBytes += lineBytes;
    this.#lines++;
  }

  /** The start line, until it has arrived. */
  get #awaitedStart(): StartLine | null {
    return this.#lines === 0 ? this.#startLine : null;
  }

  #exceeded(lineBytes: number): Refusal | null {
    const { maxRequestLineBytes, maxHeaderBytes, maxHeaderFields } = this.#limits;
    const start = this.#awaitedStart;
    if (start !== null) return lineBytes > maxRequestLineBytes ? start.tooLong : null;
    const fields = this.#lines - (this.#startLine === null ? 0 : 1);
    // The empty last line is not counted as a field.
    const isField = lineBytes > CRLF_BYTES;
    return this.#fieldBytes + lineBytes > maxHeaderBytes || isField && fields >= maxHeaderFields
      ? FIELDS_TOO_LARGE
      : null;
  }

  #restart(): void {
    this.#lines = 0;
    this.#fieldBytes = 0;
    this.#skippedLines = 0;
  }
}
