/**
 * Time limits of a connection's progress: first frame or hello, incomplete frames, output that the socket does not
 * accept. One deadline is kept for all of them; it may be early but never late, because checking again costs less than
 * keeping it exact with every frame.
 *
 * @module
 */

import type { LeanOptions } from "./options.ts";

/** Detects a peer that has stopped sending or reading midway. */
export class LivenessTimers {
  /** Time of the event being handled, as passed in by the driver, in ms. */
  nowMs: number;
  /** When {@link check} must be called next. */
  nextMs = Infinity;
  /** Deadline of the first frame or hello; Infinity once it has arrived. */
  helloMs: number;
  readonly #options: Readonly<LeanOptions>;
  #midFrameMs = Infinity;
  // Number of the incomplete frame, as counted by FrameReader.cutOff.
  #midFrame = 0;
  #outputMs = Infinity;
  #drains = 0;
  #seenDrains = -1;

  /** Starts the hello timer at `nowMs`. */
  constructor(options: Readonly<LeanOptions>, nowMs: number) {
    this.#options = options;
    this.nowMs = nowMs;
    this.helloMs = nowMs + options.prefaceTimeoutMs;
    this.nextMs = this.helloMs;
  }

  /** Makes {@link check} due at `atMs` at the latest. */
  schedule(atMs: number): void {
    if (atMs < this.nextMs) this.nextMs = atMs;
  }

  /** Records received bytes. `midFrame`: they end inside a frame; `frame`: the number of that frame. */
  received(midFrame: boolean, frame: number): void {
    const { nowMs } = this;
    if (!midFrame) this.#midFrameMs = Infinity;
    else if (this.#midFrameMs === Infinity || frame !== this.#midFrame) {
      // Restarts the timer when another frame is incomplete: on a busy connection nearly every read ends inside a
      // frame.
      this.#midFrame = frame;
      this.#midFrameMs = nowMs;
      this.schedule(nowMs + this.#options.stallTimeoutMs);
    }
  }

  /** Starts the output timer if it is not running. Called when the driver has not taken all output. */
  watchOutput(): void {
    if (this.#outputMs !== Infinity) return;
    this.#outputMs = this.nowMs;
    this.schedule(this.nowMs + this.#options.stallTimeoutMs);
  }

  /** Stops the output timer: the socket accepted output. */
  drained(): void {
    this.#drains++;
    this.#outputMs = Infinity;
  }

  /** Checks all timers at `nowMs` and updates `nextMs`; returns the reason if the connection must end. */
  check(hasOutput: boolean, midFrame: boolean): string | undefined {
    this.nextMs = Infinity;
    const { nowMs } = this;
    const { stallTimeoutMs, prefaceTimeoutMs } = this.#options;
    if (nowMs >= this.helloMs) return `No first frame within ${prefaceTimeoutMs} ms`;
    this.schedule(this.helloMs);
    if (midFrame && nowMs - this.#midFrameMs >= stallTimeoutMs) {
      return `A frame was not complete within ${stallTimeoutMs} ms`;
    }
    if (midFrame) this.schedule(this.#midFrameMs + stallTimeoutMs);
    if (hasOutput) {
      // The clock may have been out of date when output was written, so a stall is measured between two checks during
      // which the socket accepted no output.
      if (this.#seenDrains !== this.#drains || this.#outputMs === Infinity) {
        this.#seenDrains = this.#drains;
        this.#outputMs = nowMs;
      } else if (nowMs - this.#outputMs >= stallTimeoutMs) {
        return `The peer accepted no output for ${stallTimeoutMs} ms`;
      }
      this.schedule(this.#outputMs + stallTimeoutMs);
    }
    return undefined;
  }
}
