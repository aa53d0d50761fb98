/**
 * What all calls of one channel share.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import { Metadata, type MetadataInit } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import type { CallRequest, ClientCall, ClientCallSink } from "../../call/wire.ts";
import { compressWhenSmaller } from "../../codec/compression.ts";
import { RpcError } from "../../errors.ts";
import { currentContext } from "../core/current_context.ts";
import type { DeadlineQueue } from "../core/deadline_queue.ts";
import { decodeStatusDetails, DETAILS_KEY } from "../core/error_details.ts";
import type { Pool } from "../pool/pool.ts";
import type { ProcessRef } from "../pool/process_ref.ts";
import type { MethodConfig } from "./service_config.ts";
import type { CallOptions, MethodInfo } from "../core/types.ts";

/** A method as a client knows it: prepared once, used by all its calls. */
export interface ClientMethod extends MethodInfo {
  /** From the service config. */
  readonly config: MethodConfig | undefined;
  /** The largest message taken, in bytes. */
  readonly maxReceiveBytes: number;
  /** The largest message sent, in bytes. */
  readonly maxSendBytes: number;
  /** Of calls that say nothing themselves. */
  readonly waitForReady: boolean;
  /** Of calls that say nothing themselves; Infinity for none. */
  readonly timeoutMs: number;
  /** Whether calls may be repeated or hedged by policy. */
  readonly hasPolicy: boolean;
}

/** Starts calls that take care of connections and retries by themselves. */
export interface CallStarter {
  /** Starts a call; `sink` hears how it goes, never before this returns. */
  start(request: OutgoingRequest, sink: ClientCallSink): ClientCall;
}

/** A call as it is handed to a {@link CallStarter}; each attempt makes a CallRequest of it. */
export interface OutgoingRequest {
  readonly method: ClientMethod;
  readonly metadata: Metadata | undefined;
  /** In the clock's ms; Infinity for none. */
  readonly deadlineMs: number;
  readonly encoding: string | undefined;
  readonly waitForReady: boolean;
  readonly singleResponse: boolean;
  readonly requestStreams: boolean;
}

/** Shared by all calls of a channel. */
export interface CallCore {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly deadlines: DeadlineQueue;
  readonly random: () => number;
  readonly processRef: ProcessRef;
  readonly compress: boolean;
  /** Overrides the connection's `:authority`. */
  readonly authority: string | undefined;
  /** Starts calls that need more than the plain path: streams, and methods with a policy. */
  readonly starter: CallStarter;
  /** Takes small unary calls, when batching is on. */
  readonly batcher: UnaryBatcher | undefined;
}

/** Takes unary calls into batches. */
export interface UnaryBatcher {
  /** Whether a call with this payload should go in a batch. */
  accepts(payload: Uint8Array): boolean;
  /** Starts a call; `sink` hears how it goes, never before this returns. */
  start(request: OutgoingRequest, payload: Uint8Array, sink: ClientCallSink): ClientCall;
}

/** The request of one attempt. */
export function callRequest(
  outgoing: OutgoingRequest,
  core: CallCore,
  metadata: Metadata | undefined = outgoing.metadata,
): CallRequest {
  const { method, deadlineMs } = outgoing;
  return {
    path: method.path,
    metadata,
    // A deadline that has just passed still has to be a number on the wire.
    timeoutMs: deadlineMs === Infinity ? undefined : Math.max(1, deadlineMs - core.clock.now()),
    encoding: outgoing.encoding,
    singleResponse: outgoing.singleResponse,
    maxReceiveMessageBytes: method.maxReceiveBytes,
    authority: core.authority,
    requestStreams: outgoing.requestStreams,
  };
}

/** When a call must have ended, in the clock's ms: the least of method, call and parent; Infinity for none. */
export function deadlineOf(
  core: CallCore,
  method: ClientMethod,
  options: CallOptions | undefined,
): number {
  let timeoutMs = method.timeoutMs;
  const own = options?.timeoutMs;
  if (own !== undefined) {
    if (!(own >= 0)) throw new RangeError(`Cannot use timeoutMs ${own}: it must be 0 or more`);
    if (own < timeoutMs) timeoutMs = own;
  }
  const parent = options === undefined || options.parent === undefined
    ? currentContext()
    : options.parent;
  if (parent) timeoutMs = Math.min(timeoutMs, parent.timeRemainingMs());
  return timeoutMs === Infinity ? Infinity : core.clock.now() + timeoutMs;
}

/** The error of a call that its deadline ended. */
export function deadlineError(): RpcError {
  return new RpcError(Status.DEADLINE_EXCEEDED, "The deadline passed before the call was complete");
}

/** The error of a call that `reason` (of an AbortSignal, or thrown by the caller's code) ended. */
export function abortError(reason: unknown): RpcError {
  if (reason instanceof RpcError) return reason;
  const name = (reason as Error | undefined)?.name;
  if (name === "TimeoutError") {
    return new RpcError(Status.DEADLINE_EXCEEDED, "The call's signal timed out", { cause: reason });
  }
  return new RpcError(Status.CANCELLED, "The call was cancelled", { cause: reason });
}

/** The error of a call that a connection would not take. */
export function startError(error: unknown): RpcError {
  if (error instanceof RpcError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new RpcError(Status.INTERNAL, text, { cause: error });
}

/**
 * The error of a call that ended with a status other than OK. `late` says that its deadline has passed: a
 * server that cancels such a call has only been quicker than the timer here.
 */
export function statusError(
  code: Status,
  message: string,
  trailers: Metadata,
  late: boolean,
): RpcError {
  if (late && code === Status.CANCELLED) return deadlineError();
  const details = trailers.get(DETAILS_KEY);
  return new RpcError(code, message, {
    metadata: trailers,
    details: details === undefined ? undefined : decodeStatusDetails(details),
  });
}

/** The error of a reply that isn't exactly one message (gRPC's status codes: "cardinality violation"). */
export function cardinalityError(path: string, count: "no" | "several"): RpcError {
  return new RpcError(
    Status.UNIMPLEMENTED,
    `${path} answered with ${count} messages and status OK, one was expected`,
  );
}

/** Throws RESOURCE_EXHAUSTED for a message that is too large to be sent. */
export function checkSendSize(method: ClientMethod, message: Uint8Array): void {
  if (message.length <= method.maxSendBytes) return;
  throw new RpcError(
    Status.RESOURCE_EXHAUSTED,
    `Cannot send a message of ${message.length} bytes, limit is ${method.maxSendBytes}`,
  );
}

/** `init` as Metadata of the call's own; undefined stays undefined. */
export function ownMetadata(init: MetadataInit | undefined): Metadata | undefined {
  return init === undefined ? undefined : new Metadata(init);
}

/** The message compressed, where `wanted` asks for that and it gets smaller. */
export function compressAsked(
  message: Uint8Array,
  wanted: CallOptions["compress"],
): Uint8Array | undefined {
  if (typeof wanted === "function" && !wanted(message)) return undefined;
  return compressWhenSmaller(message);
}

/** Calls a caller's callback: one that throws must not break the engine that led here. */
export function tell<T>(callback: ((value: T) => void) | undefined, value: T): void {
  if (callback === undefined) return;
  try {
    callback(value);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
