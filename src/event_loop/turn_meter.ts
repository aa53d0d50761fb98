/**
 * Work of all connections in the current turn of the event loop.
 *
 * Connections report how long they worked, but their handlers run in microtasks after that: echoing messages of no
 * bytes takes fifteen times as long as reading them. So whole turns are measured too, and the work reported in later
 * turns is scaled by the ratio. All connections share one factor, because those that flood are often short-lived.
 *
 * @module
 */

import type { EventLoop } from "./loop.ts";

const TURN_MS = 1;
const MAX_COST_FACTOR = 16;
// Largest multiple by which the cost factor grows in one turn: a turn may be long only because of a garbage collection.
const MAX_GROWTH = 2;
// Fraction of the difference by which the cost factor falls per turn. It falls slowly, because turns that close
// connections are cheap, but those of the next connections are not.
const SHRINK = 1 / 16;
// Shortest duration counted, in ms: work that the clock cannot measure must still use up the turn.
const MIN_WORK_MS = 0.01;

/** Sums the work reported in each turn, and estimates the real length of the turn from it. */
export class TurnMeter {
  readonly #loop: EventLoop;
  #spentMs = 0;
  #isOver = false;
  #startMs = 0;
  // Estimated ratio of a turn's length to the work reported in it.
  #costFactor = 1;
  readonly #startTurn = () => {
    if (this.#isOver) this.#adjustFactor();
    this.#spentMs = 0;
    this.#isOver = false;
  };

  /** Starts with a cost factor of 1. */
  constructor(loop: EventLoop) {
    this.#loop = loop;
  }

  /** Whether the scaled work of this turn has reached 1 ms. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether `ms` more of work would end this turn. */
  exceeds(ms: number): boolean {
    return this.#spentMs + ms * this.#costFactor >= TURN_MS;
  }

  /** Estimated length that `ms` of work add to the turn, in ms, handlers included. */
  scale(ms: number): number {
    return ms * this.#costFactor;
  }

  /** Counts `ms` of work that was just done. */
  spend(ms: number): void {
    if (this.#spentMs === 0) {
      this.#loop.setImmediate(this.#startTurn);
      this.#startMs = this.#loop.now() - ms;
    }
    this.#spentMs += Math.max(ms, MIN_WORK_MS) * this.#costFactor;
    this.#isOver = this.#spentMs >= TURN_MS;
  }

  #adjustFactor(): void {
    const factor = this.#costFactor;
    const measured = (this.#loop.now() - this.#startMs) / (this.#spentMs / factor);
    this.#costFactor = measured >= factor
      ? Math.min(measured, factor * MAX_GROWTH, MAX_COST_FACTOR)
      : factor + (Math.max(measured, 1) - factor) * SHRINK;
  }
}
