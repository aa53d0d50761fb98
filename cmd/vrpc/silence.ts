/**
 * Limit of the time that a call waits for its server.
 *
 * @module
 */

import { RpcError, Status } from "../../mod.ts";

/**
 * Ends a call whose server is silent. The time counts while the client waits for the server: until it takes a message, and
 * after the last one until the first reply. It does not count while the client waits for its own input.
 */
export class Silence {
  readonly #controller = new AbortController();
  readonly #limitMs: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #heard = false;

  /** Allows `limitMs` of silence; Infinity for no limit. */
  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** Fires when the limit is exceeded, with DEADLINE_EXCEEDED as its reason. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The client waits for the server from now on. */
  begin(): void {
    if (this.#heard || this.#limitMs === Infinity) return;
    this.#timer ??= setTimeout(() => this.#exceeded(), this.#limitMs);
  }

  /** The client does not wait for the server any more. */
  pause(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** The server has replied: what follows may take any time. */
  end(): void {
    this.#heard = true;
    this.pause();
  }

  #exceeded(): void {
    this.#controller.abort(
      new RpcError(
        Status.DEADLINE_EXCEEDED,
        `The server did not answer within ${this.#limitMs} ms; --timeout-ms sets another limit, 0 none`,
      ),
    );
  }
}
