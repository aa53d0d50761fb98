/**
 * What all calls of a server share: the dispatcher, the deadlines, the limits and the figures.
 *
 * @module
 */

import { Status, type StatusName, statusName } from "../../call/status.ts";
import type { Clock } from "../../call/clock.ts";
import type { PeerInfo, ServerCall, ServerCallSink } from "../../call/wire.ts";
import type { CallConnection } from "../dispatch/call_context.ts";
import type { DeadlineQueue } from "../core/deadline_queue.ts";
import type { Dispatcher } from "../dispatch/dispatcher.ts";
import { serverLog } from "../core/log.ts";
import { type CallObserver, ObservedServerCall } from "../core/observer.ts";
import type { NestedCallHost } from "../dispatch/router.ts";
import { ServerCallHandler } from "./call_handler.ts";
import type { MethodInfo } from "../core/types.ts";

/** What a {@link CallHost} is made from. */
export interface CallHostOptions {
  /** Finds methods and runs calls. */
  readonly dispatcher: Dispatcher;
  /** Clock of `deadlines`. */
  readonly clock: Clock;
  /** Where deadlines wait. */
  readonly deadlines: DeadlineQueue;
  /** Whether replies are compressed unless the handler says otherwise. */
  readonly compress: boolean;
  /** The largest message that is inflated to, in bytes. */
  readonly maxReceiveMessageBytes: number;
  /** Who watches calls, if anyone does. */
  readonly observer?: CallObserver;
}

/** Figures of a server's calls. */
export interface CallStats {
  /** Calls that arrived. */
  started: number;
  /** Calls that ended with OK. */
  succeeded: number;
  /** Calls that ended otherwise, by code. */
  failed: Partial<Record<StatusName, number>>;
}

const NOTHING: ServerCallSink = {
  onMessage() {},
  onHalfClose() {},
  onCancel() {},
  onWritable() {},
};

/** Takes calls from wires and has them run. */
export class CallHost implements NestedCallHost {
  readonly dispatcher: Dispatcher;
  readonly deadlines: DeadlineQueue;
  readonly compress: boolean;
  readonly maxReceiveMessageBytes: number;
  readonly #observer: CallObserver | undefined;
  readonly #clock: Clock;
  #started = 0;
  /** Ended calls by status code. */
  #ended = new Float64Array(17);

  /** Makes a host that has seen no calls. */
  constructor(options: CallHostOptions) {
    this.dispatcher = options.dispatcher;
    this.deadlines = options.deadlines;
    this.#clock = options.clock;
    this.compress = options.compress;
    this.maxReceiveMessageBytes = options.maxReceiveMessageBytes;
    this.#observer = options.observer;
  }

  /** A call arrived: sets its sink and, where nothing has to be waited for, starts its handler. */
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
    if (contentSubtype && !takes(method, contentSubtype)) {
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
      lastCancelError: undefined,
    };
    return (call) => this.accept(call, connection);
  }

  #refuse(call: ServerCall, text: string): void {
    call.sink = NOTHING;
    call.sendStatus(Status.UNIMPLEMENTED, text);
    this.ended(Status.UNIMPLEMENTED);
    call.handlerDone();
  }

  /** A call ended. */
  ended(code: Status): void {
    this.#ended[code]++;
  }

  /** A handler threw what is no RpcError. */
  handlerFailed(method: MethodInfo, error: unknown): void {
    serverLog.error("The handler of {method} failed: {error}", { method: method.path, error });
  }

  /** The figures so far. */
  stats(): CallStats {
    const failed: Partial<Record<StatusName, number>> = {};
    for (let code = 1; code < this.#ended.length; code++) {
      if (this.#ended[code] > 0) failed[statusName(code) as StatusName] = this.#ended[code];
    }
    return { started: this.#started, succeeded: this.#ended[Status.OK], failed };
  }
}

/** Whether a method can read messages of this format; one that takes bytes leaves it to its handler. */
function takes({ requestCodec: { name } }: MethodInfo, contentSubtype: string): boolean {
  return name === contentSubtype || name === "bytes";
}
