/**
 * Free slots in the order in which they became free, so that connections take turns.
 *
 * @module
 */

/** A ring of slot numbers that never grows. */
export class SlotQueue {
  readonly #ring: Int32Array;
  #head = 0;
  #size = 0;

  /** Makes an empty queue for at most `capacity` slots. */
  constructor(capacity: number) {
    this.#ring = new Int32Array(capacity);
  }

  /** Adds a slot at the end. */
  push(slot: number): void {
    let at = this.#head + this.#size;
    if (at >= this.#ring.length) at -= this.#ring.length;
    this.#ring[at] = slot;
    this.#size++;
  }

  /** Takes the first slot; -1 when none is free. */
  shift(): number {
    if (this.#size === 0) return -1;
    const slot = this.#ring[this.#head];
    this.#head = this.#head + 1 === this.#ring.length ? 0 : this.#head + 1;
    this.#size--;
    return slot;
  }
}
