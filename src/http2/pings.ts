/**
 * PING (RFC 9113 §6.7): keepalive, round trips for users, and a server's limit on pings (gRPC A8).
 *
 * @module
 */

import type { ConnectionLifetime } from "../limits/connection_lifetime.ts";
import { PeerEvent } from "../limits/peer_budget.ts";
import { PingLimit } from "../limits/ping_limit.ts";
import { ErrorCode, TOO_MANY_PINGS } from "./constants.ts";
import type { ConnectionContext } from "./context.ts";
import { writePing } from "./frame_writer.ts";

const KEEPALIVE_PING_HIGH = 0x76727063;
const KEEPALIVE_PING_LOW = 0x6b656570;
const USER_PING_HIGH = 0x76727075;

/** Pings of one connection, sent and received. */
export class Pings {
  readonly #context: ConnectionContext;
  readonly #lifetime: ConnectionLifetime;
  #limit: PingLimit | null = null;
  #framesAtLast = 0;
  #waiting: Map<number, (nowMs: number) => void> | null = null;
  #nextId = 0;

  /** `lifetime` decides when keepalive pings are due. */
  constructor(context: ConnectionContext, lifetime: ConnectionLifetime) {
    this.#context = context;
    this.#lifetime = lifetime;
  }

  /**
   * Answers a PING. A server ends the connection when the client pings too often. As in grpc-go, a PING after DATA or
   * HEADERS sent by the server (counted by `framesSent`) is taken for a bandwidth measurement and does not count
   * against the limit.
   */
  onPing(high: number, low: number, framesSent: number, openCalls: number): void {
    const context = this.#context;
    context.charge(PeerEvent.PING);
    context.countControlFrame();
    writePing(context.out, true, high, low);
    if (context.role === "client") return;
    const limit = this.#limit ??= new PingLimit(context.options);
    if (framesSent !== this.#framesAtLast) {
      this.#framesAtLast = framesSent;
      limit.allow(context.nowMs);
    } else if (!limit.admit(context.nowMs, openCalls)) {
      context.connectionError(ErrorCode.ENHANCE_YOUR_CALM, TOO_MANY_PINGS);
    }
  }

  /**
   * Handles the acknowledgement of a keepalive ping or a user's ping, and charges the peer for any other
   * acknowledgement.
   */
  onAck(high: number, low: number): void {
    if (high === KEEPALIVE_PING_HIGH && low === KEEPALIVE_PING_LOW) {
      this.#lifetime.ponged();
      return;
    }
    const onPong = high === USER_PING_HIGH ? this.#waiting?.get(low) : undefined;
    if (onPong === undefined) return this.#context.charge(PeerEvent.UNEXPECTED_PING_ACK);
    this.#waiting!.delete(low);
    onPong(this.#context.nowMs);
  }

  /** Sends a keepalive ping. */
  sendKeepalive(): void {
    writePing(this.#context.out, false, KEEPALIVE_PING_HIGH, KEEPALIVE_PING_LOW);
  }

  /** Sends a ping for the application; calls `onPong` with the time of its acknowledgement. */
  send(onPong: (nowMs: number) => void): void {
    this.#waiting ??= new Map();
    const id = this.#nextId++ >>> 0;
    this.#waiting.set(id, onPong);
    writePing(this.#context.out, false, USER_PING_HIGH, id);
  }

  /** Drops the pending pings of users when the connection has ended. */
  clear(): void {
    this.#waiting = null;
  }
}
