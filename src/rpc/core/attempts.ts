/**
 * Reports the attempts of a client's call to the interceptors that ask for it. A call without listeners pays for a check.
 *
 * @module
 */

import type { Status } from "../../call/status.ts";
import type { InterceptedCall } from "./types.ts";

/** Why an attempt is made: the first, by a retry policy, by a hedging policy, or since no server processed the one before. */
export type AttemptKind = "first" | "retry" | "hedge" | "transparent_retry";

/** Receives the attempts of one call. Its functions must not throw. */
export interface AttemptListener {
  /** An attempt begins; its connection is not chosen yet. */
  began(kind: AttemptKind): void;
  /** Sends the attempt that began last on a connection to `address` by calling `send`, once and at once. */
  picked(address: string, send: () => void): void;
  /** An attempt has ended by itself: it was neither cancelled nor dropped for another one. */
  ended(code: Status): void;
}

// A symbol property is kept in an interceptor's copy `{ ...call }`.
const LISTENER = Symbol("vrpc.attempts");

type Listened = { [LISTENER]?: AttemptListener };

/** Has the attempts of `call` reported to `listener`, after those before it. Call it before `next(call)`. */
export function listenToAttempts(call: InterceptedCall, listener: AttemptListener): void {
  const listened = call as Listened;
  const former = listened[LISTENER];
  listened[LISTENER] = former === undefined ? listener : new Both(former, listener);
}

/** Returns the listener of a call or of its options; undefined for none. */
export function attemptListenerOf(owner: object | undefined): AttemptListener | undefined {
  return owner === undefined ? undefined : (owner as Listened)[LISTENER];
}

/** Returns `options` with the listener of `call`, if it has one. */
export function withAttemptListener<T extends object>(options: T, call: object): T {
  const listener = attemptListenerOf(call);
  return listener === undefined ? options : { ...options, [LISTENER]: listener };
}

class Both implements AttemptListener {
  readonly #outer: AttemptListener;
  readonly #inner: AttemptListener;

  constructor(outer: AttemptListener, inner: AttemptListener) {
    this.#outer = outer;
    this.#inner = inner;
  }

  began(kind: AttemptKind): void {
    this.#outer.began(kind);
    this.#inner.began(kind);
  }

  picked(address: string, send: () => void): void {
    this.#outer.picked(address, () => this.#inner.picked(address, send));
  }

  ended(code: Status): void {
    this.#outer.ended(code);
    this.#inner.ended(code);
  }
}
