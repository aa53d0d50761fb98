/**
 * State shared by all calls of a server: dispatcher, deadlines, limits and counters.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import { type Encoding, ENCODINGS } from "../../call/encodings.ts";
import { METHOD_KINDS } from "../../call/method.ts";
import { Status, type StatusName, statusName } from "../../call/status.ts";
import type { PeerInfo, ServerCall, ServerCallSink } from "../../call/wire.ts";
import type { RpcError } from "../../errors.ts";
import { MemoryPool, MemoryShare } from "../../limits/memory_pool.ts";
import type { DeadlineQueue } from "../core/deadline_queue.ts";
import { serverLog } from "../core/log.ts";
import { type FailureFacts, FailureLog } from "../core/failure_log.ts";
import { type CallObserver, Observation, ObservedServerCall } from "../core/observer.ts";
import { ignoreRejection } from "../core/promises.ts";
import type { MethodInfo } from "../core/types.ts";
import { OpenCalls } from "../core/open_calls.ts";
import { type CallConnection, CallState } from "../dispatch/call_context.ts";
import { assignCallId } from "../dispatch/call_id.ts";
import type { Dispatcher } from "../dispatch/dispatcher.ts";
import { HandlerSlots } from "../dispatch/handler_slots.ts";
import type { NestedCallHost } from "../dispatch/router.ts";
import type { CallEnvironment } from "./call_environment.ts";
import { ServerCallHandler } from "./call_handler.ts";

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
  /** Compressions of replies, by preference. Default all. */
  readonly encodings?: readonly Encoding[];
  /** Largest decompressed request, in bytes. */
  readonly maxReceiveMessageBytes: number;
  /** Bound of received messages that wait for handlers, shared with the wires. Default: none. */
  readonly memory?: MemoryPool;
  /** Observes every call. Default: none. */
  readonly observer?: CallObserver;
  /** Whether failures go to `console.error` while LogTape is not configured. Default true. */
  readonly printFailures?: boolean;
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

const NONE = Symbol("no failure");

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
  readonly #encodings: readonly Encoding[];
  readonly #memory: MemoryPool;
  readonly #clock: Clock;
  /** Observes the calls of connections without an observer of their own. */
  readonly observer: CallObserver | undefined;
  /** Receives failures of the application and of connections. */
  readonly failures: FailureLog;
  #started = 0;
  /** Number of ended calls, by status code. */
  #ended = new Float64Array(17);

  /** Creates a host whose counters are 0. */
  constructor(options: CallHostOptions) {
    this.dispatcher = options.dispatcher;
    this.deadlines = options.deadlines;
    this.compress = options.compress;
    this.maxReceiveMessageBytes = options.maxReceiveMessageBytes;
    this.#encodings = options.encodings ?? ENCODINGS;
    this.#clock = options.clock;
    this.#memory = options.memory ?? new MemoryPool(Infinity);
    this.observer = options.observer;
    this.failures = new FailureLog(serverLog, options.printFailures ?? true);
  }

  /** Accepts a call: sets its sink and, for a stream of requests, starts its handler. Never throws. */
  accept(call: ServerCall, connection: CallConnection): void {
    this.#started++;
    let method: MethodInfo | undefined;
    let failure: unknown = NONE;
    try {
      method = this.dispatcher.find(call.path);
    } catch (error) {
      failure = error;
    }
    let observation: Observation | undefined;
    const observer = connection.observer ?? this.observer;
    if (observer !== undefined) {
      const known = method !== undefined;
      observation = Observation.start(observer, call.path, known, this.failures);
      if (observation !== undefined) call = new ObservedServerCall(call, observation);
    }
    try {
      if (failure !== NONE) throw failure;
      if (method === undefined) {
        call.checkMethod?.(undefined, true);
        this.#refuse(call, this.#missing(call.path));
      } else this.#start(call, connection, method, observation);
    } catch (error) {
      this.failures.error("The dispatcher failed for {method}: {error}", {
        method: call.path,
        error,
      });
      this.#refuse(call, "The handler failed", Status.UNKNOWN);
    }
  }

  #missing(path: string): string {
    const text = this.dispatcher.explainMissing?.(path);
    if (typeof text === "string") return text;
    ignoreRejection(text);
    return `Unknown method ${path}`;
  }

  #start(
    call: ServerCall,
    connection: CallConnection,
    method: MethodInfo,
    observation: Observation | undefined,
  ): void {
    checkMethod(method);
    const { contentSubtype } = call;
    const target = contentSubtype ? inFormat(method, contentSubtype) : method;
    if (call.checkMethod !== undefined && !call.checkMethod(method, target !== undefined)) {
      this.ended(Status.UNIMPLEMENTED);
      return call.handlerDone();
    }
    if (target === undefined) {
      const { name } = method.requestCodec;
      const text = `Method ${method.path} takes ${name} messages, not ${contentSubtype}`;
      return this.#refuse(call, text);
    }
    const state = new CallState(call, connection, target, this.compress);
    const handler = new ServerCallHandler(this, state);
    call.sink = handler;
    observation?.handled(state.context);
    handler.start();
  }

  openNested(peer: PeerInfo, maxHandlers: number): (call: ServerCall) => void {
    const connection: CallConnection = {
      peer,
      wire: "batch",
      clock: this.#clock,
      memory: new MemoryShare(this.#memory),
      handlers: new HandlerSlots(maxHandlers),
      encodings: this.#encodings,
      lastCancelError: undefined,
      calls: new OpenCalls(),
      fail: (error) => this.failures.error("A batch stream failed: {error}", { error }),
    };
    return (call) => this.accept(call, connection);
  }

  #refuse(call: ServerCall, text: string, code: Status = Status.UNIMPLEMENTED): void {
    call.sink = IGNORE;
    call.sendStatus(code, text);
    this.ended(code);
    call.handlerDone();
  }

  ended(code: Status): void {
    this.#ended[code]++;
  }

  handlerFailed(state: CallState, error: unknown): void {
    this.#report("The handler of {method} failed (call {call}): {error}", state, { error });
  }

  listenerFailed(state: CallState, error: unknown): void {
    const template = "A listener for the end of {method} failed (call {call}): {error}";
    this.#report(template, state, { error, hook: "listener" });
  }

  errorRepaired(state: CallState, error: RpcError, fault: string): void {
    this.failures.warn(
      "The RpcError of {method} cannot be sent as it is, {fault} (call {call}): {error}",
      { method: state.method.path, call: callIdFor(state), error, fault },
    );
  }

  #report(template: string, state: CallState, facts: FailureFacts): void {
    const method = state.method.path;
    this.failures.error(template, { method, call: callIdFor(state), ...facts });
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

/** Throws TypeError if a dispatcher returned something other than a method. */
function checkMethod(method: MethodInfo): void {
  if (typeof method === "object" && method !== null && METHOD_KINDS.includes(method.kind)) return;
  ignoreRejection(method);
  throw new TypeError("dispatcher.find must return a method or undefined");
}

/**
 * Returns the method with messages of a format; undefined if it has none. A method of bytes takes any: its handler
 * decodes them.
 */
function inFormat(method: MethodInfo, contentSubtype: string): MethodInfo | undefined {
  const { name } = method.requestCodec;
  if (name === contentSubtype || name === "bytes") return method;
  return contentSubtype === "json" ? method.json : undefined;
}

/** Returns the id of a call for the log; empty if the handler has made its values unreadable. */
function callIdFor({ context }: CallState): string {
  try {
    return assignCallId(context);
  } catch {
    return "";
  }
}
