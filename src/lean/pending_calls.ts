/**
 * Calls of a client that were started and are not on the wire yet.
 *
 * @module
 */

import type { LeanClientCall } from "./client_call.ts";

/** Nearly every call is on the wire at once, so the last one is kept apart and most never see the set. */
export class PendingCalls {
  #last: LeanClientCall | undefined = undefined;
  readonly #others = new Set<LeanClientCall>();

  /** How many there are. */
  get size(): number {
    return this.#others.size + (this.#last === undefined ? 0 : 1);
  }

  /** A call was started. */
  add(call: LeanClientCall): void {
    if (this.#last !== undefined) this.#others.add(this.#last);
    this.#last = call;
  }

  /** A call is on the wire, or over. */
  delete(call: LeanClientCall): void {
    if (this.#last === call) this.#last = undefined;
    else this.#others.delete(call);
  }

  /** All of them, oldest first. */
  all(): LeanClientCall[] {
    return this.#last === undefined ? [...this.#others] : [...this.#others, this.#last];
  }
}
