/**
 * What a connection of a pool reads from its engine, and the start of calls.
 *
 * @module
 */

import type { CallRequest, ClientCall, ClientCallSink, ClientConnection } from "../../call/wire.ts";
import { isInstance, RpcError } from "../../errors.ts";
import { CONNECTION_FAILED } from "../core/connection_driver.ts";

/**
 * Properties of an engine. None of them throws: an exception is passed to `onFailure`, which closes the connection, and
 * the value is then that of a connection which takes no calls.
 */
export class EngineFacts {
  readonly #engine: ClientConnection;
  readonly #onFailure: (error: unknown) => void;

  /** `onFailure` must close the connection, and not throw. */
  constructor(engine: ClientConnection, onFailure: (error: unknown) => void) {
    this.#engine = engine;
    this.#onFailure = onFailure;
  }

  /** Whether the server's preface or hello arrived. */
  get ready(): boolean {
    try {
      return this.#engine.ready;
    } catch (error) {
      return this.#failed(error, false);
    }
  }

  /** Whether new calls may be started. */
  get usable(): boolean {
    try {
      return this.#engine.usable;
    } catch (error) {
      return this.#failed(error, false);
    }
  }

  /** Whether another call can start. */
  get free(): boolean {
    const engine = this.#engine;
    try {
      return engine.usable && engine.activeCalls < engine.maxCalls;
    } catch (error) {
      return this.#failed(error, false);
    }
  }

  /** Calls in flight. */
  get activeCalls(): number {
    try {
      return this.#engine.activeCalls;
    } catch (error) {
      return this.#failed(error, 0);
    }
  }

  /** Concurrent calls that the server allows. */
  get maxCalls(): number {
    try {
      return this.#engine.maxCalls;
    } catch (error) {
      return this.#failed(error, 0);
    }
  }

  /** Bytes queued inside the engine. */
  get bufferedBytes(): number {
    try {
      return this.#engine.bufferedBytes;
    } catch (error) {
      return this.#failed(error, 0);
    }
  }

  /** Whether a connection of HTTP/1.1 carried a response, or ended because a call was given up. */
  get endedByCall(): boolean {
    try {
      return this.#engine.endedByCall ?? false;
    } catch (error) {
      return this.#failed(error, false);
    }
  }

  /** Whether the server closed the connection for too many pings. */
  get tooManyPings(): boolean {
    try {
      return this.#engine.tooManyPings;
    } catch (error) {
      return this.#failed(error, false);
    }
  }

  /** Name of the code of the server's GOAWAY; undefined if it sent none. */
  get goaway(): string | undefined {
    try {
      return this.#engine.goaway;
    } catch (error) {
      return this.#failed(error, undefined);
    }
  }

  /** Reason why the connection ended. */
  get endReason(): string {
    try {
      return this.#engine.endReason;
    } catch (error) {
      return this.#failed(error, CONNECTION_FAILED);
    }
  }

  /**
   * Starts a call. Throws RangeError if the connection is not `free`, TypeError or RpcError for a call that it cannot
   * carry. Any other exception of the engine, and one after it has begun the call, closes the connection first.
   */
  startCall(request: CallRequest, sink: ClientCallSink): ClientCall {
    const engine = this.#engine;
    let calls = -1;
    let bytes = -1;
    try {
      calls = engine.activeCalls;
      bytes = engine.out.length;
      return engine.startCall(request, sink);
    } catch (error) {
      if (!isRefusal(error) || this.#hasChanged(calls, bytes)) this.#onFailure(error);
      throw error;
    }
  }

  /** Whether the engine has begun a call since it had so many calls and bytes of output. */
  #hasChanged(calls: number, bytes: number): boolean {
    try {
      return this.#engine.activeCalls !== calls || this.#engine.out.length !== bytes;
    } catch {
      return true;
    }
  }

  #failed<T>(error: unknown, value: T): T {
    this.#onFailure(error);
    return value;
  }
}

/** Whether the engine has refused a call that cannot be sent, rather than failed. */
function isRefusal(error: unknown): boolean {
  return isInstance(error, RpcError) || isInstance(error, TypeError) ||
    isInstance(error, RangeError);
}
