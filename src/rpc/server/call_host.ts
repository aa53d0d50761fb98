/**
 * State shared by all calls of a server: dispatcher, deadlines, limits and counters.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import { Status, type StatusName, statusName } from "../../call/status.ts";
import type { PeerInfo, ServerCall, ServerCallSink } from "../../call/wire.ts";
import { MemoryPool, MemoryShare } from "../../limits/memory_pool.ts";
import type { DeadlineQueue } from "../core/deadline_queue.ts";
import { serverLog } from "../core/log.ts";
import { type CallObserver, ObservedServerCall } from "../core/observer.ts";
import type { MethodInfo } from "../core/types.ts";
import type { CallConnection } from "../dispatch/call_context.ts";
import type { Dispatcher } from "../dispatch/dispatcher.ts";
import type { NestedCallHost } from "../dispatch/router.ts";
import { type CallEnvironment, ServerCallHandler } from "./call_handler.ts";

/** Options of a {@link CallHost}. */
export interface CallHostOptions {
  /** Finds methods and runs calls. */
  readonly dispatcher: Dispatcher;
  /** Clock of `deadlines`. */
  readonly clock: Clock;
  /** Holds the deadlines of all calls. */
  readonly deadlines: DeadlineQueue;
  /** Whether replies are compressed unless the handler decides otherwise. */
  readonly compress: boolean;
  /** Largest decompressed request, in bytes. */
  readonly maxReceiveMessageBytes: number;
  /** Bound of received messages that wait for handlers, shared with the wires. Default: none. */
  readonly memory?: MemoryPool;
  /** Observes every call. Default: none. */
  readonly observer?: CallObserver;
}

/** Counters of a server's calls. */
export interface CallStats {
  /** Calls that arrived. */
  started: number;
  /** Calls that ended with OK. */
  succeeded: number;
  /** Calls that ended with an error, by status name. */
  failed: Partial<Record<StatusName, number>>;
}

const IGNORE: ServerCallSink = {
  onMessage() {},
  onHalfClose() {},
  onCancel() {},
  onWritable() {},
};

/** Accepts calls from the wires and runs them. */
export class CallHost implements CallEnvironment, NestedCallHost {
  readonly dispatcher: Dispatcher;
  readonly deadlines: DeadlineQueue;
  readonly compress: boolean;
  readonly maxReceiveMessageBytes: number;
  readonly #memory: MemoryPool;
  readonly #clock: Clock;
  readonly #observer: CallObserver | undefined;
  #started = 0;
  /** Number of ended calls, by status code. */
  #ended = new Float64Array(17);

  /** Creates a host whose counters are 0. */
  constructor(options: CallHostOptions) {
    this.dispatcher = options.dispatcher;
    this.deadlines = options.deadlines;
    this.compress = options.compress;
    this.maxReceiveMessageBytes = options.maxReceiveMessageBytes;
    this.#clock = options.clock;
    this.#memory = options.memory ?? new MemoryPool(Infinity);
    this.#observer = options.observer;
  }

  /** Accepts a call: sets its sink and, for a stream of requests, starts its handler. */
  accept(call: ServerCall, connection: CallConnection): void {
    this.#started++;
    const method = this.dispatcher.find(call.path);
    if (this.#observer !== undefined) {
      const observed = this.#observer.started(call.path, method !== undefined);
      if (observed !== undefined) call = new ObservedServerCall(call, observed);
    }
    if (method === undefined) {
      const text = this.dispatcher.explainMissing?.(call.path) ?? `Unknown method ${call.path}`;
      return this.#refuse(call, text);
    }
    const { contentSubtype } = call;
    if (contentSubtype && !accepts(method, contentSubtype)) {
      return this.#refuse(
        call,
        `Method ${method.path} takes ${method.requestCodec.name} messages, not ${contentSubtype}`,
      );
    }
    const handler = new ServerCallHandler(this, call, connection, method);
    call.sink = handler;
    handler.start();
  }

  openNested(peer: PeerInfo): (call: ServerCall) => void {
    const connection: CallConnection = {
      peer,
      wire: "batch",
      clock: this.#clock,
      memory: new MemoryShare(this.#memory),
      lastCancelError: undefined,
    };
    return (call) => this.accept(call, connection);
  }

  #refuse(call: ServerCall, text: string): void {
    call.sink = IGNORE;
    call.sendStatus(Status.UNIMPLEMENTED, text);
    this.ended(Status.UNIMPLEMENTED);
    call.handlerDone();
  }

  ended(code: Status): void {
    this.#ended[code]++;
  }

  handlerFailed(method: MethodInfo, error: unknown): void {
    serverLog.error("The handler of {method} failed: {error}", { method: method.path, error });
  }

  /** Returns the counters since the host was created. */
  stats(): CallStats {
    const failed: Partial<Record<StatusName, number>> = {};
    for (let code = 1; code < this.#ended.length; code++) {
      if (this.#ended[code] > 0) failed[statusName(code) as StatusName] = this.#ended[code];
    }
    return { started: this.#started, succeeded: this.#ended[Status.OK], failed };
  }
}

/** Whether a method takes messages of this format. A method of bytes takes any: its handler decodes them. */
function accepts({ requestCodec: { name } }: MethodInfo, contentSubtype: string): boolean {
  return name === contentSubtype || name === "bytes";
}
