/**
 * Drain of the connections that are open at one time, on a server that goes on listening.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import type { Status } from "../../call/status.ts";
import type { CancelStatus } from "../../call/wire.ts";

/** Connection as its drain uses it. */
export interface Drained {
  /** Number of the connection, larger for later ones. */
  readonly number: number;
  /** Lets open calls finish, then closes the connection. */
  drain(): void;
  /** Ends open calls and the connection. */
  abort(reason: string, status?: CancelStatus): void;
}

/** Options of `Server.shutdown` and `Server.drain`. */
export interface DrainOptions {
  /** Time for open calls to finish, in ms. 0 or more, default 5,000. */
  graceMs?: number;
  /**
   * Status of the calls that are cancelled after it: UNAVAILABLE, which clients may retry, or CANCELLED. The lean wire
   * and HTTP/1.1 have UNAVAILABLE alone. Default UNAVAILABLE.
   */
  status?: typeof Status.UNAVAILABLE | typeof Status.CANCELLED;
}

// Time for the last frames to be sent after calls were cancelled.
const FLUSH_MS = 1_000;

/** Drain of a set of connections. */
export class Drain<C extends Drained> {
  readonly #connections: Map<number, C>;
  readonly #clock: Clock;
  #wake: (() => void) | undefined = undefined;

  /** Makes a drain, which starts at `run`. */
  constructor(connections: Iterable<C>, clock: Clock) {
    this.#connections = new Map(Array.from(connections, (one) => [one.number, one]));
    this.#clock = clock;
  }

  /** Removes a connection that has closed. */
  closed(connection: C): void {
    if (this.#connections.delete(connection.number) && this.#connections.size === 0) this.#wake?.();
  }

  /** Drains the connections; those with calls after `graceMs` are aborted. Resolves when all are closed. */
  async run(graceMs: number, status: CancelStatus | undefined): Promise<void> {
    for (const connection of [...this.#connections.values()]) connection.drain();
    await this.#allClosed(graceMs);
    for (const connection of [...this.#connections.values()]) {
      connection.abort("The server drains its connections", status);
    }
    await this.#allClosed(FLUSH_MS);
  }

  async #allClosed(timeoutMs: number): Promise<void> {
    if (this.#connections.size === 0) return;
    let timer: unknown;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (timeoutMs !== Infinity) timer = this.#clock.setTimer(resolve, timeoutMs);
    });
    this.#wake = undefined;
    if (timer !== undefined) this.#clock.clearTimer(timer);
  }
}
