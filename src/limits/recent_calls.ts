/**
 * Decides which cancellations are charged: a client may cancel a call that this server has not answered in time.
 * Identifiers grow, so three of them replace a time per call.
 *
 * @module
 */

import { type PeerCharge, PeerEvent } from "./peer_budget.ts";

/** Age from which a cancel of a call without an answer is free, in ms. */
export const PROMPT_CANCEL_MS = 10;

/** Ages of one connection's calls, as ranges of identifiers. */
export class RecentCalls {
  /** Calls above this identifier were opened in the read that is being handled. */
  #readId = 0;
  #readMs = -Infinity;
  /** Calls up to this identifier were opened no later than `#markMs`. */
  #markId = 0;
  #markMs = -Infinity;
  /** Calls up to this identifier are at least {@link PROMPT_CANCEL_MS} old. */
  #oldId = 0;

  /**
   * Ages the calls opened so far; called before the bytes of each socket read are processed. `lastId` is the largest call
   * identifier opened by earlier reads.
   */
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
   * Returns the charge for a cancellation that came in the same read as the call, or within 10 ms before any answer, or
   * before the client read any of the answer; otherwise undefined.
   */
  charge(id: number, answered: boolean, taken: boolean): PeerCharge | undefined {
    if (id > this.#readId) return PeerEvent.CANCEL;
    if (answered) return taken ? undefined : PeerEvent.CANCEL_OF_ANSWERED;
    return id > this.#oldId ? PeerEvent.CANCEL : undefined;
  }
}
