/**
 * Bounds how many handlers of a connection run at once. A cancelled call is over for its caller while its handler may
 * still run, so open calls alone bound nothing: calls beyond the limit wait for a handler to end (as in grpc-go)
 * instead of being refused for this server's lag. They are open calls, which the engine limits.
 *
 * @module
 */

/** A call that waits for a slot. */
export interface SlotWaiter {
  /** Starts the handler; the slot is taken. */
  startHandler(): void;
}

/** The handlers of one connection, or of one batch stream. */
export class HandlerSlots {
  readonly #limit: number;
  #running = 0;
  /** In order of arrival; made with the first call that waits. */
  #waiting: Set<SlotWaiter> | undefined = undefined;
  #starting = false;

  /** Lets `limit` handlers run at once. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Takes a slot; false if there is none, and `startHandler` follows unless the call leaves before. */
  take(waiter: SlotWaiter): boolean {
    if (this.#running < this.#limit && (this.#waiting === undefined || this.#waiting.size === 0)) {
      this.#running++;
      return true;
    }
    (this.#waiting ??= new Set()).add(waiter);
    return false;
  }

  /** Removes a call that waits. No effect on others. */
  leave(waiter: SlotWaiter): void {
    this.#waiting?.delete(waiter);
  }

  /** Gives a slot back: the handler has ended. */
  release(): void {
    this.#running--;
    if (this.#waiting === undefined || this.#waiting.size === 0 || this.#starting) return;
    this.#starting = true;
    // The engine may be in the middle of ending all calls of the connection.
    queueMicrotask(() => this.#startWaiting());
  }

  #startWaiting(): void {
    for (const waiter of this.#waiting!) {
      if (this.#running >= this.#limit) break;
      this.#waiting!.delete(waiter);
      this.#running++;
      waiter.startHandler();
    }
    this.#starting = false;
  }
}
