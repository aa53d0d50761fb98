/**
 * The timers of a connection that both sides have: first frame or hello, half-received frames, output that
 * nobody takes, keepalive. One deadline is kept that may be early, never late: looking again costs less
 * than keeping it exact with every frame.
 *
 * @module
 */

import type { LeanOptions } from "./options.ts";

/** Watches over a connection's standing still. */
export class LivenessTimers {
  /** When `check` must be called next. */
  nextMs = Infinity;
  /** When the last bytes came. */
  receivedMs: number;
  /** Until when the first frame, or the hello, must have come; Infinity once it has. */
  helloMs: number;
  /** Set when a keepalive ping must be sent; the owner clears it. */
  pingDue = false;
  /** Whether silence is watched; the owner turns it on once the peer knows pings. */
  keepalive = false;
  readonly #options: Readonly<LeanOptions>;
  #midFrameMs = Infinity;
  // Which frame that is, as the reader counts them.
  #midFrame = 0;
  #outputMs = Infinity;
  #drains = 0;
  #seenDrains = -1;
  #pingMs = Infinity;

  /** The hello timer starts at `nowMs`. */
  constructor(options: Readonly<LeanOptions>, nowMs: number) {
    this.#options = options;
    this.receivedMs = nowMs;
    this.helloMs = nowMs + options.prefaceTimeoutMs;
    this.nextMs = this.helloMs;
  }

  /** `check` is to be called at `atMs` at the latest. */
  schedule(atMs: number): void {
    if (atMs < this.nextMs) this.nextMs = atMs;
  }

  /** Bytes came; `midFrame` tells whether they end inside a frame, `frame` which of those that were cut off it is. */
  received(nowMs: number, midFrame: boolean, frame: number): void {
    this.receivedMs = nowMs;
    if (!midFrame) this.#midFrameMs = Infinity;
    else if (this.#midFrameMs === Infinity || frame !== this.#midFrame) {
      // On a busy connection nearly every read ends inside a frame, each time another one.
      this.#midFrame = frame;
      this.#midFrameMs = nowMs;
      this.schedule(nowMs + this.#options.stallTimeoutMs);
    }
  }

  /** There is output that the driver has not taken. */
  watchOutput(nowMs: number): void {
    if (this.#outputMs !== Infinity) return;
    this.#outputMs = nowMs;
    this.schedule(nowMs + this.#options.stallTimeoutMs);
  }

  /** The driver has got rid of some output. */
  drained(): void {
    this.#drains++;
    this.#outputMs = Infinity;
  }

  /** A ping came back. */
  ponged(): void {
    this.#pingMs = Infinity;
  }

  /** Starts to watch for silence. */
  startKeepalive(nowMs: number): void {
    if (this.#options.keepaliveTimeMs === Infinity) return;
    this.keepalive = true;
    this.schedule(nowMs + this.#options.keepaliveTimeMs);
  }

  /** Looks at the time; returns what is wrong when the connection must end. Clears `nextMs` first. */
  check(nowMs: number, hasOutput: boolean, midFrame: boolean): string | undefined {
    this.nextMs = Infinity;
    const { stallTimeoutMs, prefaceTimeoutMs } = this.#options;
    if (nowMs >= this.helloMs) return `No first frame within ${prefaceTimeoutMs} ms`;
    this.schedule(this.helloMs);
    if (midFrame && nowMs - this.#midFrameMs >= stallTimeoutMs) {
      return `A frame was not complete within ${stallTimeoutMs} ms`;
    }
    if (midFrame) this.schedule(this.#midFrameMs + stallTimeoutMs);
    if (hasOutput) {
      // The time of the write may be old, so standing still is what two looks have seen, with no drain between.
      if (this.#seenDrains !== this.#drains || this.#outputMs === Infinity) {
        this.#seenDrains = this.#drains;
        this.#outputMs = nowMs;
      } else if (nowMs - this.#outputMs >= stallTimeoutMs) {
        return `The peer took no output for ${stallTimeoutMs} ms`;
      }
      this.schedule(this.#outputMs + stallTimeoutMs);
    }
    return this.keepalive ? this.#checkKeepalive(nowMs) : undefined;
  }

  #checkKeepalive(nowMs: number): string | undefined {
    const { keepaliveTimeMs, keepaliveTimeoutMs } = this.#options;
    if (this.#pingMs !== Infinity) {
      // Anything that comes proves that the peer is alive.
      if (this.receivedMs > this.#pingMs) this.#pingMs = Infinity;
      else if (nowMs - this.#pingMs >= keepaliveTimeoutMs) {
        return `No answer to a ping within ${keepaliveTimeoutMs} ms`;
      } else {
        this.schedule(this.#pingMs + keepaliveTimeoutMs);
        return undefined;
      }
    }
    if (nowMs - this.receivedMs >= keepaliveTimeMs) this.pingDue = true;
    else this.schedule(this.receivedMs + keepaliveTimeMs);
    return undefined;
  }

  /** A keepalive ping has been sent. */
  pinged(nowMs: number): void {
    this.#pingMs = nowMs;
    this.schedule(nowMs + this.#options.keepaliveTimeoutMs);
  }
}
