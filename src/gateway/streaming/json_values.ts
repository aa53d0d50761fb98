/**
 * Cuts a body into values of JSON: those of a list, values one after another, or lines. Only their bounds are found here;
 * whether a value is valid JSON shows when it is read.
 *
 * @module
 */

/** Values that are not separated as they must be. */
export class JsonSeparationError extends Error {
  override readonly name = "JsonSeparationError";
}

/** What a body is made of: lines (JSON Lines), or a list or values one after another, by its first character. */
export type JsonBodyForm = "lines" | "values";

const State = {
  /** Before the first character, which tells a list from values one after another. */
  BEGIN: 0,
  /** Before a value, or the bracket that ends an empty list. */
  FIRST: 1,
  /** Before a value. */
  BEFORE: 2,
  VALUE: 3,
  /** Behind a value of a list. */
  BEHIND: 4,
  /** Behind the list. */
  OVER: 5,
} as const;

const LINE_FEED = 0x0a;
const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Cuts parts of a body, in which a value may begin and end anywhere. */
export class JsonValues {
  readonly #lines: boolean;
  #part: Uint8Array = NO_BYTES;
  #at = 0;
  /** Index of the current value in the current part. */
  #from = 0;
  /** Beginning of the current value, out of earlier parts. */
  #held: Uint8Array = NO_BYTES;
  #heldLength = 0;
  #state: (typeof State)[keyof typeof State];
  #inList = false;
  #depth = 0;
  #inString = false;
  #escaped = false;

  constructor(form: JsonBodyForm) {
    this.#lines = form === "lines";
    this.#state = this.#lines ? State.BEFORE : State.BEGIN;
  }

  /** Bytes of an unfinished value out of earlier parts. */
  get heldBytes(): number {
    return this.#heldLength;
  }

  /** Adds a part, once `next` has returned undefined for the one before. It must not change until then. */
  push(part: Uint8Array): void {
    this.#part = part;
    this.#at = this.#from = 0;
  }

  /**
   * Returns the next value that is complete; undefined when more bytes are needed. It may be a view of the part that was
   * pushed last. Throws JsonSeparationError.
   */
  next(): Uint8Array | undefined {
    return this.#lines ? this.#nextLine() : this.#nextValue();
  }

  /** Returns the value that the end of the body completes, if any. Throws JsonSeparationError for a list that is not closed. */
  end(): Uint8Array | undefined {
    if (this.#inList && this.#state !== State.OVER) {
      throw new JsonSeparationError("the list is not closed");
    }
    const last = this.#take(0);
    this.#state = State.OVER;
    return last.every(isSpace) ? undefined : last;
  }

  #nextLine(): Uint8Array | undefined {
    while (this.#at < this.#part.length) {
      const end = this.#part.indexOf(LINE_FEED, this.#at);
      if (end < 0) break;
      this.#at = end + 1;
      const line = this.#take(end);
      this.#from = this.#at;
      if (!line.every(isSpace)) return line;
    }
    this.#hold();
    return undefined;
  }

  #nextValue(): Uint8Array | undefined {
    const part = this.#part;
    while (this.#at < part.length) {
      if (this.#state === State.VALUE) {
        if (!this.#endValue()) break;
        const value = this.#take(this.#at);
        this.#state = this.#inList ? State.BEHIND : State.BEFORE;
        return value;
      }
      const byte = part[this.#at];
      if (isSpace(byte)) this.#at++;
      else this.#between(byte);
    }
    if (this.#state === State.VALUE) this.#hold();
    return undefined;
  }

  /** Takes a character outside of values. */
  #between(byte: number): void {
    switch (this.#state) {
      case State.BEGIN:
        this.#inList = byte === OPEN_LIST;
        if (!this.#inList) return this.#begin(byte);
        this.#state = State.FIRST;
        break;
      case State.FIRST:
      case State.BEFORE:
        if (this.#state === State.FIRST && byte === CLOSE_LIST) this.#state = State.OVER;
        else if (this.#inList && (byte === COMMA || byte === CLOSE_LIST)) {
          throw new JsonSeparationError("a value of the list is missing");
        } else return this.#begin(byte);
        break;
      case State.BEHIND:
        if (byte !== COMMA && byte !== CLOSE_LIST) {
          throw new JsonSeparationError("a comma between values of the list is missing");
        }
        this.#state = byte === COMMA ? State.BEFORE : State.OVER;
        break;
      default:
        throw new JsonSeparationError("something follows the list");
    }
    this.#at++;
  }

  #begin(byte: number): void {
    if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) {
      throw new JsonSeparationError("a bracket closes nothing");
    }
    this.#state = State.VALUE;
    this.#from = this.#at;
    this.#depth = 0;
    this.#inString = this.#escaped = false;
  }

  /** Goes on to the end of the current value; returns false when it is not in this part. */
  #endValue(): boolean {
    const part = this.#part;
    let at = this.#at;
    for (; at < part.length; at++) {
      const byte = part[at];
      if (this.#inString) {
        if (this.#endsString(byte) && this.#depth === 0) break;
      } else if (byte === QUOTE) {
        this.#inString = true;
      } else if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
        this.#depth++;
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
        if (this.#depth === 0) return this.#endAt(at);
        if (--this.#depth === 0) break;
      } else if (this.#depth === 0 && (isSpace(byte) || this.#inList && byte === COMMA)) {
        return this.#endAt(at);
      }
    }
    return this.#endAt(at + 1);
  }

  #endsString(byte: number): boolean {
    if (this.#escaped) this.#escaped = false;
    else if (byte === BACKSLASH) this.#escaped = true;
    else if (byte === QUOTE) this.#inString = false;
    return !this.#inString;
  }

  #endAt(end: number): boolean {
    this.#at = Math.min(end, this.#part.length);
    return end <= this.#part.length;
  }

  /** Returns the bytes of the current value up to `end`. */
  #take(end: number): Uint8Array {
    const rest = this.#part.subarray(Math.min(this.#from, end), end);
    if (this.#heldLength === 0) return rest;
    this.#append(rest);
    const whole = this.#held.subarray(0, this.#heldLength);
    this.#held = NO_BYTES;
    this.#heldLength = 0;
    return whole;
  }

  #hold(): void {
    this.#append(this.#part.subarray(this.#from));
    this.#part = NO_BYTES;
    this.#at = this.#from = 0;
  }

  #append(bytes: Uint8Array): void {
    const length = this.#heldLength + bytes.length;
    if (length > this.#held.length) {
      const larger = new Uint8Array(Math.max(length, this.#held.length * 2));
      larger.set(this.#held.subarray(0, this.#heldLength));
      this.#held = larger;
    }
    this.#held.set(bytes, this.#heldLength);
    this.#heldLength = length;
  }
}

const NO_BYTES = new Uint8Array();

// RFC 8259 §2.
function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
