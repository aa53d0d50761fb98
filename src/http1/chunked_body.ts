/**
 * Decoder of chunked bodies (RFC 9112 §7.1).
 *
 * @module
 */

import { HeadScanner } from "./head_scanner.ts";
import type { Http1Limits } from "./options.ts";
import { GatheredBytes } from "./gathered_bytes.ts";
import { BARE_LF, CHUNK, CHUNK_EXTENSIONS, type Refusal, TOO_LARGE } from "./refusals.ts";
import { parseFields } from "./request_head.ts";

const CR = 13;
const LF = 10;
const TAB = 9;
const SPACE = 32;
const QUOTE = 34;
const SEMICOLON = 59;
const BACKSLASH = 92;
// Largest number of hex digits of a chunk size, leading zeros included: values of 13 digits stay below 2⁵³.
const MAX_SIZE_DIGITS = 13;

const State = {
  /** At the first digit of a chunk size. */
  SIZE_START: 0,
  SIZE: 1,
  /** In whitespace between a chunk size and its extension. */
  SPACE: 2,
  EXTENSION: 3,
  SIZE_LF: 4,
  DATA: 5,
  DATA_CR: 6,
  DATA_LF: 7,
  TRAILERS: 8,
  END: 9,
  /** In a quoted string of an extension. */
  QUOTED: 10,
  /** After a backslash in a quoted string. */
  ESCAPED: 11,
} as const;

/** Receives the decoded content of a body. */
export interface BodySink {
  /** Receives bytes of the body, valid during the call. Returns false to pause the body. */
  onBytes(bytes: Uint8Array): boolean;
  /** Called at the end of the body; `trailers` alternates names in lower case and values. */
  onEnd(trailers: readonly string[]): void;
}

/** Limits of a {@link ChunkedBody}. */
export type ChunkedLimits = Pick<
  Required<Http1Limits>,
  "maxRequestLineBytes" | "maxHeaderBytes" | "maxHeaderFields" | "maxBodyBytes"
>;

/** Decodes one chunked body. */
export class ChunkedBody {
  readonly #limits: ChunkedLimits;
  #state: number = State.SIZE_START;
  #size = 0;
  #digits = 0;
  #received = 0;
  #extensionBytes = 0;
  #scanner: HeadScanner | null = null;
  readonly #trailers = new GatheredBytes();

  /** Creates a decoder that expects the first chunk. */
  constructor(limits: ChunkedLimits) {
    this.#limits = limits;
  }

  /** Bytes buffered for incomplete trailers. */
  get heldBytes(): number {
    return this.#trailers.length;
  }

  /** Whether the body is complete. */
  get ended(): boolean {
    return this.#state === State.END;
  }

  /**
   * Decodes `bytes` from `start` on. Returns the position after the last byte used (`bytes` is used up, the body has
   * ended, or the sink paused it), or why the body is refused.
   */
  receive(bytes: Uint8Array, start: number, sink: BodySink): number | Refusal {
    let at = start;
    while (at < bytes.length && this.#state !== State.END) {
      if (this.#state === State.DATA) {
        const count = Math.min(this.#size, bytes.length - at);
        this.#size -= count;
        if (this.#size === 0) this.#state = State.DATA_CR;
        at += count;
        if (!sink.onBytes(bytes.subarray(at - count, at))) return at;
      } else if (this.#state === State.TRAILERS) {
        return this.#receiveTrailers(bytes, at, sink);
      } else {
        const refused = this.#receiveOctet(bytes[at++]);
        if (refused !== null) return refused;
      }
    }
    return at;
  }

  #receiveOctet(octet: number): Refusal | null {
    switch (this.#state) {
      case State.SIZE_START:
      case State.SIZE:
        return this.#receiveSize(octet);
      case State.SPACE:
        this.#state = octet === SEMICOLON ? State.EXTENSION : this.#state;
        return octet === SEMICOLON || octet === SPACE || octet === TAB
          ? this.#countExtension()
          : CHUNK;
      case State.EXTENSION:
      case State.QUOTED:
      case State.ESCAPED:
        return this.#receiveExtension(octet);
      case State.SIZE_LF:
        if (octet !== LF) return CHUNK;
        this.#state = this.#size === 0 ? State.TRAILERS : State.DATA;
        return null;
      case State.DATA_CR:
        this.#state = State.DATA_LF;
        return octet === CR ? null : CHUNK;
      default:
        this.#state = State.SIZE_START;
        return octet === LF ? null : CHUNK;
    }
  }

  #receiveSize(octet: number): Refusal | null {
    const digit = hexDigit(octet);
    if (digit >= 0) {
      if (this.#state === State.SIZE_START) this.#size = this.#digits = 0;
      if (++this.#digits > MAX_SIZE_DIGITS) return CHUNK;
      this.#state = State.SIZE;
      this.#size = this.#size * 16 + digit;
      return null;
    }
    if (this.#state === State.SIZE_START) return CHUNK;
    if (this.#received + this.#size > this.#limits.maxBodyBytes) return TOO_LARGE;
    this.#received += this.#size;
    if (octet === CR) this.#state = State.SIZE_LF;
    else if (octet === SEMICOLON) this.#state = State.EXTENSION;
    else if (octet === SPACE || octet === TAB) this.#state = State.SPACE;
    else return octet === LF ? BARE_LF : CHUNK;
    return octet === CR ? null : this.#countExtension();
  }

  /** RFC 9112 §7.1.1: the line must not end inside a quoted string, where a parser may take CRLF for a part of it. */
  #receiveExtension(octet: number): Refusal | null {
    if (octet === CR && this.#state === State.EXTENSION) {
      this.#state = State.SIZE_LF;
      return null;
    }
    if (octet === LF) return BARE_LF;
    if (octet !== TAB && (octet < SPACE || octet === 127)) return CHUNK;
    if (this.#state === State.ESCAPED) this.#state = State.QUOTED;
    else if (octet === QUOTE) {
      this.#state = this.#state === State.QUOTED ? State.EXTENSION : State.QUOTED;
    } else if (octet === BACKSLASH && this.#state === State.QUOTED) this.#state = State.ESCAPED;
    return this.#countExtension();
  }

  /** Extensions are ignored but bounded: a peer could send them without end and no body at all (CVE-2023-39326). */
  #countExtension(): Refusal | null {
    return ++this.#extensionBytes > this.#limits.maxHeaderBytes ? CHUNK_EXTENSIONS : null;
  }

  #receiveTrailers(bytes: Uint8Array, start: number, sink: BodySink): number | Refusal {
    this.#scanner ??= new HeadScanner(this.#limits, null);
    const end = this.#scanner.scan(bytes, start);
    if (typeof end !== "number") return end;
    if (end < 0) {
      this.#trailers.add(bytes, start, bytes.length);
      return bytes.length;
    }
    const fields: string[] = [];
    const section = this.#trailers.takeWith(bytes, start, end);
    const refused = parseFields(section.bytes, section.start, section.end, fields);
    if (refused !== null) return refused;
    this.#state = State.END;
    sink.onEnd(fields);
    return end;
  }
}

function hexDigit(octet: number): number {
  if (octet >= 48 && octet <= 57) return octet - 48;
  const letter = octet | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}
