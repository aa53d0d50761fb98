/**
 * Budget for the useless work that a peer may cause: one table of the events that are charged or credited on either
 * wire, and the two token buckets of a connection that they draw on.
 *
 * `overhead` bounds frames that carry nothing for a call, `resets` bounds calls that end without a result. Useful
 * frames put credits back, so that the normal traffic of a busy peer never closes its connection.
 *
 * @module
 */

import { TokenBucket } from "./token_bucket.ts";

/**
 * Longest read throttle after a refused or broken call, in ms. Throttling comes before closing, because a closed
 * attacker reconnects with full buckets.
 */
export const MAX_SLOWDOWN_MS = 5_000;

/** Names of the two buckets. */
export type BucketName = "overhead" | "resets";

/** An event that takes credits. */
export interface PeerCharge {
  /** The bucket that is charged. */
  readonly bucket: BucketName;
  /** Credits taken. */
  readonly cost: number;
  /** Whether a server throttles the client while the bucket is less than half full. */
  readonly throttles: boolean;
  /** Plural noun phrase for the close reason: "Too many …". */
  readonly what: string;
}

/** An event that puts credits back. */
export interface PeerCredit {
  /** The bucket that is credited. */
  readonly bucket: BucketName;
  /** Credits put back each time. */
  readonly credits: number;
}

function overhead(what: string): PeerCharge {
  return { bucket: "overhead", cost: 1, throttles: false, what };
}

function reset(what: string, cost: number, throttles: boolean): PeerCharge {
  return { bucket: "resets", cost, throttles, what };
}

function credit(bucket: BucketName, credits: number): PeerCredit {
  return { bucket, credits };
}

/** All events, with their costs and reasons. */
export const PeerEvent = {
  // ---- both wires ----
  /** A ping, which is answered. */
  PING: overhead("pings"),
  /** GOAWAY; on the lean wire, GOODBYE. */
  GOAWAY: overhead("GOAWAY frames"),
  /** A frame of a stream or call that has ended, beyond what may have been in flight. */
  LATE_FRAME: overhead("frames of ended calls"),
  /** The client resets a stream (lean: cancels a call) before the server had time to answer it. */
  CANCEL: reset("cancelled calls", 1, false),
  /** The client resets a stream (lean: cancels a call) whose reply has begun, without reading any of it. */
  CANCEL_OF_ANSWERED: reset("calls cancelled without reading the reply", 1, true),
  /** A call that is refused, or ended by an error of the peer that concerns only this call. */
  FAULT: reset("refused or broken calls", 1, true),

  /** A frame of unknown type, which is ignored (RFC 9113 §4.1); on the lean wire, a control frame of unknown kind. */
  UNKNOWN_FRAME: overhead("frames of unknown type"),

  // ---- HTTP/2 ----
  /** PRIORITY (RFC 9113 §6.3), which is ignored. */
  PRIORITY: overhead("PRIORITY frames"),
  /** An empty SETTINGS frame or one entry of SETTINGS: each may have to be applied to every stream. */
  SETTING: overhead("SETTINGS entries"),
  /** An acknowledgement of SETTINGS that were not sent. */
  UNEXPECTED_SETTINGS_ACK: overhead("unexpected acknowledgements of SETTINGS"),
  /** A PING acknowledgement for no PING of this side. */
  UNEXPECTED_PING_ACK: overhead("unexpected acknowledgements of PING"),
  /** RST_STREAM for a stream that is closed. A server's reset of an open stream is free: it is possible only once. */
  RESET_OF_CLOSED: overhead("RST_STREAM frames of closed streams"),
  /** WINDOW_UPDATE. */
  WINDOW_UPDATE: overhead("WINDOW_UPDATE frames"),
  /** DATA shorter than gRPC's smallest message (5 bytes) that does not end its stream. */
  SMALL_DATA: overhead("DATA frames of less than 5 bytes"),
  /** An interim (1xx) response. */
  INTERIM_RESPONSE: overhead("interim responses"),
  /**
   * A call that fails because of a broken or unreadable message. Costs 2, because the call's normal end may credit 1.
   */
  BROKEN_MESSAGE: reset("calls with broken messages", 2, true),

  // ---- lean ----
  /** PONG, expected or not. */
  PONG: overhead("pongs"),
  /** CREDIT of less than 1,024 bytes. */
  SMALL_CREDIT: overhead("small credits"),
  /** An empty message, which takes no credit, for a call whose reader is paused. */
  UNREAD_EMPTY_MESSAGE: overhead("empty messages to a paused reader"),
  /** A piece of a message that is shorter than the minimum length of pieces. */
  SMALL_PIECE: overhead("small pieces of messages"),
  /** Lean, version 1: a frame with flags that have no meaning on it. */
  UNEXPECTED_FLAGS: overhead("frames with unexpected flags"),
  /** Lean, version 1: a message in a session that is answered with an error. */
  DROPPED_SESSION_MESSAGE: overhead("dropped session messages"),

  // ---- WebSocket ----
  /** A data frame below 16 bytes, in which no frame of lean fits. */
  SMALL_WEBSOCKET_FRAME: overhead("WebSocket frames of less than 16 bytes"),

  // ---- credits ----
  /** HTTP/2: DATA of 5 bytes or more, or with END_STREAM, arrived. */
  USEFUL_DATA: credit("overhead", 2),
  /** HTTP/2: a request arrived. */
  REQUEST: credit("overhead", 4),
  /** HTTP/2: DATA was sent. The peer may answer it with WINDOW_UPDATE for stream and connection, and with PING. */
  DATA_SENT: credit("overhead", 4),
  /** HTTP/2: this side reset a stream, of which frames may be in flight. */
  LOCAL_RESET: credit("overhead", 4),
  /** HTTP/2: a stream ended normally. */
  ORDERLY_END: credit("resets", 1),
  /** Lean: a call was opened. Credits the frames of the call that may be in flight when it ends. */
  CALL_OPENED: credit("overhead", 100),
} satisfies Record<string, PeerCharge | PeerCredit>;

