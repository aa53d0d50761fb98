/**
 * Turns between the accepts of a listener.
 *
 * While connections are pending, accept resolves without a turn of the event loop: reads of earlier connections would
 * starve. So after a few accepts one connection that waits for a turn has it. Once per pass through all of them would be
 * too slow: with 200 busy connections 50 were accepted a second, and other clients waited for up to 1 s.
 *
 * @module
 */

import { Lane, systemTurns, type TurnScheduler } from "./turns.ts";

/** Connections that are accepted between two connections that wait for a turn, unless fewer are pending. */
export const ACCEPTS_PER_TURN = 4;

/** Spaces the accepts of one listener. */
export class AcceptTurns {
  readonly #turns: TurnScheduler;
  #accepts = 0;

  /** Waits for turns of `turns`, by default those of this thread. */
  constructor(turns: TurnScheduler = systemTurns) {
    this.#turns = turns;
  }

  /**
   * Resolves when the next connection may be accepted: in the next turn of the event loop, and after every fourth
   * accept behind a connection that waits for a turn.
   */
  next(): Promise<void> {
    return ++this.#accepts % ACCEPTS_PER_TURN === 0
      ? this.#turns.nextTurn(Lane.ACCEPTS)
      : this.#turns.nextMacrotask();
  }
}
