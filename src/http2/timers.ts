/**
 * The deadlines of one connection, in one table; the driver asks for the earliest.
 *
 * @module
 */

/** What each deadline is for. */
export const Timer = {
  /** The peer's preface and first SETTINGS. */
  PREFACE: 0,
  /** The acknowledgement of our SETTINGS. */
  SETTINGS_ACK: 1,
  /** When to look whether a keepalive ping is due. */
  KEEPALIVE: 2,
  /** The answer to a keepalive ping. */
  KEEPALIVE_ACK: 3,
  /** When to look for streams whose queued bytes do not move. */
  STALL: 4,
  /** A connection without calls. */
  IDLE: 5,
  /** An old connection. */
  AGE: 6,
  /** The grace of an old or draining connection. */
  AGE_GRACE: 7,
  /** The answer to the ping of a drain. */
  DRAIN_PING: 8,
} as const;

/** A table of deadlines in ms; Infinity means unset. */
export class Timers {
  #at = new Float64Array(9).fill(Infinity);

  /** Sets or, with Infinity, clears one. */
  set(timer: number, atMs: number): void {
    this.#at[timer] = atMs;
  }

  /** When it is due. */
  get(timer: number): number {
    return this.#at[timer];
  }

  /** Clears all. */
  clear(): void {
    this.#at.fill(Infinity);
  }

  /** The earliest. */
  next(): number {
    let least = Infinity;
    for (let i = 0; i < 9; i++) if (this.#at[i] < least) least = this.#at[i];
    return least;
  }

  /** Whether it is due; when so, it is cleared. */
  fire(timer: number, nowMs: number): boolean {
    if (this.#at[timer] > nowMs) return false;
    this.#at[timer] = Infinity;
    return true;
  }
}