/**
 * Multiple of `maxConcurrentStreams` up to which calls are accepted while handlers of ended calls still run. Only open
 * calls count against `maxConcurrentStreams` itself (RFC 9113 §5.1.2); calls that do not have a handler yet wait until
 * one ends.
 */
export const MAX_UNFINISHED_FACTOR = 4;

/** Result of a charge: nothing, a read throttle until `readThrottledUntilMs`, or the connection's end. */
export type Verdict = "ok" | "throttle" | "close";

/** The buckets' sizes and rates, in credits and credits per second. */
export interface BudgetLimits {
  /** Size of the `overhead` bucket, in credits. */
  readonly overheadBurst: number;
  /** Credits per second that the `overhead` bucket gains. */
  readonly overheadPerSecond: number;
  /** Size of the `resets` bucket, in credits. */
  readonly resetBurst: number;
  /** Credits per second that the `resets` bucket gains. */
  readonly resetsPerSecond: number;
}

/** Budget of one connection's peer. Buckets are created with their first charge: most connections need none. */
export class PeerBudget {
  /** Time until which reads are throttled, in the clock of `nowMs`; 0 when they are not. Always 0 on a client. */
  readThrottledUntilMs = 0;
  readonly #limits: BudgetLimits;
  readonly #throttles: boolean;
  #overhead: TokenBucket | undefined = undefined;
  #resets: TokenBucket | undefined = undefined;

  /** Starts with full buckets. `role` is the role of this side: only servers throttle. */
  constructor(limits: BudgetLimits, role: "client" | "server") {
    this.#limits = limits;
    this.#throttles = role === "server";
  }

  /** Charges an event. After "close" the connection must end with {@link PeerBudget.reason}. */
  charge(event: PeerCharge, nowMs: number): Verdict {
    const bucket = event.bucket === "overhead"
      ? this.#overhead ??= this.#fullOverhead(nowMs)
      : this.#resets ??= this.#fullResets(nowMs);
    const enough = bucket.take(event.cost, nowMs);
    if (!event.throttles || !this.#throttles) return enough ? "ok" : "close";
    const waitMs = Math.min(bucket.msUntilHalfFull, MAX_SLOWDOWN_MS);
    this.readThrottledUntilMs = nowMs + waitMs;
    if (!enough) return "close";
    return waitMs > 0 ? "throttle" : "ok";
  }

  /** Puts the credits of `count` events back, up to the bucket's size. */
  credit(event: PeerCredit, count = 1): void {
    const bucket = event.bucket === "overhead" ? this.#overhead : this.#resets;
    // A bucket that was never charged is full.
    if (bucket !== undefined) bucket.give(event.credits * count);
  }

  /** Says why an event closed the connection: "Too many pings: the budget is 10000". */
  reason(event: PeerCharge): string {
    const { overheadBurst, resetBurst } = this.#limits;
    const burst = event.bucket === "overhead" ? overheadBurst : resetBurst;
    return `Too many ${event.what}: the budget is ${burst}`;
  }

  #fullOverhead(nowMs: number): TokenBucket {
    return new TokenBucket(this.#limits.overheadBurst, this.#limits.overheadPerSecond, nowMs);
  }

  #fullResets(nowMs: number): TokenBucket {
    return new TokenBucket(this.#limits.resetBurst, this.#limits.resetsPerSecond, nowMs);
  }
}
