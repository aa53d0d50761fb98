/**
 * Listeners of a server: accepting until they are closed.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import { AcceptTurns } from "../../event_loop/accept_turns.ts";
import type { ByteStream, Listener } from "../../transport/types.ts";
import { serverLog } from "../core/log.ts";
import type { WarningLimit } from "./warning_limit.ts";

const ACCEPT_RETRY_MS = 5;
const MAX_ACCEPT_RETRY_MS = 1_000;

/** Server interface used by its {@link Listeners}. */
export interface ListenersOwner {
  readonly clock: Clock;
  /** Bounds the warnings of failed accepts. */
  readonly warnings: WarningLimit;
  /** Takes a connection that was accepted on a listening address. */
  accept(stream: ByteStream, address: string): void;
}

/** Listeners of one server. */
export class Listeners {
  readonly #owner: ListenersOwner;
  readonly #all: Listener[] = [];
  /** Functions that end the pauses after failed accepts early. */
  readonly #pauses = new Set<() => void>();
  #closing: Promise<void> | undefined = undefined;

  /** Creates a set without listeners; `add` adds one. */
  constructor(owner: ListenersOwner) {
    this.#owner = owner;
  }

  /** Addresses with their actual ports, in the order in which they were added. */
  get addresses(): readonly string[] {
    return this.#all.map((listener) => listener.address);
  }

  /** Accepts connections of a listener from now on. */
  add(listener: Listener): void {
    this.#all.push(listener);
    serverLog.info("Listening on {address}", { address: listener.address });
    this.#acceptLoop(listener);
  }

  /** Stops accepting at once; resolves when the addresses are free. A repeated call waits for the first. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    const freed = this.#all.map((listener) => listener.close());
    for (const end of [...this.#pauses]) end();
    await Promise.all(freed);
  }

  async #acceptLoop(listener: Listener): Promise<void> {
    const turns = new AcceptTurns();
    let retryMs = ACCEPT_RETRY_MS;
    while (!this.#closing) {
      try {
        const stream = await listener.accept();
        if (stream === null) return;
        retryMs = ACCEPT_RETRY_MS;
        this.#owner.accept(stream, listener.address);
        await turns.next();
      } catch (error) {
        if (this.#closing) return;
        serverLog[this.#owner.warnings.level()](
          "Cannot accept on {address}, retrying in {retryMs} ms: {error}",
          { address: listener.address, retryMs, error },
        );
        // Usually out of file descriptors: an immediate retry would spin.
        await this.#pause(retryMs);
        retryMs = Math.min(retryMs * 2, MAX_ACCEPT_RETRY_MS);
      }
    }
  }

  /** Resolves after `ms`, or earlier by `close`. */
  #pause(ms: number): Promise<void> {
    const { clock } = this.#owner;
    return new Promise((resolve) => {
      const end = () => {
        clock.clearTimer(timer);
        this.#pauses.delete(end);
        resolve();
      };
      const timer = clock.setTimer(end, ms);
      this.#pauses.add(end);
    });
  }
}
