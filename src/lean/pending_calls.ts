/**
 * Calls of a client that have started but sent no frame.
 *
 * @module
 */

import type { LeanClientCall } from "./client_call.ts";

/**
 * Calls that have started but sent no frame. The latest is kept outside of the set, because nearly every call is sent
 * at once.
 */
export class PendingCalls {
  #last: LeanClientCall | undefined = undefined;
  // Created on first use: most connections need none.
  #others: Set<LeanClientCall> | undefined = undefined;

  /** Number of pending calls. */
  get size(): number {
    return (this.#others?.size ?? 0) + (this.#last === undefined ? 0 : 1);
  }

  /** Adds a call that was started. */
  add(call: LeanClientCall): void {
    if (this.#last !== undefined) (this.#others ??= new Set()).add(this.#last);
    this.#last = call;
  }

  /** Removes a call that was sent or has ended. */
  delete(call: LeanClientCall): void {
    if (this.#last === call) this.#last = undefined;
    else this.#others?.delete(call);
  }

  /** All pending calls, oldest first. */
  all(): LeanClientCall[] {
    const others = this.#others === undefined ? [] : [...this.#others];
    return this.#last === undefined ? others : [...others, this.#last];
  }
}
