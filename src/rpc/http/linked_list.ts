/**
 * Doubly linked list whose links are properties of the entries: adding, removing and moving are O(1) and allocate
 * nothing.
 *
 * @module
 */

/** Entry of a {@link LinkedList}; the list sets the links. */
export interface Linked<T> {
  /** Entry before this one. */
  previous: T | null;
  /** Entry after this one. */
  next: T | null;
}

/** List of entries in the order in which they were added or last moved to the end. */
export class LinkedList<T extends Linked<T>> {
  #first: T | null = null;
  #last: T | null = null;
  #size = 0;

  /** First entry, linked to the rest by `next`; null when the list is empty. */
  get first(): T | null {
    return this.#first;
  }

  /** Number of entries. */
  get size(): number {
    return this.#size;
  }

  /** Appends an entry that is not in the list. */
  add(entry: T): void {
    entry.previous = this.#last;
    entry.next = null;
    if (this.#last === null) this.#first = entry;
    else this.#last.next = entry;
    this.#last = entry;
    this.#size++;
  }

  /** Removes an entry; false when it is not in the list. */
  remove(entry: T): boolean {
    const { previous, next } = entry;
    if (previous === null && this.#first !== entry) return false;
    if (previous === null) this.#first = next;
    else previous.next = next;
    if (next === null) this.#last = previous;
    else next.previous = previous;
    entry.previous = entry.next = null;
    this.#size--;
    return true;
  }

  /** Moves an entry of the list to its end. */
  moveToEnd(entry: T): void {
    if (this.#last !== entry && this.remove(entry)) this.add(entry);
  }

  /** Returns a copy of the entries as an array; the list may change while the array is iterated. */
  snapshot(): T[] {
    const entries: T[] = [];
    for (let entry = this.#first; entry !== null; entry = entry.next) entries.push(entry);
    return entries;
  }
}
