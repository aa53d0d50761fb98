/**
 * Contexts for calling handlers directly.
 *
 * @module
 */

import { ENCODINGS } from "../call/encodings.ts";
import { Metadata, type MetadataInit } from "../call/metadata.ts";
import { Status } from "../call/status.ts";
import type { PeerInfo, ServerCall, ServerCallSink } from "../call/wire.ts";
import type { Clock } from "../call/clock.ts";
import { bytesCodec } from "../codec/bytes.ts";
import { deadlineExceeded, RpcError } from "../errors.ts";
import { MemoryPool, MemoryShare } from "../limits/memory_pool.ts";
import { runWithContext, trackContexts } from "../rpc/core/current_context.ts";
import { OpenCalls } from "../rpc/core/open_calls.ts";
import { systemClock } from "../rpc/core/system_clock.ts";
import type { HandlerContext, MethodInfo } from "../rpc/core/types.ts";
import { CallContext, type CallContextOwner, CallState } from "../rpc/dispatch/call_context.ts";
import { HandlerSlots } from "../rpc/dispatch/handler_slots.ts";
import type { FakeClock } from "./fake_clock.ts";

/**
 * Options of {@link testContext}.
 *
 * @category Testing
 */
export interface TestContextOptions {
  /** Request metadata. Default none. */
  metadata?: MetadataInit;
  /** Peer of the connection. Default: one in memory. */
  peer?: Partial<PeerInfo>;
  /** Time until the deadline, in ms, 0 or more. Default: no deadline. */
  timeoutMs?: number;
  /** Host that the caller addressed. Default `localhost`. */
  authority?: string;
  /** Wire of the call. Default `grpc`. */
  wire?: HandlerContext["wire"];
  /** Called method. Default: `/test`, bidirectional, with bytes, so that a handler may write to `stream`. */
  method?: Partial<MethodInfo>;
  /** Values as interceptors would set them. Default none. */
  values?: Iterable<readonly [unknown, unknown]>;
  /** Time of the deadline. Default: the system's. */
  clock?: FakeClock;
}

/**
 * Context of a call that a test makes by calling the handler. Its disposal ends the call, and with it the timer of its
 * deadline.
 *
 * @category Testing
 */
export interface TestContext extends HandlerContext, Disposable {
  /** Whether the handler has called `sendHeaders`. */
  readonly headersSent: boolean;
  /** Cancels the call, as the caller or a lost connection does: `signal` fires. Default reason: CANCELLED. */
  cancel(reason?: RpcError): void;
  /** Runs code as the call's handler: calls that it makes inherit the deadline. */
  run<R>(body: () => R): R;
}

/**
 * Makes a context for calling a handler directly, without server and client.
 *
 * ```ts
 * import type { HandlerContext } from "@vrpc/vrpc";
 * import { testContext } from "@vrpc/vrpc/testing";
 *
 * const whoami = (_request: unknown, context: HandlerContext) => context.metadata.get("user");
 * using context = testContext({ metadata: { user: "ada" }, timeoutMs: 500 });
 * console.assert(whoami({}, context) === "ada");
 * ```
 *
 * @category Testing
 */
export function testContext(options: TestContextOptions = {}): TestContext {
  const { timeoutMs = Infinity } = options;
  if (!(timeoutMs >= 0)) {
    throw new RangeError(`Cannot use timeoutMs ${timeoutMs}: it must be 0 or more`);
  }
  trackContexts();
  const clock = options.clock ?? systemClock;
  const method: MethodInfo = {
    path: "/test",
    kind: "bidi_streaming",
    requestCodec: bytesCodec,
    responseCodec: bytesCodec,
    ...options.method,
  };
  const state = new CallState(
    new DirectCall(options, method),
    {
      peer: { address: "memory:test", transport: "memory", ...options.peer },
      wire: options.wire ?? "grpc",
      handlers: new HandlerSlots(Infinity),
      clock,
      memory: new MemoryShare(new MemoryPool()),
      encodings: ENCODINGS,
      lastCancelError: undefined,
      calls: new OpenCalls(),
      fail(error) {
        throw error;
      },
    },
    method,
    false,
  );
  for (const [key, value] of options.values ?? []) state.values.set(key, value);
  const context = new DirectContext(state, clock);
  if (timeoutMs !== Infinity) context.tightenDeadline(timeoutMs);
  return context;
}

class DirectContext extends CallContext implements TestContext, CallContextOwner {
  readonly #state: CallState;
  readonly #clock: Clock;
  #timer: unknown = undefined;

  constructor(state: CallState, clock: Clock) {
    super(state);
    this.#state = state;
    this.#clock = clock;
  }

  get headersSent(): boolean {
    return this.#state.headersSent;
  }

  override tightenDeadline(timeoutMs: number): void {
    super.tightenDeadline(timeoutMs);
    const atMs = this.#clock.now() + timeoutMs;
    if (this.#state.aborted !== undefined || atMs >= (this.#state.deadlineAtMs ?? Infinity)) return;
    this.#clock.clearTimer(this.#timer);
    this.#state.deadlineAtMs = atMs;
    this.#timer = this.#clock.setTimer(() => this.cancel(deadlineExceeded()), timeoutMs);
  }

  cancel(reason: RpcError = new RpcError(Status.CANCELLED, "The caller cancelled the call")): void {
    this.#clock.clearTimer(this.#timer);
    this.#state.abort(reason);
  }

  run<R>(body: () => R): R {
    return runWithContext(this, body);
  }

  onCancel(code: Status, reason: string): void {
    this.cancel(new RpcError(code, reason));
  }

  listenerFailed(error: unknown): void {
    throw error;
  }

  [Symbol.dispose](): void {
    this.#clock.clearTimer(this.#timer);
    this.#state.ended(this.#state.aborted?.code ?? Status.OK);
  }
}

/** Call without a wire: its handler is called by the test. */
class DirectCall implements ServerCall {
  readonly path: string;
  readonly metadata: Metadata;
  readonly timeoutMs: number;
  readonly encoding = "identity";
  readonly acceptedEncodings = "";
  readonly authority: string;
  readonly writable = true;
  readonly closed = false;
  sink: ServerCallSink = NO_SINK;

  constructor(options: TestContextOptions, method: MethodInfo) {
    this.path = method.path;
    this.metadata = new Metadata(options.metadata);
    this.timeoutMs = options.timeoutMs ?? Infinity;
    this.authority = options.authority ?? "localhost";
  }

  sendHeaders(): void {}
  sendMessage(): void {}
  sendStatus(): void {}
  respond(): void {}
  setReadPaused(): void {}
  handlerDone(): void {}
}

const NO_SINK: ServerCallSink = {
  onMessage() {},
  onHalfClose() {},
  onCancel() {},
  onWritable() {},
};
