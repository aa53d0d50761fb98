/**
 * PING (RFC 9113 section 6.7): keepalive, round trips that users ask for, and a server's judgement of
 * clients that ping too often (gRPC A8).
 *
 * @module
 */

import type { ByteWriter } from "../bytes/writer.ts";
import { writePing } from "./frame_writer.ts";
import type { Http2Options } from "./options.ts";
import { Timer, type Timers } from "./timers.ts";

const KEEPALIVE_PING = [0x76727063, 0x6b656570] as const;
const USER_PING_HIGH = 0x76727075;
// A server forgives this many early pings, as gRPC A8 and grpc-go do.
const PING_STRIKES = 2;
// Without calls a client should ping every two hours at most (gRPC A8).
const IDLE_PING_INTERVAL_MS = 7_200_000;

/** The pings of one connection. */
export class Pings {
  #keepaliveMs: number;
  #strikes = 0;
  #lastMs = -Infinity;
  #framesAtLast = 0;
  #waiting: Map<number, (nowMs: number) => void> | null = null;
  #nextId = 0;

  /** `out` is the connection's output. */
  constructor(
    readonly out: ByteWriter,
    readonly timers: Timers,
    readonly options: Http2Options,
    nowMs: number,
  ) {
    this.#keepaliveMs = options.keepaliveTimeMs;
    timers.set(Timer.KEEPALIVE, nowMs + this.#keepaliveMs);
  }

  /**
   * Server: whether a ping at `nowMs` comes too fast. As in grpc-go, a ping is fine when something was
   * sent since the last one: it is then likely a measurement of bandwidth.
   */
  isTooFast(nowMs: number, framesSent: number, openCalls: number): boolean {
    const idle = openCalls === 0 && !this.options.permitPingWithoutCalls;
    const leastMs = idle ? IDLE_PING_INTERVAL_MS : this.options.minPingIntervalMs;
    if (framesSent !== this.#framesAtLast) this.#strikes = 0;
    else if (nowMs - this.#lastMs < leastMs) this.#strikes++;
    this.#framesAtLast = framesSent;
    this.#lastMs = nowMs;
    return this.#strikes > PING_STRIKES;
  }

  /** Client: the server said too_many_pings. */
  slowDown(): void {
    this.#keepaliveMs *= 2;
  }

  /** An answer; false when it answers no ping of this kind. */
  onAck(high: number, low: number, nowMs: number): boolean {
    if (high === KEEPALIVE_PING[0] && low === KEEPALIVE_PING[1]) {
      this.timers.set(Timer.KEEPALIVE_ACK, Infinity);
      return true;
    }
    const onPong = high === USER_PING_HIGH ? this.#waiting?.get(low) : undefined;
    if (onPong === undefined) return false;
    this.#waiting!.delete(low);
    onPong(nowMs);
    return true;
  }

  /** The keepalive timer fired; `quiet` when there is nothing worth keeping alive. */
  onKeepaliveTimer(nowMs: number, lastReceivedMs: number, quiet: boolean): void {
    const dueMs = lastReceivedMs + this.#keepaliveMs;
    if (nowMs >= dueMs && !quiet) {
      writePing(this.out, false, KEEPALIVE_PING[0], KEEPALIVE_PING[1]);
      if (this.timers.get(Timer.KEEPALIVE_ACK) === Infinity) {
        this.timers.set(Timer.KEEPALIVE_ACK, nowMs + this.options.keepaliveTimeoutMs);
      }
    }
    this.timers.set(Timer.KEEPALIVE, dueMs > nowMs ? dueMs : nowMs + this.#keepaliveMs);
  }

  /** Sends a ping for a user. */
  send(onPong: (nowMs: number) => void): void {
    this.#waiting ??= new Map();
    const id = this.#nextId++ >>> 0;
    this.#waiting.set(id, onPong);
    writePing(this.out, false, USER_PING_HIGH, id);
  }

  /** Forgets users' pings. */
  clear(): void {
    this.#waiting = null;
  }
}
