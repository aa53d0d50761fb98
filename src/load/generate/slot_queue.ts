/**
 * Free slots, first in first out, so that connections take turns.
 *
 * @module
 */

/** Ring of slot numbers with a fixed capacity. */
export class SlotQueue {
  readonly #ring: Int32Array;
  #head = 0;
  #size = 0;

  /** Creates an empty queue for at most `capacity` slots. */
  constructor(capacity: number) {
    this.#ring = new Int32Array(capacity);
  }

  /** Appends a slot. */
  push(slot: number): void {
    let at = this.#head + this.#size;
    if (at >= this.#ring.length) at -= this.#ring.length;
    this.#ring[at] = slot;
    this.#size++;
  }

  /** Removes the first slot; returns -1 when there is none. */
  shift(): number {
    if (this.#size === 0) return -1;
    const slot = this.#ring[this.#head];
    this.#head = this.#head + 1 === this.#ring.length ? 0 : this.#head + 1;
    this.#size--;
    return slot;
  }
}
