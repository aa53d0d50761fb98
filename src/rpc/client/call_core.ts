/**
 * State shared by all calls of a channel, and steps that calls of each kind have in common.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import { Metadata, type MetadataInit } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import type { CallRequest, ClientCall, ClientCallSink } from "../../call/wire.ts";
import { compressWhenSmaller } from "../../codec/compression.ts";
import { deadlineExceeded, RpcError } from "../../errors.ts";
import type { MemoryPool } from "../../limits/memory_pool.ts";
import { currentContext } from "../core/current_context.ts";
import type { DeadlineQueue } from "../core/deadline_queue.ts";
import { decodeStatusDetails, DETAILS_KEY } from "../core/error_details.ts";
import type { Pool } from "../pool/pool.ts";
import type { ProcessRef } from "../pool/process_ref.ts";
import type { MethodConfig } from "./service_config.ts";
import type { CallOptions, MethodInfo } from "../core/types.ts";

/** A method with its settings: prepared once, shared by all its calls. */
export interface ClientMethod extends MethodInfo {
  /** Settings from the service config. */
  readonly config: MethodConfig | undefined;
  /** Largest message accepted, in bytes. */
  readonly maxReceiveBytes: number;
  /** Largest message sent, in bytes. */
  readonly maxSendBytes: number;
  /** `waitForReady` of calls without that option. */
  readonly waitForReady: boolean;
  /** Longest duration of a call, in ms; Infinity for no limit. */
  readonly timeoutMs: number;
  /** Whether a retry or hedging policy applies. */
  readonly hasPolicy: boolean;
}

/** Starts calls that pick connections and retry by themselves. */
export interface CallStarter {
  /** Starts a call. `sink` receives its events, never before this returns. */
  start(request: OutgoingRequest, sink: ClientCallSink): ClientCall;
}

/** A call as given to a {@link CallStarter}, which makes a CallRequest of it for each attempt. */
export interface OutgoingRequest {
  readonly method: ClientMethod;
  readonly metadata: Metadata | undefined;
  /** Deadline in the clock's ms; Infinity for none. */
  readonly deadlineMs: number;
  readonly encoding: string | undefined;
  readonly waitForReady: boolean;
  readonly singleResponse: boolean;
  readonly requestStreams: boolean;
}

/** State shared by all calls of a channel. */
export interface CallCore {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly deadlines: DeadlineQueue;
  readonly random: () => number;
  /** Keeps the process alive between attempts. */
  readonly processRef: ProcessRef;
  /** Whether requests are compressed by default. */
  readonly compress: boolean;
  /** Replies of streaming calls that wait for their readers. */
  readonly memory: MemoryPool;
  /** Replaces the connection's `:authority`. */
  readonly authority: string | undefined;
  /** Starts streaming calls, and calls of methods with a policy. */
  readonly starter: CallStarter;
  /** Carries small unary calls if batching is on. */
  readonly batcher: UnaryBatcher | undefined;
}

/** Carries unary calls in batches. */
export interface UnaryBatcher {
  /** Whether a call with this payload can be batched. */
  accepts(payload: Uint8Array): boolean;
  /** Starts a call. `sink` receives its events, never before this returns. */
  start(request: OutgoingRequest, payload: Uint8Array, sink: ClientCallSink): ClientCall;
}

/** Makes the request of one attempt, whose deadline has not passed. */
export function callRequest(
  outgoing: OutgoingRequest,
  core: CallCore,
  metadata: Metadata | undefined = outgoing.metadata,
): CallRequest {
  const { method, deadlineMs } = outgoing;
  return {
    path: method.path,
    metadata,
    timeoutMs: deadlineMs === Infinity ? undefined : deadlineMs - core.clock.now(),
    encoding: outgoing.encoding,
    singleResponse: outgoing.singleResponse,
    maxReceiveMessageBytes: method.maxReceiveBytes,
    authority: core.authority,
    requestStreams: outgoing.requestStreams,
  };
}

