/**
 * Sends the request of one call. When a call has a single message, its head waits for that message, so that it can state
 * the length of the body.
 *
 * @module
 */

import type { HttpExchange, HttpOpener, HttpRequest, HttpSink } from "./exchange.ts";

/** The exchange of a call, before and after its request is sent. */
export class RequestOpener {
  readonly #opener: HttpOpener;
  readonly #call: HttpSink;
  #exchange: HttpExchange | null = null;
  #released = false;

  /** Takes a slot of the connection. */
  constructor(opener: HttpOpener, call: HttpSink) {
    this.#opener = opener;
    this.#call = call;
    opener.reserve(call);
  }

  /** The exchange, once the head of the request was sent. */
  get exchange(): HttpExchange | null {
    return this.#exchange;
  }

  /** Sends the head of the request. Throws, with the slot freed, for a request that cannot be sent. */
  open(request: HttpRequest): HttpExchange {
    try {
      return this.#exchange = this.#opener.open(request, this.#call);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Cancels the exchange, or frees the slot if there is none. Idempotent. */
  close(): void {
    if (this.#exchange !== null) return this.#exchange.cancel();
    if (this.#released) return;
    this.#released = true;
    this.#opener.release(this.#call);
  }
}
