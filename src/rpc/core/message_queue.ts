/**
 * Queues of messages between a wire and its reader.
 *
 * @module
 */

// Taken items are cut off the front of the array once there are this many and they fill half of it.
const COMPACT_FROM = 1_024;

/** First-in first-out queue whose `take` is O(1): `Array.prototype.shift` moves all remaining items. */
export class Fifo<T> {
  readonly #items: (T | undefined)[] = [];
  #head = 0;

  /** Number of queued items. */
  get length(): number {
    return this.#items.length - this.#head;
  }

  /** Adds an item at the end. */
  push(item: T): void {
    this.#items.push(item);
  }

  /** Removes and returns the oldest item; undefined if the queue is empty. */
  take(): T | undefined {
    const items = this.#items;
    const head = this.#head;
    if (head === items.length) return undefined;
    const item = items[head];
    // Clears the slot, so that the array does not keep a taken message alive.
    items[head] = undefined;
    this.#head = head + 1;
    if (this.#head === items.length) {
      items.length = this.#head = 0;
    } else if (this.#head >= COMPACT_FROM && this.#head * 2 >= items.length) {
      items.splice(0, this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Drops all items. */
  clear(): void {
    this.#items.length = this.#head = 0;
  }
}

/** Bounds of a {@link MessageQueue}: the larger pair stops reading, the smaller pair restarts it. */
export interface Watermarks {
  /** Reading pauses when the queue holds this many bytes. */
  readonly pauseBytes: number;
  /** Reading pauses when the queue holds this many messages: empty ones cost memory too. */
  readonly pauseCount: number;
  /** Reading resumes when the queue holds at most this many bytes and `resumeCount` messages. */
  readonly resumeBytes: number;
  /** Reading resumes when the queue holds at most this many messages and `resumeBytes` bytes. */
  readonly resumeCount: number;
}

/**
 * Messages that were received and not yet taken. `push` returns whether the wire must stop granting flow-control
 * credit, and `resumes` whether it may grant credit again.
 */
export class MessageQueue<T extends { readonly length: number }> {
  readonly #fifo = new Fifo<T>();
  readonly #watermarks: Watermarks;
  #bytes = 0;
  #paused = false;

  /** Creates an empty queue. */
  constructor(watermarks: Watermarks) {
    this.#watermarks = watermarks;
  }

  /** Number of queued messages. */
  get length(): number {
    return this.#fifo.length;
  }

  /** Adds a message. Returns true when reading must pause from now on. */
  push(message: T): boolean {
    this.#fifo.push(message);
    this.#bytes += message.length;
    const { pauseBytes, pauseCount } = this.#watermarks;
    if (this.#paused || (this.#bytes < pauseBytes && this.#fifo.length < pauseCount)) return false;
    return this.#paused = true;
  }

  /** Removes and returns the oldest message; undefined if the queue is empty. Call `resumes` afterwards. */
  take(): T | undefined {
    const message = this.#fifo.take();
    if (message !== undefined) this.#bytes -= message.length;
    return message;
  }

  /** Returns true once reading was paused and may resume. */
  resumes(): boolean {
    if (!this.#paused) return false;
    const { resumeBytes, resumeCount } = this.#watermarks;
    if (this.#bytes > resumeBytes || this.#fifo.length > resumeCount) return false;
    this.#paused = false;
    return true;
  }

  /** Drops all messages. Call `resumes` afterwards. */
  clear(): void {
    this.#fifo.clear();
    this.#bytes = 0;
  }
}
