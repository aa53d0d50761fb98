/**
 * Calls that wait for a connection.
 *
 * @module
 */

import { Status } from "../call/status.ts";
import type { Connection } from "./connection.ts";
import { ProcessHold } from "./process_hold.ts";

/** A call that waits for a connection. */
export interface PickWaiter {
  /** Whether it stays while the channel is in TRANSIENT_FAILURE. */
  readonly waitForReady: boolean;
  /** A connection that is `free`, right now: the call must be started before this returns. */
  onPick(connection: Connection): void;
  /** There will be none. */
  onPickFailed(code: Status, message: string): void;
}

/** First come, first served; anyone may leave. The process lives on while someone waits. */
export class PickQueue {
  // Few wait, and rarely: the costs of a Set under churn (see IdMap) don't matter here.
  readonly #waiters = new Set<PickWaiter>();
  readonly #hold = new ProcessHold();
  readonly #limit: number;

  /** Takes at most `limit` waiters. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many wait. */
  get size(): number {
    return this.#waiters.size;
  }

  /** Lets a call wait; fails it with RESOURCE_EXHAUSTED when the queue is full. */
  add(waiter: PickWaiter): void {
    if (this.size >= this.#limit) {
      return waiter.onPickFailed(
        Status.RESOURCE_EXHAUSTED,
        `Cannot queue a call: ${this.size} wait for a connection, limit is ${this.#limit}`,
      );
    }
    this.#waiters.add(waiter);
    this.#hold.acquire();
  }

  /** Takes a waiter out; fine when it isn't there. */
  remove(waiter: PickWaiter): void {
    if (this.#waiters.delete(waiter)) this.#hold.release();
  }

  /** Gives connections to waiters as long as `pick` has any; false when it ran out of them. */
  serve(pick: () => Connection | undefined): boolean {
    for (const waiter of this.#waiters) {
      const connection = pick();
      if (connection === undefined) return false;
      this.remove(waiter);
      waiter.onPick(connection);
    }
    return true;
  }

  /** Fails those who wait with UNAVAILABLE; without `all`, only those who don't wait for readiness. */
  fail(message: string, all: boolean): void {
    for (const waiter of [...this.#waiters]) {
      if (!all && waiter.waitForReady) continue;
      this.remove(waiter);
      waiter.onPickFailed(Status.UNAVAILABLE, message);
    }
  }
}
