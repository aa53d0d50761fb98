/**
 * Calls that wait for a connection.
 *
 * @module
 */

import { Status } from "../../call/status.ts";
import type { Connection } from "./connection.ts";
import { ProcessRef } from "./process_ref.ts";

/** A call that waits for a connection. */
export interface PickWaiter {
  /** Whether it stays while the channel is in TRANSIENT_FAILURE. */
  readonly waitForReady: boolean;
  /** Whether it goes in a batch: an open batch stream takes it without a slot of its own. */
  readonly batched?: boolean;
  /** Kept by the queue: its place there; -1 at first, and whenever it doesn't wait. */
  queueSlot: number;
  /** A connection that is `free` right now, or has what `batched` asks for: the call must be started before this returns. */
  onPick(connection: Connection): void;
  /** There will be none. */
  onPickFailed(code: Status, message: string): void;
}

// Served places are dropped from the list when there are so many of them.
const COMPACT_FROM = 1_024;

/** First come, first served; anyone may leave. The process lives on while someone waits. */
export class PickQueue {
  // A list with gaps rather than a Set, which would keep dead calls alive (see IdMap).
  #waiters: (PickWaiter | undefined)[] = [];
  /** Everything before this place in the list was served. */
  #head = 0;
  /** The slot of the list's first place. */
  #base = 0;
  #size = 0;
  readonly #processRef = new ProcessRef();
  readonly #limit: number;

  /** Takes at most `limit` waiters. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many wait. */
  get size(): number {
    return this.#size;
  }

  /** Lets a call wait; fails it with RESOURCE_EXHAUSTED when the queue is full. */
  add(waiter: PickWaiter): void {
    if (this.#size >= this.#limit) {
      return waiter.onPickFailed(
        Status.RESOURCE_EXHAUSTED,
        `Cannot queue a call: ${this.#size} wait for a connection, limit is ${this.#limit}`,
      );
    }
    waiter.queueSlot = this.#base + this.#waiters.length;
    this.#waiters.push(waiter);
    this.#size++;
    this.#processRef.acquire();
  }

  /** Takes a waiter out; fine when it isn't there. */
  remove(waiter: PickWaiter): void {
    if (waiter.queueSlot < 0) return;
    this.#waiters[waiter.queueSlot - this.#base] = undefined;
    waiter.queueSlot = -1;
    this.#size--;
    this.#processRef.release();
  }

  /** Gives connections to waiters as long as `pick` has any; false when it ran out of them. */
  serve(pick: () => Connection | undefined): boolean {
    while (this.#size > 0) {
      const waiter = this.#waiters[this.#head];
      if (waiter === undefined) {
        this.#head++;
        continue;
      }
      const connection = pick();
      if (connection === undefined) {
        this.#compact();
        return false;
      }
      this.remove(waiter);
      waiter.onPick(connection);
    }
    this.#compact();
    return true;
  }

  /** Gives `connection`, which has a batch stream now, to all that go in batches, wherever they wait. */
  serveBatched(connection: Connection): void {
    if (this.#size === 0) return;
    for (const waiter of this.#waiters.slice(this.#head)) {
      if (waiter === undefined || waiter.queueSlot < 0 || !waiter.batched) continue;
      this.remove(waiter);
      waiter.onPick(connection);
    }
  }

  /** Fails those who wait with UNAVAILABLE; without `all`, only those who don't wait for readiness. */
  fail(message: string, all: boolean): void {
    for (const waiter of this.#waiters.slice()) {
      if (waiter === undefined || waiter.queueSlot < 0 || (!all && waiter.waitForReady)) continue;
      this.remove(waiter);
      waiter.onPickFailed(Status.UNAVAILABLE, message);
    }
  }

  #compact(): void {
    const head = this.#size === 0 ? this.#waiters.length : this.#head;
    if (this.#size > 0 && (head < COMPACT_FROM || head * 2 < this.#waiters.length)) return;
    this.#waiters = this.#waiters.slice(head);
    this.#base += head;
    this.#head = 0;
  }
}
