/**
 * Time between the last output of a connection and the close of its socket.
 *
 * Closing a socket with unread input discards output that the peer has not received. So the sending side is closed
 * first, and the peer gets time to read the rest, during which it returns flow-control credit, or sends the rest of an
 * HTTP/1.1 request (RFC 9112 §9.6).
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import type { ConnectionEngine } from "../../call/wire.ts";

/** Time without input after which the socket is closed, after an error, in ms. */
export const LINGER_MS = 500;
/**
 * Time without input after which a server closes the socket after a graceful shutdown, in ms. Clients return credit about
 * every 100 KiB: a link that takes longer than 5 s for that is slower than 200 kbit/s.
 */
export const GRACEFUL_LINGER_MS = 5_000;
// Total input, in bytes, beyond which more input no longer restarts the timer: credit and acknowledgements need less.
const MAX_EXTENDING_BYTES = 1_048_576;
// Total input, in bytes, above which the socket is closed. Default windows are no larger, so no peer has more in flight
// when the connection ends.
const MAX_INPUT_BYTES = 4_194_304;

// Lateness of the timer, in ms, that shows a blocked thread: what arrived meanwhile was not read yet, and gets as much time.
const BLOCKED_MS = 100;

/** Time limits of a {@link Linger}, in ms. */
export interface LingerTimes {
  /** Longest time without input after a graceful shutdown; after an error it is always 500 ms. */
  readonly quietMs: number;
  /** Longest time in all. */
  readonly maxMs: number;
}

/** Properties of an engine that has finished. */
export type FinishedEngine = Pick<ConnectionEngine, "closedGracefully" | "maxDiscardedBytes">;

/** Closes a connection once its peer has had time to read the last output. */
export class Linger {
  readonly #engine: FinishedEngine;
  readonly #clock: Clock;
  readonly #close: (reason: string) => void;
  readonly #quietMs: number;
  readonly #endMs: number;
  #timer: unknown = null;
  #inputBytes = 0;

  /** Starts the timer; `close` is called when it fires. */
  constructor(
    engine: FinishedEngine,
    clock: Clock,
    times: LingerTimes,
    close: (reason: string) => void,
  ) {
    this.#engine = engine;
    this.#clock = clock;
    this.#close = close;
    this.#quietMs = engine.closedGracefully ? times.quietMs : LINGER_MS;
    this.#endMs = clock.now() + times.maxMs;
    this.#restart();
  }

  /**
   * Counts `count` discarded bytes. After a graceful shutdown they restart the timer, because the peer still reads.
   */
  onInput(count: number): void {
    const { closedGracefully, maxDiscardedBytes } = this.#engine;
    this.#inputBytes += count;
    if (this.#inputBytes > (maxDiscardedBytes ?? MAX_INPUT_BYTES)) {
      return this.#close("The peer did not stop sending");
    }
    if (
      closedGracefully && this.#inputBytes <= (maxDiscardedBytes ?? MAX_EXTENDING_BYTES) &&
      this.#clock.now() + this.#quietMs <= this.#endMs
    ) this.#restart();
  }

  /** Cancels the timer that closes the connection. */
  stop(): void {
    this.#clock.clearTimer(this.#timer);
  }

  #restart(): void {
    if (this.#timer !== null) this.#clock.clearTimer(this.#timer);
    const dueMs = this.#clock.now() + this.#quietMs;
    const close = () => this.#close("The connection was closed");
    this.#timer = this.#clock.setTimer(() => {
      if (this.#clock.now() < dueMs + BLOCKED_MS) return close();
      this.#timer = this.#clock.setTimer(close, BLOCKED_MS);
    }, this.#quietMs);
  }
}
