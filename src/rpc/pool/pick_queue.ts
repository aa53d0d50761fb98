/**
 * The queue of calls that wait for a connection.
 *
 * @module
 */

import { Status } from "../../call/status.ts";
import { type PickedCall, PickFailure } from "../balancer/types.ts";
import type { Connection } from "./connection.ts";
import { ProcessRef } from "./process_ref.ts";

/** A call that waits for a connection. */
export interface PickWaiter extends PickedCall {
  /** Whether the call stays queued while the channel is in TRANSIENT_FAILURE. */
  readonly waitForReady: boolean;
  /** Whether the call can be batched: an open batch stream carries it without a slot of its own. */
  readonly batched?: boolean;
  /** Position in the queue, set by the queue; -1 initially and while not queued. */
  queueSlot: number;
  /** Starts the call, before this returns: `connection` is `free` now or, for a batched call, has a batch stream. */
  onPick(connection: Connection): void;
  /** Ends the call with a status, because it gets no connection. */
  onPickFailed(code: Status, message: string): void;
}

// Length from which on the array is compacted once half of its positions are empty.
const COMPACT_FROM = 1_024;

/** Calls in order of arrival. Keeps the process alive while it is not empty. */
export class PickQueue {
  // An array with gaps: a Set would keep references to ended calls (see IdMap).
  readonly #waiters: (PickWaiter | undefined)[] = [];
  /** Index of the first position that can hold a queued call; all positions before it are empty. */
  #head = 0;
  #size = 0;
  readonly #processRef = new ProcessRef();
  readonly #limit: number;

  /** Accepts at most `limit` calls. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Calls queued. */
  get size(): number {
    return this.#size;
  }

  /** Queues a call; fails it with RESOURCE_EXHAUSTED if the queue is full. */
  add(waiter: PickWaiter): void {
    if (this.#size >= this.#limit) {
      return waiter.onPickFailed(
        Status.RESOURCE_EXHAUSTED,
        `Cannot queue the call: ${this.#size} wait for a connection, limit is ${this.#limit}`,
      );
    }
    this.#compact();
    waiter.queueSlot = this.#waiters.length;
    this.#waiters.push(waiter);
    this.#size++;
    this.#processRef.acquire();
  }

  /** Removes a call. No effect if it is not queued. */
  remove(waiter: PickWaiter): void {
    if (waiter.queueSlot < 0) return;
    this.#waiters[waiter.queueSlot] = undefined;
    waiter.queueSlot = -1;
    this.#size--;
    this.#processRef.release();
  }

  /**
   * Starts calls on connections from `pick`, and fails those for which it returns a failure. Returns false if calls without
   * a connection remain: those behind the first of them are not looked at, unless `all`.
   */
  serve(
    pick: (waiter: PickWaiter) => Connection | PickFailure | undefined,
    all = false,
  ): boolean {
    let served = true;
    let i = this.#head;
    while (this.#size > 0 && i < this.#waiters.length) {
      const waiter = this.#waiters[i];
      if (waiter === undefined) {
        if (i === this.#head) this.#head++;
        i++;
        continue;
      }
      const result = pick(waiter);
      // A connection that failed while it was looked at may have failed the call.
      if (waiter.queueSlot < 0) continue;
      if (result === undefined) {
        served = false;
        if (!all) break;
        i++;
      } else if (!(result instanceof PickFailure)) {
        this.remove(waiter);
        waiter.onPick(result);
      } else if (waiter.waitForReady && !result.dropped) {
        i++;
      } else {
        this.remove(waiter);
        waiter.onPickFailed(result.code, result.message);
      }
    }
    this.#compact();
    return served;
  }

  /** Starts all batched calls, at any position, on `connection`, which has an open batch stream. */
  serveBatched(connection: Connection): void {
    if (this.#size === 0) return;
    for (const waiter of this.#waiters.slice(this.#head)) {
      if (waiter === undefined || waiter.queueSlot < 0 || !waiter.batched) continue;
      this.remove(waiter);
      waiter.onPick(connection);
    }
  }

  /** Fails queued calls with UNAVAILABLE: all of them, or only those without `waitForReady`. */
  fail(message: string, all: boolean): void {
    for (const waiter of this.#waiters.slice()) {
      if (waiter === undefined || waiter.queueSlot < 0 || (!all && waiter.waitForReady)) continue;
      this.remove(waiter);
      waiter.onPickFailed(Status.UNAVAILABLE, message);
    }
  }

  // A call with `waitForReady` may stay at the head while others come and go, so gaps can be anywhere.
  #compact(): void {
    const waiters = this.#waiters;
    const { length } = waiters;
    if (this.#size > 0 && (length < COMPACT_FROM || this.#size * 2 > length)) return;
    let count = 0;
    for (let i = this.#head; i < length; i++) {
      const waiter = waiters[i];
      if (waiter === undefined) continue;
      waiter.queueSlot = count;
      waiters[count++] = waiter;
    }
    waiters.length = count;
    this.#head = 0;
  }
}
