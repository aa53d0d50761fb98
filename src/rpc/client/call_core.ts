/**
 * State shared by all calls of a channel, and steps that calls of each kind have in common.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import type { Encoding } from "../../call/encodings.ts";
import { Metadata, type MetadataInit } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import type { CallRequest, ClientCall, ClientCallSink } from "../../call/wire.ts";
import { compress, compressWhenSmaller } from "../../codec/compression.ts";
import {
  deadlineExceeded,
  errorFromOutside,
  isInstance,
  RpcError,
  textOf,
  toError,
} from "../../errors.ts";
import type { MemoryPool } from "../../limits/memory_pool.ts";
import { isBytes, plainBytes } from "../../bytes/is_bytes.ts";
import type { AttemptListener } from "../core/attempts.ts";
import { currentContext } from "../core/current_context.ts";
import type { DeadlineQueue } from "../core/deadline_queue.ts";
import { MessageMemoryError } from "../../codec/protobuf.ts";
import { decodeStatusDetails, DETAILS_KEY } from "../../codec/status_details.ts";
import type { FailureLog } from "../core/failure_log.ts";
import { ignoreRejection } from "../core/promises.ts";
import type { Pool } from "../pool/pool.ts";
import type { ProcessRef } from "../pool/process_ref.ts";
import type { Attributes } from "../balancer/types.ts";
import type { MethodConfig } from "../resolver/service_config.ts";
import type { ResolvedConfig } from "./resolved_config.ts";
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

/** A call that picks the connections of its attempts. Its methods never throw. */
export interface RoutedCall extends ClientCall {
  /** Address of the latest connection; undefined before the first. */
  readonly address: string | undefined;
}

/** Starts calls that pick their connections and handle their retries. */
export interface CallStarter {
  /** Starts a call. `sink` receives the events of the call, all of them after this method has returned. */
  start(request: OutgoingRequest, sink: ClientCallSink): RoutedCall;
}

/** A call as given to a {@link CallStarter}, which makes a CallRequest of it for each attempt. */
export interface OutgoingRequest {
  readonly method: ClientMethod;
  readonly metadata: Metadata | undefined;
  /** Deadline in the clock's ms; Infinity for none. */
  readonly deadlineMs: number;
  readonly encoding: string | undefined;
  readonly waitForReady: boolean;
  /** `waitForReady` as the caller set it, which no config changes. */
  readonly waitForReadyOption?: boolean | undefined;
  readonly singleResponse: boolean;
  readonly requestStreams: boolean;
  /** What the config selector says of the call, for pickers. */
  readonly attributes?: Attributes;
  /** Receives the attempts of the call. */
  readonly attemptListener?: AttemptListener;
}

/** State shared by all calls of a channel. */
export interface CallCore {
  /** The channel's target, for error texts. */
  readonly target: string;
  /** Logs failures of the application's callbacks. */
  readonly failures: FailureLog;
  readonly pool: Pool;
  readonly clock: Clock;
  readonly deadlines: DeadlineQueue;
  readonly random: () => number;
  /** Keeps the process alive between attempts. */
  readonly processRef: ProcessRef;
  /** Whether requests are compressed by default. */
  readonly compress: boolean;
  /** Compression of requests. */
  readonly encoding: Encoding;
  /** Memory budget of received messages that wait in the queues of streaming calls. */
  readonly memory: MemoryPool;
  /** Replaces the connection's `:authority`. */
  readonly authority: string | undefined;
  /** Starts streaming calls, and calls of methods with a policy. */
  readonly starter: CallStarter;
  /** Sends small unary calls in batches; undefined if batching is off. */
  readonly batcher: UnaryBatcher | undefined;
  /** Config from the resolver; undefined if the channel's own applies to all calls. */
  readonly resolvedConfig: ResolvedConfig<ClientMethod> | undefined;
}

