/**
 * Decides which cancellations are charged: a client may cancel a call that this server has not answered in time.
 * Identifiers grow, so three of them replace a time per call.
 *
 * @module
 */

import { type PeerCharge, PeerEvent } from "./peer_budget.ts";

/** Age from which a cancel of a call without an answer is free, in ms. */
export const PROMPT_CANCEL_MS = 10;

/** Age limits of one connection's calls, as identifiers. */
export class RecentCalls {
  /** Calls above it were opened by the read that is being handled. */
  #readId = 0;
  #readMs = -Infinity;
  /** Calls up to it were opened by `#markMs`. */
  #markId = 0;
  #markMs = -Infinity;
  /** Calls up to it are at least {@link PROMPT_CANCEL_MS} old. */
  #oldId = 0;

  /** Called before each read; `lastId` is the largest identifier of the earlier reads. */
  onRead(nowMs: number, lastId: number): void {
    if (nowMs - this.#readMs >= PROMPT_CANCEL_MS) {
      this.#oldId = this.#markId = lastId;
      this.#markMs = nowMs;
    } else if (nowMs - this.#markMs >= PROMPT_CANCEL_MS) {
      this.#oldId = this.#markId;
      this.#markId = lastId;
      this.#markMs = nowMs;
    }
    this.#readId = lastId;
    this.#readMs = nowMs;
  }

  /**
   * The charge for cancelling the call, if it came in the same read as the call, within 10 ms without an answer, or
   * without any of the answer being read; else undefined.
   */
  charge(id: number, answered: boolean, taken: boolean): PeerCharge | undefined {
    if (id > this.#readId) return PeerEvent.CANCEL;
    if (answered) return taken ? undefined : PeerEvent.CANCEL_OF_ANSWERED;
    return id > this.#oldId ? PeerEvent.CANCEL : undefined;
  }
}
