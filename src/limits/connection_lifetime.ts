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
  /** Time without received bytes after which a ping is sent. */
  readonly keepaliveTimeMs: number;
  /** Time that a keepalive ping may go unanswered. */
  readonly keepaliveTimeoutMs: number;
  /** Server: time without calls after which a connection is drained. */
  readonly maxConnectionIdleMs: number;
  /** Server: age at which a connection is drained. */
  readonly maxConnectionAgeMs: number;
  /** Server: time that open calls may continue after the age limit. */
  readonly maxConnectionAgeGraceMs: number;
}

/** Action that keepalive requires: send a ping now, or end the connection because the peer is lost. */
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
  /** Time at which the unanswered ping was sent; Infinity when there is none. */
  #pingMs = Infinity;
  #keepaliveMs = Infinity;
  /** Time at which an idle connection is drained: the end of the last call plus the limit; Infinity during calls. */
  #idleMs = Infinity;
  /** Whether the last call ended at a time that is not known yet: `setNow` then starts the idle time. */
  #idleStartPending = false;
  /** Time at which the age limit drains the connection; after that, the time at which the grace period ends. */
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

  /** Time by which `checkKeepalive` and `checkEnd` must be called. */
  get nextMs(): number {
    return Math.min(this.#keepaliveMs, this.#idleMs, this.#ageMs, this.#lingerMs);
  }

  /** Records that bytes were received, which proves that the peer is alive. */
  received(nowMs: number): void {
    this.#receivedMs = nowMs;
  }

  // ---- keepalive ---------------------------------------------------------------------------------------

  /** Starts keepalive. Called once the peer is known to answer pings. */
  startKeepalive(nowMs: number): void {
    this.#keepaliveMs = nowMs + this.#keepaliveTimeMs;
  }

  /** Doubles the keepalive time after the server has sent GOAWAY with too_many_pings (gRPC A8). */
  slowKeepalive(): void {
    this.#keepaliveTimeMs *= 2;
  }

  /** Records that the keepalive ping was answered. */
  ponged(): void {
    this.#pingMs = Infinity;
  }

  /**
   * Checks how long nothing was received. `quiet`: there is nothing to keep alive, so no ping is sent. After "ping" the
   * owner must send a ping. The answer may be queued behind other data, so any received bytes extend the wait for it.
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
    // The next check is due at the earlier of the next ping (if this one is answered) and the timeout (if it is not).
    this.#keepaliveMs = nowMs + Math.min(keepaliveTimeMs, keepaliveTimeoutMs);
    return "ping";
  }

  // ---- idleness and age --------------------------------------------------------------------------------

  /** Records that a call was opened. */
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
