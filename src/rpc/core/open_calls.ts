/**
 * The calls of a connection that have not ended. They are known apart from the engine, so that they end even if the
 * engine fails before it reaches them.
 *
 * @module
 */

import { Metadata } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import type { ClientCallSink } from "../../call/wire.ts";

/** A call among {@link OpenCalls}. */
export interface OpenCall {
  /** Position in the list, set by the list; -1 initially and while the call is in none. */
  openSlot: number;
}

/** A call on a client's connection. */
export interface OpenClientCall extends OpenCall, ClientCallSink {}

const noTrailers = () => new Metadata();

/** Calls in any order. Adding and removing allocate nothing per call. */
export class OpenCalls<T extends OpenCall> {
  // An array: a Set would keep references to ended calls (see IdMap).
  readonly #calls: T[] = [];

  /** Number of calls. */
  get size(): number {
    return this.#calls.length;
  }

  /** Adds a call, which must be in no list. */
  add(call: T): void {
    call.openSlot = this.#calls.length;
    this.#calls.push(call);
  }

  /** Removes a call that has ended. No effect if it is in no list. */
  remove(call: T): void {
    const { openSlot } = call;
    if (openSlot < 0) return;
    const last = this.#calls.pop()!;
    if (last !== call) {
      this.#calls[openSlot] = last;
      last.openSlot = openSlot;
    }
    call.openSlot = -1;
  }

  /** Removes all calls and runs `end` for each; what it throws is passed to `onFailure`, which must not throw. */
  endAll(end: (call: T) => void, onFailure: (error: unknown) => void): void {
    const calls = this.#calls.splice(0);
    for (const call of calls) call.openSlot = -1;
    for (const call of calls) {
      try {
        end(call);
      } catch (error) {
        onFailure(error);
      }
    }
  }
}

/** Ends a call on a client's connection with UNAVAILABLE, because the connection is lost. */
export function endLostCall(call: OpenClientCall, message: string): void {
  call.onStatus(Status.UNAVAILABLE, message, noTrailers, "processed");
}
