/**
 * Delays reads from a peer that sends a request in many tiny parts. A read of one byte costs the server as much as one
 * of 16 KiB: 500 connections that send 10 bytes a second each, one by one, would delay the calls of others by 50 ms,
 * and by 150 ms at their beginning if each had 16 reads at once.
 *
 * @module
 */

// Size below which a read is tiny, in bytes.
const TINY_BYTES = 64;
// Tiny reads in a row without a delay.
const FREE_READS = 4;
// The delay doubles with each further one.
const MIN_DELAY_MS = 100;
const MAX_DELAY_MS = 1_000;

/** Tiny reads of one connection. */
export class TinyReads {
  #inRow = 0;
  #delayedUntilMs = Infinity;

  /** Time at which the connection may be read again; Infinity when reads are not delayed. */
  get delayedUntilMs(): number {
    return this.#delayedUntilMs;
  }

  /** Whether reads are delayed. */
  get delays(): boolean {
    return this.#delayedUntilMs !== Infinity;
  }

  /** Counts a read of `bytes` bytes that left a request incomplete. */
  count(bytes: number, nowMs: number): void {
    if (bytes >= TINY_BYTES) {
      this.#inRow = 0;
      return;
    }
    const delays = ++this.#inRow - FREE_READS;
    if (delays <= 0) return;
    this.#delayedUntilMs = nowMs + Math.min(MIN_DELAY_MS * 2 ** (delays - 1), MAX_DELAY_MS);
  }

  /** Starts anew, because a request is complete. */
  reset(): void {
    this.#inRow = 0;
  }

  /** Ends the delay: the connection has ended. */
  stop(): void {
    this.#delayedUntilMs = Infinity;
  }

  /** Ends a delay that is over at `nowMs`. */
  onTimer(nowMs: number): void {
    if (nowMs >= this.#delayedUntilMs) this.#delayedUntilMs = Infinity;
  }
}
