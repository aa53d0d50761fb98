/**
 * Cuts a body of any media type into the parts that its messages carry.
 *
 * @module
 */

/** Largest part, in bytes. */
const MAX_PART_BYTES = 65_536;

/** Parts of a body as they come: at least one, which is empty for an empty body. */
export class RawParts {
  /** Nothing is held back. */
  readonly heldBytes = 0;
  #part: Uint8Array | undefined = undefined;
  #at = 0;
  #any = false;

  /** Adds a part, once `next` has returned undefined for the one before. */
  push(part: Uint8Array): void {
    this.#part = part;
    this.#at = 0;
  }

  /** Returns the next part; undefined when more bytes are needed. */
  next(): Uint8Array | undefined {
    if (this.#part === undefined || this.#at >= this.#part.length) return undefined;
    const part = this.#part.subarray(this.#at, this.#at + MAX_PART_BYTES);
    this.#at += part.length;
    this.#any = true;
    return part;
  }

  /** Returns the part that the end of the body completes. */
  end(): Uint8Array | undefined {
    return this.#any ? undefined : new Uint8Array();
  }
}
