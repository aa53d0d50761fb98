/**
 * Limits the handlers of a connection that run at once. A cancelled call is closed while its handler may still run, so
 * the limit on open calls does not bound handlers. Calls above the limit wait for a handler to end (as in grpc-go)
 * instead of being refused; they are open calls, whose number the engine limits.
 *
 * @module
 */

/** A call that waits for a slot. */
export interface SlotWaiter {
  /** Starts the handler. Called with a slot already taken for it. */
  startHandler(): void;
}

/** Handler slots of one connection, or of one batch stream. */
export class HandlerSlots {
  readonly #limit: number;
  #running = 0;
  /** Waiting calls in order of arrival; created when the first call waits. */
  #waiting: Set<SlotWaiter> | undefined = undefined;
  #starting = false;

  /** Lets `limit` handlers run at once. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Takes a slot; false if none is free. `startHandler` is then called later, unless `leave` is called before. */
  take(waiter: SlotWaiter): boolean {
    if (this.#running < this.#limit && (this.#waiting === undefined || this.#waiting.size === 0)) {
      this.#running++;
      return true;
    }
    (this.#waiting ??= new Set()).add(waiter);
    return false;
  }

  /** Removes a waiting call. No effect if it does not wait. */
  leave(waiter: SlotWaiter): void {
    this.#waiting?.delete(waiter);
  }

  /** Gives a slot back: the handler has ended. */
  release(): void {
    this.#running--;
    if (this.#waiting === undefined || this.#waiting.size === 0 || this.#starting) return;
    this.#starting = true;
    // Deferred, because the engine may be in the middle of ending all calls of the connection.
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
