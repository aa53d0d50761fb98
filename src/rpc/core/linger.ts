/**
 * Time between the last output of a connection and the close of its socket.
 *
 * Closing a socket with unread input discards output that the peer has not received. So our side is ended first, and
 * the peer gets time to read the rest: while it does, it returns flow-control credit now and then.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import type { ConnectionEngine } from "../../call/wire.ts";

/** Time without input after which the socket is closed, after an error, in ms. */
export const LINGER_MS = 500;
// Input that still extends the time: credit and acknowledgements.
const MAX_EXTENDING_BYTES = 1_048_576;
// Windows are no larger by default, so no peer has more than this under way when the connection ends.
const MAX_INPUT_BYTES = 4_194_304;

/** Times of a {@link Linger}, in ms. */
export interface LingerTimes {
  /** Longest time without input after a graceful shutdown; 500 after an error. */
  readonly quietMs: number;
  /** Longest time in all. */
  readonly maxMs: number;
}

/** Closes a connection once its peer has had time to read the last output. */
export class Linger {
  readonly #engine: Pick<ConnectionEngine, "closedGracefully">;
  readonly #clock: Clock;
  readonly #close: (reason: string) => void;
  readonly #quietMs: number;
  readonly #endMs: number;
  #timer: unknown = null;
  #inputBytes = 0;

  /** Starts the time; calls `close` at its end. */
  constructor(
    engine: Pick<ConnectionEngine, "closedGracefully">,
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

  /** Discards `count` bytes of input, and extends the time if they show that the peer still reads. */
  onInput(count: number): void {
    this.#inputBytes += count;
    if (this.#inputBytes > MAX_INPUT_BYTES) return this.#close("The peer did not stop sending");
    if (
      this.#engine.closedGracefully && this.#inputBytes <= MAX_EXTENDING_BYTES &&
      this.#clock.now() + this.#quietMs <= this.#endMs
    ) this.#restart();
  }

  /** Cancels the close. */
  stop(): void {
    this.#clock.clearTimer(this.#timer);
  }

  #restart(): void {
    if (this.#timer !== null) this.#clock.clearTimer(this.#timer);
    this.#timer = this.#clock.setTimer(
      () => this.#close("The connection was closed"),
      this.#quietMs,
    );
  }
}
