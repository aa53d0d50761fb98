/**
 * Turns between the accepts of a listener.
 *
 * While connections are pending, accept resolves without a turn of the event loop: reads of earlier connections would
 * starve. One turn of the queue for each accept is too slow, because it comes once per pass through all busy
 * connections: with 200 of them 50 connections were accepted a second, and other clients waited for up to 1 s.
 *
 * @module
 */

import { systemTurns, type TurnScheduler } from "./turns.ts";

/** Connections that are accepted for each turn of the queue, unless fewer are pending. */
export const ACCEPTS_PER_TURN = 8;

/** Spaces the accepts of one listener. */
export class AcceptTurns {
  readonly #turns: TurnScheduler;
  #accepts = 0;

  /** Waits for turns of `turns`, by default those of this thread. */
  constructor(turns: TurnScheduler = systemTurns) {
    this.#turns = turns;
  }

  /**
   * Resolves when the next connection may be accepted: in the next turn of the event loop, and after every eighth
   * accept in turn with the connections that wait.
   */
  next(): Promise<void> {
    return ++this.#accepts % ACCEPTS_PER_TURN === 0
      ? this.#turns.nextTurn()
      : this.#turns.nextMacrotask();
  }
}
