/**
 * Work that is done one at a time, with a bound on what waits.
 *
 * @module
 */

import { AttestationError } from "./attestation_error.ts";

/** Runs one task at a time, in the order of their arrival. */
export class SerialQueue {
  readonly #maxWaiting: number;
  readonly #what: string;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** Makes a queue of at most `maxWaiting` tasks, the running one included; `what` names them in an error. */
  constructor(maxWaiting: number, what: string) {
    this.#maxWaiting = maxWaiting;
    this.#what = what;
  }

  /**
   * Resolves to the result of `task`, once those before it have ended. Rejects with an AttestationError (`busy`) if too
   * many wait.
   */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#waiting >= this.#maxWaiting) {
      throw new AttestationError("busy", `${this.#maxWaiting} ${this.#what} already`);
    }
    this.#waiting++;
    const turn = this.#last.then(task);
    this.#last = turn.catch(() => {});
    try {
      return await turn;
    } finally {
      this.#waiting--;
    }
  }
}
