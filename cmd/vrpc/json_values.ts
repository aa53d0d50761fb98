/**
 * JSON values that follow each other in a stream of text, on one line each or over several.
 *
 * @module
 */

const QUOTE = '"';

/** Splits text into its JSON values as it arrives. */
export class JsonValues {
  #rest = "";
  /** Position in the rest up to which it was read. */
  #at = 0;
  #depth = 0;
  #inText = false;
  #start = -1;

  /** Whether a value has begun that more lines can complete. A text cannot go on in the next line. */
  get open(): boolean {
    return this.#depth > 0 && !this.#inText;
  }

  /** Takes more text and returns the values that are complete with it. */
  push(text: string): string[] {
    this.#rest += text;
    const values: string[] = [];
    for (; this.#at < this.#rest.length; this.#at++) {
      const end = this.#step(this.#rest[this.#at]);
      if (end > 0) {
        values.push(this.#rest.slice(this.#start, end));
        this.#start = -1;
      }
    }
    const kept = this.#start < 0 ? this.#at : this.#start;
    this.#rest = this.#rest.slice(kept);
    this.#at -= kept;
    if (this.#start >= 0) this.#start = 0;
    return values;
  }

  /** Returns what is left at the end of the text: an incomplete value, or one that only the end completes. */
  end(): string | undefined {
    return this.#start < 0 ? undefined : this.#rest.slice(this.#start);
  }

  /** Reads one character; returns the end of the value that it completes, or 0. */
  #step(char: string): number {
    if (this.#inText) {
      if (char === "\\") this.#at++;
      else if (char === QUOTE) {
        this.#inText = false;
        if (this.#depth === 0) return this.#at + 1;
      }
      return 0;
    }
    if (char === "{" || char === "[") {
      if (this.#start < 0) this.#start = this.#at;
      this.#depth++;
    } else if (char === "}" || char === "]") {
      // A bracket that closes nothing is a value of its own, and not a valid one.
      if (this.#start < 0) this.#start = this.#at;
      this.#depth = Math.max(0, this.#depth - 1);
      if (this.#depth === 0) return this.#at + 1;
    } else if (char === QUOTE) {
      if (this.#start < 0) this.#start = this.#at;
      this.#inText = true;
    } else if (/\s/.test(char)) {
      if (this.#start >= 0 && this.#depth === 0) return this.#at;
    } else if (this.#start < 0) {
      this.#start = this.#at;
    }
    return 0;
  }
}
