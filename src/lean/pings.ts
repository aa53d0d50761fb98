/**
 * Pings of a client and their answers.
 *
 * @module
 */

interface OpenPing {
  readonly payload: number;
  readonly onPong: (nowMs: number) => void;
}

/** Pings in flight. Payloads count up from 1. */
export class ClientPings {
  #count = 0;
  readonly #open: OpenPing[] = [];

  /** Returns the payload of the next ping. */
  next(): number {
    return ++this.#count;
  }

  /** Calls `onPong` when the ping with this payload is answered. */
  expect(payload: number, onPong: (nowMs: number) => void): void {
    this.#open.push({ payload, onPong });
  }

  /** Reports the answer to a ping; without a payload, to the oldest one. Unknown payloads are ignored. */
  ponged(payload: number | undefined, nowMs: number): void {
    const index = payload === undefined ? 0 : this.#open.findIndex((p) => p.payload === payload);
    if (index < 0 || index >= this.#open.length) return;
    this.#open.splice(index, 1)[0].onPong(nowMs);
  }

  /** Forgets all pings. */
  clear(): void {
    this.#open.length = 0;
  }
}
