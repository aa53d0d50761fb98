/**
 * Calls whose sending is blocked: by a full output, by missing credit, or by full send buffers.
 *
 * @module
 */

import { stallEndMs } from "../limits/stall.ts";

/** A call that may be blocked. */
export interface BlockedCall {
  /** The call's id. */
  readonly id: number;
  /** Whether the send buffers have room. */
  readonly hasRoom: boolean;
  /** Whether the last frame of this side's stream is queued. */
  readonly lastIsQueued: boolean;
  /** When a check first found the complete reply waiting for credit, in ms; 0 if none has. */
  stalledMs: number;
  /** Writes queued messages as frames, as far as credit and room in the output allow. */
  pump(): void;
  /** Notifies the call's sink that the send buffers have room. */
  becameWritable(): void;
}

/** Blocked calls of one connection. Its sets are created on first use: most connections need none. */
export class BlockedSends {
  #output: Set<BlockedCall> | undefined;
  #credit: Set<BlockedCall> | undefined;
  #senders: Set<BlockedCall> | undefined;

  /** Registers a call that resumes when the output has room. */
  forOutput(call: BlockedCall): void {
    (this.#output ??= new Set()).add(call);
  }

  /** Registers a call that waits for credit, for {@link checkCredit}. */
  forCredit(call: BlockedCall): void {
    (this.#credit ??= new Set()).add(call);
  }

  /** Registers a call that is notified when the send buffers have room. */
  forRoom(call: BlockedCall): void {
    (this.#senders ??= new Set()).add(call);
  }

  /** Removes a call that has ended. */
  forget(call: BlockedCall): void {
    this.#output?.delete(call);
    this.#credit?.delete(call);
    this.#senders?.delete(call);
  }

  /** Removes all calls. */
  clear(): void {
    this.#output = this.#credit = this.#senders = undefined;
  }

  /**
   * Resumes calls that wait for room in the output, first in first out, then notifies calls whose send buffers have
   * room.
   */
  outputDrained(): void {
    if (this.#output !== undefined && this.#output.size > 0) {
      const calls = [...this.#output];
      this.#output.clear();
      for (const call of calls) call.pump();
    }
    this.notifyWritable();
  }

  /** Notifies registered calls whose send buffers have room again. */
  notifyWritable(): void {
    if (this.#senders === undefined || this.#senders.size === 0) return;
    for (const call of [...this.#senders]) {
      if (!call.hasRoom) continue;
      this.#senders?.delete(call);
      call.becameWritable();
    }
  }

  /**
   * Calls `stalled` for each complete reply that has waited for credit for too long (see {@link stallEndMs}). The wait
   * counts from the first check, because the engine's time may be out of date when a reply is queued. Calls whose handler
   * still runs are not checked. Returns the time of the next check, in ms.
   */
  checkCredit(
    nowMs: number,
    progressMs: number,
    limitMs: number,
    stalled: (call: BlockedCall) => void,
  ): number {
    let nextMs = Infinity;
    for (const call of this.#credit === undefined ? [] : [...this.#credit]) {
      if (!call.lastIsQueued) {
        this.#credit?.delete(call);
        continue;
      }
      if (call.stalledMs === 0) call.stalledMs = nowMs;
      const endMs = stallEndMs(call.stalledMs, progressMs, limitMs);
      if (nowMs >= endMs) stalled(call);
      else nextMs = Math.min(nextMs, endMs);
    }
    return nextMs;
  }
}
