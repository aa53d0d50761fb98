/**
 * Place for one call at a time.
 *
 * @module
 */

import type { Reply } from "../measure/reply.ts";

/** Takes the ends of the calls of its slots. */
export interface SlotOwner {
  /** Takes a reply. */
  replied(slot: Slot, reply: Reply): void;
  /** Takes a failure. */
  failed(slot: Slot, error: unknown): void;
}

/** Runs one call at a time, with callbacks created once to keep allocations per call low. */
export class Slot {
  /** Number, from 0. */
  readonly index: number;
  /** Time from which the latency of the call counts: its due time in an open loop, otherwise its start. */
  fromMs = 0;
  /** Time of its start. */
  sentMs = 0;
  /** Number of its stage. */
  stage = 0;
  /** Whether it is recorded. */
  measured = false;
  /** Whether a call is in flight. */
  busy = false;
  /** Whether it waits after a failure. */
  paused = false;
  /** Takes the reply. */
  readonly onReply: (reply: Reply) => void;
  /** Takes the failure. */
  readonly onError: (error: unknown) => void;

  /** Creates slot number `index`. */
  constructor(index: number, runner: SlotOwner) {
    this.index = index;
    this.onReply = (reply) => runner.replied(this, reply);
    this.onError = (error) => runner.failed(this, error);
  }
}