/** Sends unary calls in batches. */
export interface UnaryBatcher {
  /** Whether a call with this payload can be batched. */
  accepts(payload: Uint8Array): boolean;
  /** Starts a call. `sink` receives the events of the call, all of them after this method has returned. */
  start(request: OutgoingRequest, payload: Uint8Array, sink: ClientCallSink): RoutedCall;
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
    method,
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

/** Makes the error of a call that could not be started on a connection. */
export function startError(error: unknown): RpcError {
  if (isInstance(error, RpcError)) return error;
  return errorFromOutside(Status.INTERNAL, textOf(error), { cause: error });
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
  return errorFromOutside(code, message, {
    metadata: trailers,
    details: details === undefined ? undefined : decodeStatusDetails(details),
  });
}

/** Makes the error of a response that is not exactly one message (doc/statuscodes.md: "cardinality violation"). */
export function cardinalityError(path: string, count: "no" | "several"): RpcError {
  return errorFromOutside(
    Status.UNIMPLEMENTED,
    `${path} answered with ${count} messages and status OK, expected one`,
  );
}

/** Throws RESOURCE_EXHAUSTED if a message exceeds `maxSendBytes`. */
export function checkSendSize(method: ClientMethod, message: Uint8Array): void {
  if (message.length <= method.maxSendBytes) return;
  throw oversizeError(message.length, method.maxSendBytes);
}

/** Makes the error of a message beyond `maxSendBytes`. */
export function oversizeError(bytes: number, limit: number): RpcError {
  const text = `Cannot send a message of ${bytes} bytes, limit is ${limit}`;
  return errorFromOutside(Status.RESOURCE_EXHAUSTED, text);
}

/** Copies the caller's metadata; undefined stays undefined. */
export function ownMetadata(init: MetadataInit | undefined): Metadata | undefined {
  return init === undefined ? undefined : new Metadata(init);
}

/**
 * Returns the compressed message, or undefined if `wanted` declines it or it would not be smaller. Throws INTERNAL if
 * `wanted` is a function that throws, or that returns an object in place of a boolean.
 */
export function compressAsked(
  message: Uint8Array,
  wanted: CallOptions["compress"],
  encoding: Encoding,
): Uint8Array | undefined {
  if (typeof wanted === "function" && !wants(wanted, message)) return undefined;
  return wanted === "always" ? compress(message, encoding) : compressWhenSmaller(message, encoding);
}

function wants(wanted: (message: Uint8Array) => boolean, message: Uint8Array): boolean {
  let answer: unknown;
  try {
    answer = wanted(message);
  } catch (cause) {
    throw errorFromOutside(
      Status.INTERNAL,
      `The option compress failed: ${textOf(cause)}`,
      { cause },
    );
  }
  if (typeof answer !== "function" && (typeof answer !== "object" || answer === null)) {
    return Boolean(answer);
  }
  ignoreRejection(answer);
  throw errorFromOutside(
    Status.INTERNAL,
    "The option compress must return a boolean, not an object",
  );
}

/**
 * Encodes a request. Throws the codec's TypeError or RangeError, which says what is wrong with the message, and INTERNAL
 * for anything else that it throws, or for a result that is not a Uint8Array.
 */
export function encodeRequest(method: ClientMethod, message: unknown): Uint8Array {
  let bytes: unknown;
  try {
    bytes = method.requestCodec.encode(message);
  } catch (cause) {
    ignoreRejection(message);
    throw isMisuse(cause) ? cause : encodingError(method, textOf(cause), cause);
  }
  if (isBytes(bytes)) return plainBytes(bytes);
  ignoreRejection(bytes);
  const text = `codec ${textOf(method.requestCodec.name)} returned a ${typeof bytes}`;
  throw encodingError(method, `${text}, not a Uint8Array`);
}

function encodingError(method: ClientMethod, reason: string, cause?: unknown): RpcError {
  const text = `Cannot encode the request of ${method.path}: ${reason}`;
  return errorFromOutside(Status.INTERNAL, text, { cause });
}

/**
 * Decodes a reply. Throws RESOURCE_EXHAUSTED if its messages take too much memory, INTERNAL if it is not valid, or the codec
 * returned a promise, which might never settle.
 */
export function decodeReply(method: ClientMethod, message: Uint8Array): unknown {
  try {
    const reply = method.responseCodec.decode(message);
    if (reply === undefined || reply === null || typeof reply.then !== "function") return reply;
    ignoreRejection(reply);
    throw new TypeError(`codec ${method.responseCodec.name} returned a promise`);
  } catch (cause) {
    const text = `Cannot decode the reply of ${method.path}: ${textOf(cause)}`;
    const isLarge = isInstance(cause, MessageMemoryError);
    const code = isLarge ? Status.RESOURCE_EXHAUSTED : Status.INTERNAL;
    throw errorFromOutside(code, text, { cause });
  }
}

/** Whether an error says that the caller used the library wrongly; such errors are passed on unchanged. */
export function isMisuse(error: unknown): error is TypeError | RangeError {
  return (isInstance(error, TypeError) || isInstance(error, RangeError)) &&
    toError(error) === error;
}
