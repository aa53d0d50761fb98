/**
 * The order of signature checks: a check of P-384 takes a thread 2 to 3 ms, and on Deno that thread is
 * the one of all calls.
 *
 * @module
 */

import { systemTurns } from "../event_loop/turns.ts";
import { SerialQueue } from "./serial_queue.ts";

/** Verifications that may wait; enough for the connections that several full pools open at once. */
const MAX_WAITING = 256;

/** Runs one verification at a time, in the order of their arrival. */
export class VerificationQueue {
  readonly #queue = new SerialQueue(MAX_WAITING, "documents wait for verification");

  /**
   * Resolves to the result of `verify`, once those before it have ended. Rejects with an AttestationError (`busy`) if
   * too many wait.
   */
  run<T>(verify: () => Promise<T>): Promise<T> {
    return this.#queue.run(verify);
  }

  /** Runs one signature check on a later turn of the event loop, so that other work has its turn between two. */
  async check(signature: () => Promise<boolean>): Promise<boolean> {
    await systemTurns.nextTurn();
    return await signature();
  }
}
