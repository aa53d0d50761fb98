/**
 * When a connection pings, and when a timer ends it: keepalive on both sides; idleness, age, the grace of open calls
 * and the linger of a drained connection on servers.
 *
 * The owner reports what happens, asks {@link ConnectionLifetime.nextMs} when to check the time, and calls {@link
 * ConnectionLifetime.checkKeepalive} and {@link ConnectionLifetime.checkEnd} then. A check may come early, never late:
 * a deadline that moves with every frame is only updated when it is checked.
 *
 * @module
 */

/** The options that a {@link ConnectionLifetime} follows. Times are ms, Infinity for never. */
export interface LifetimeLimits {
  /** Silence after which a ping is sent. */
  readonly keepaliveTimeMs: number;
  /** How long that ping may go unanswered. */
  readonly keepaliveTimeoutMs: number;
  /** Server: how long a connection lives without calls. */
  readonly maxConnectionIdleMs: number;
  /** Server: how long a connection lives before it is drained. */
  readonly maxConnectionAgeMs: number;
  /** Server: how long open calls may continue after that. */
  readonly maxConnectionAgeGraceMs: number;
}

/** Action that keepalive requires: a ping now, or the end of a connection whose peer is lost. */
export type KeepaliveAction = "ping" | "lost" | undefined;

/**
 * Action that idleness, age or linger requires: a drain, an abort (the grace is over), or a close (the linger is over).
 */
export type EndAction = "drain" | "abort" | "close" | undefined;

/** Timers of one connection: keepalive, idleness, age, grace and linger. */
export class ConnectionLifetime {
  readonly #limits: LifetimeLimits;
  #keepaliveTimeMs: number;
  #receivedMs: number;
  /** When the unanswered ping was sent. */
  #pingMs = Infinity;
  #keepaliveMs = Infinity;
  /** End of the time without calls: the end of the last call plus the limit; Infinity during calls. */
  #idleMs = Infinity;
  /** Whether the last call ended at a time that is not known yet: `setNow` then starts the idle time. */
  #idleStartPending = false;
  /** When to drain (age limit); once drained, when to abort (end of the grace period). */
  #ageMs = Infinity;
  #aged = false;
  #lingerMs = Infinity;

  /** Starts at `nowMs`, without keepalive. */
  constructor(limits: LifetimeLimits, role: "client" | "server", nowMs: number) {
    this.#limits = limits;
    this.#keepaliveTimeMs = limits.keepaliveTimeMs;
    this.#receivedMs = nowMs;
    if (role === "client") return;
    this.#idleMs = nowMs + limits.maxConnectionIdleMs;
    this.#ageMs = nowMs + limits.maxConnectionAgeMs;
  }

  /** When to check at the latest. */
  get nextMs(): number {
    return Math.min(this.#keepaliveMs, this.#idleMs, this.#ageMs, this.#lingerMs);
  }

  /** Bytes were received, which proves that the peer is alive. */
  received(nowMs: number): void {
    this.#receivedMs = nowMs;
  }

  // ---- keepalive ---------------------------------------------------------------------------------------

  /** Starts keepalive: the peer is known to answer pings. */
  startKeepalive(nowMs: number): void {
    this.#keepaliveMs = nowMs + this.#keepaliveTimeMs;
  }

  /** Halves the rate of pings from the next one on: the server has answered too_many_pings (gRPC A8). */
  slowKeepalive(): void {
    this.#keepaliveTimeMs *= 2;
  }

  /** The ping was answered. */
  ponged(): void {
    this.#pingMs = Infinity;
  }

  /**
   * Checks for silence. `quiet`: there is nothing to keep alive, so no ping is sent. After "ping" the owner must send
   * one. Its answer may be queued behind other data, so any received bytes extend the wait for it.
   */
  checkKeepalive(nowMs: number, quiet: boolean): KeepaliveAction {
    if (nowMs < this.#keepaliveMs) return undefined;
    const { keepaliveTimeoutMs } = this.#limits;
    const keepaliveTimeMs = this.#keepaliveTimeMs;
    if (this.#pingMs !== Infinity) {
      const lostMs = Math.max(this.#pingMs, this.#receivedMs) + keepaliveTimeoutMs;
      if (nowMs >= lostMs) return "lost";
      this.#keepaliveMs = lostMs;
      return undefined;
    }
    const dueMs = this.#receivedMs + keepaliveTimeMs;
    if (nowMs < dueMs) {
      this.#keepaliveMs = dueMs;
      return undefined;
    }
    if (quiet) {
      this.#keepaliveMs = nowMs + keepaliveTimeMs;
      return undefined;
    }
    this.#pingMs = nowMs;
    // The earlier of the next ping, if this one is answered, and the end, if it is not.
    this.#keepaliveMs = nowMs + Math.min(keepaliveTimeMs, keepaliveTimeoutMs);
    return "ping";
  }

  // ---- idleness and age --------------------------------------------------------------------------------

  /** A call was opened. */
  callOpened(): void {
    this.#idleStartPending = false;
    this.#idleMs = Infinity;
  }

  /**
   * Starts the idle time after the last call. `lastKnownMs` may be long ago, so the time counts from the next `setNow`.
   * True when {@link nextMs} has changed, so that the driver must be notified.
   */
  callsEnded(lastKnownMs: number): boolean {
    if (this.#limits.maxConnectionIdleMs === Infinity) return false;
    this.#idleStartPending = true;
    this.#idleMs = lastKnownMs + this.#limits.maxConnectionIdleMs;
    return true;
  }

  /** Reports the current time, from which a pending idle time counts. */
  setNow(nowMs: number): void {
    if (!this.#idleStartPending) return;
    this.#idleStartPending = false;
    this.#idleMs = nowMs + this.#limits.maxConnectionIdleMs;
  }

  /** Starts the linger of a drained connection: it is closed after `lingerMs`, unless the peer closes it first. */
  linger(nowMs: number, lingerMs: number): void {
    if (this.#lingerMs === Infinity) this.#lingerMs = nowMs + lingerMs;
  }

  /** Checks idleness, age, grace and linger. "drain" may come again while a drain is in progress. */
  checkEnd(nowMs: number): EndAction {
    if (nowMs >= this.#lingerMs) return "close";
    this.setNow(nowMs);
    if (nowMs >= this.#ageMs) {
      if (this.#aged) return "abort";
      this.#aged = true;
      this.#ageMs = nowMs + this.#limits.maxConnectionAgeGraceMs;
      return "drain";
    }
    if (nowMs < this.#idleMs) return undefined;
    this.#idleMs = Infinity;
    return "drain";
  }
}