/**
 * Returns the deadline of a call in the clock's ms: the earliest of method, options and parent; Infinity for none.
 * Throws RangeError for a negative `timeoutMs`.
 */
export function deadlineOf(
  core: CallCore,
  method: ClientMethod,
  options: CallOptions | undefined,
): number {
  let timeoutMs = method.timeoutMs;
  const own = options?.timeoutMs;
  if (own !== undefined) {
    if (!(own >= 0)) throw new RangeError(`Cannot use timeoutMs ${own}: must be at least 0`);
    if (own < timeoutMs) timeoutMs = own;
  }
  const parent = options === undefined || options.parent === undefined
    ? currentContext()
    : options.parent;
  if (parent) timeoutMs = Math.min(timeoutMs, parent.timeRemainingMs());
  return timeoutMs === Infinity ? Infinity : core.clock.now() + timeoutMs;
}

/** Whether a deadline has passed. Its timer may be late: a busy event loop starts calls before it runs timers. */
export function hasPassed(deadlineMs: number, clock: Clock): boolean {
  return deadlineMs !== Infinity && deadlineMs <= clock.now();
}

/** Makes the error of a call cancelled with `reason`, from an AbortSignal or thrown by the caller's code. */
export function abortError(reason: unknown): RpcError {
  if (reason instanceof RpcError) return reason;
  const name = (reason as Error | undefined)?.name;
  if (name === "TimeoutError") {
    return new RpcError(Status.DEADLINE_EXCEEDED, "The call's signal timed out", { cause: reason });
  }
  return new RpcError(Status.CANCELLED, "The call was cancelled", { cause: reason });
}

/** Makes the error of a call that could not be started on a connection. */
export function startError(error: unknown): RpcError {
  if (error instanceof RpcError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new RpcError(Status.INTERNAL, text, { cause: error });
}

/**
 * Makes the error of a call that ended with a status other than OK. `late` means that its deadline has passed:
 * CANCELLED then counts as DEADLINE_EXCEEDED, because the server's timer fired before the client's.
 */
export function statusError(
  code: Status,
  message: string,
  trailers: Metadata,
  late: boolean,
): RpcError {
  if (late && code === Status.CANCELLED) return deadlineExceeded();
  const details = trailers.get(DETAILS_KEY);
  return new RpcError(code, message, {
    metadata: trailers,
    details: details === undefined ? undefined : decodeStatusDetails(details),
  });
}

/** Makes the error of a response that is not exactly one message (doc/statuscodes.md: "cardinality violation"). */
export function cardinalityError(path: string, count: "no" | "several"): RpcError {
  return new RpcError(
    Status.UNIMPLEMENTED,
    `${path} answered with ${count} messages and status OK, expected one`,
  );
}

/** Throws RESOURCE_EXHAUSTED if a message exceeds `maxSendBytes`. */
export function checkSendSize(method: ClientMethod, message: Uint8Array): void {
  if (message.length <= method.maxSendBytes) return;
  throw new RpcError(
    Status.RESOURCE_EXHAUSTED,
    `Cannot send a message of ${message.length} bytes, limit is ${method.maxSendBytes}`,
  );
}

/** Copies the caller's metadata; undefined stays undefined. */
export function ownMetadata(init: MetadataInit | undefined): Metadata | undefined {
  return init === undefined ? undefined : new Metadata(init);
}

/** Returns the compressed message, or undefined if `wanted` declines it or it would not be smaller. */
export function compressAsked(
  message: Uint8Array,
  wanted: CallOptions["compress"],
): Uint8Array | undefined {
  if (typeof wanted === "function" && !wanted(message)) return undefined;
  return compressWhenSmaller(message);
}

/** Invokes a caller's callback; what it throws is reported as uncaught instead of breaking the engine. */
export function safeInvoke<T>(callback: ((value: T) => void) | undefined, value: T): void {
  if (callback === undefined) return;
  try {
    callback(value);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
