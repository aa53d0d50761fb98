/**
 * Calls that wait to send: for room in the output, for credit, or for their sender to be told that there is room.
 *
 * @module
 */

import { PROGRESS_STALL_MULTIPLIER } from "../limits/token_bucket.ts";
import type { LeanCall } from "./call.ts";

/** Who waits for what, on one connection. Its sets are made when first needed: most connections need none. */
export class BlockedSends {
  #output: Set<LeanCall> | undefined;
  #credit: Set<LeanCall> | undefined;
  #senders: Set<LeanCall> | undefined;

  /** The call waits for room in the output. */
  forOutput(call: LeanCall): void {
    (this.#output ??= new Set()).add(call);
  }

  /** The call waits for credit. */
  forCredit(call: LeanCall): void {
    (this.#credit ??= new Set()).add(call);
  }

  /** The call's sender wants to hear when there is room. */
  forRoom(call: LeanCall): void {
    (this.#senders ??= new Set()).add(call);
  }

  /** The call is over: nothing is to be said to it. */
  forget(call: LeanCall): void {
    this.#output?.delete(call);
    this.#credit?.delete(call);
    this.#senders?.delete(call);
  }

  /** The connection is over. */
  clear(): void {
    this.#output = this.#credit = this.#senders = undefined;
  }

  /** The output has room: those who waited for it go on, in turn. */
  outputDrained(): void {
    if (this.#output !== undefined && this.#output.size > 0) {
      const calls = [...this.#output];
      this.#output.clear();
      for (const call of calls) call.pump();
    }
    this.notifyWritable();
  }

  /** Senders that have room hear of it. */
  notifyWritable(): void {
    if (this.#senders === undefined || this.#senders.size === 0) return;
    for (const call of [...this.#senders]) {
      if (!call.hasRoom) continue;
      this.#senders?.delete(call);
      call.becameWritable();
    }
  }

  /**
   * Looks for complete replies that have had no credit for `limitMs`, from the first look on, because the times of
   * their own may be old. While the connection moves, which it did last at `progressMs`, they may wait
   * {@link PROGRESS_STALL_MULTIPLIER} times as long. A call whose handler still runs is the handler's own affair. Calls
   * `stalled` for each; returns when to look again.
   */
  checkCredit(
    nowMs: number,
    progressMs: number,
    limitMs: number,
    stalled: (call: LeanCall) => void,
  ): number {
    let nextMs = Infinity;
    for (const call of this.#credit === undefined ? [] : [...this.#credit]) {
      if (!call.lastIsQueued) {
        this.#credit?.delete(call);
        continue;
      }
      if (call.stalledMs === 0) call.stalledMs = nowMs;
      const endMs = Math.min(
        Math.max(call.stalledMs, progressMs) + limitMs,
        call.stalledMs + limitMs * PROGRESS_STALL_MULTIPLIER,
      );
      if (nowMs >= endMs) stalled(call);
      else nextMs = Math.min(nextMs, endMs);
    }
    return nextMs;
  }
}
