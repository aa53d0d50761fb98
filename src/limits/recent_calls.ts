/**
 * Which calls of a client are so recent that cancelling them costs it credits: a cancel of a call that this server has
 * not answered in time is no abuse. Identifiers grow, so three of them replace a time per call.
 *
 * @module
 */

/** Age from which a cancel of a call without an answer is free, in ms. */
export const PROMPT_CANCEL_MS = 10;

/** The youngest calls of one connection. */
export class RecentCalls {
  /** Calls above it were opened by the read that is being handled. */
  #readId = 0;
  #readMs = -Infinity;
  /** Calls up to it were opened by `#markMs`. */
  #markId = 0;
  #markMs = -Infinity;
  /** Calls up to it are at least {@link PROMPT_CANCEL_MS} old. */
  #oldId = 0;

  /** A read begins; `lastId` is the largest identifier of the reads before. */
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
   * Whether a cancel of the call costs the client a credit: when it came together with the call, so soon that there is
   * no answer yet, or when the client takes nothing of the answer.
   */
  isCharged(id: number, answered: boolean, taken: boolean): boolean {
    return id > this.#readId || (answered ? !taken : id > this.#oldId);
  }
}
