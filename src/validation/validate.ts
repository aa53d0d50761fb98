/**
 * Interceptor that checks messages by the rules in their `.proto` files.
 *
 * @module
 */

import {
  create,
  type DescMessage,
  isMessage,
  type Message,
  type Registry,
} from "@bufbuild/protobuf";
import { Status } from "../call/status.ts";
import type { Codec } from "../codec/codec.ts";
import { RpcError } from "../errors.ts";
import type { InterceptedReply, Interceptor } from "../rpc/core/types.ts";
import { MessageRules } from "./message_rules.ts";
import { violationDetails, violationText } from "./rule_details.ts";

/**
 * Options of {@link validate}.
 *
 * @category Validation
 */
export interface ValidateOptions {
  /** Whether to check replies as well as requests. Default false. */
  replies?: boolean;
  /** Registry with extensions of the rules (predefined rules), if the `.proto` files use any. */
  registry?: Registry;
}

/** Checks a message; returns it, made whole if it was an init shape. */
type Check = (message: unknown) => unknown;

/**
 * Returns an interceptor that checks messages by the rules that their `.proto` files state with `buf.validate`. It works
 * on servers and clients, for unary calls and each message of streams.
 *
 * A request that violates a rule fails with INVALID_ARGUMENT: on a server before the handler gets it, on a client before
 * it is sent. A reply fails with INTERNAL. The details are `buf.validate.Violations` and `google.rpc.BadRequest`, which
 * {@link fieldViolations} reads. Methods whose messages are not protobuf pass unchecked.
 *
 * Rules are compiled at the first message of a type. Rules that cannot be compiled fail the call like an exception of
 * its handler.
 *
 * ```ts
 * import { serve } from "@vrpc/vrpc";
 * import { addEcho } from "@vrpc/vrpc/services";
 * import { validate } from "@vrpc/vrpc/validation";
 *
 * await using server = await serve("127.0.0.1:50051", addEcho, { interceptors: [validate()] });
 * ```
 *
 * @category Validation
 */
export function validate(options: ValidateOptions = {}): Interceptor {
  const { replies = false, registry } = options;
  const rules = new MessageRules(registry);
  return (next) => async (call) => {
    const { method } = call;
    let broken: RpcError | undefined = undefined;
    const check = checkFor(rules, method.requestCodec, "request");
    if (check !== undefined) {
      call.message = call.stream
        ? checkedStream(call.message, check, (error) => broken = error)
        : check(call.message);
    }
    const checkReply = replies ? checkFor(rules, method.responseCodec, "reply") : undefined;
    if (call.side === "server" || !call.stream || check === undefined) {
      return checkedReply(await next(call), checkReply);
    }
    // A client's stream of requests fails because of what is sent; its call ends with the reason.
    const reason = () => broken;
    try {
      return checkedReply(await next(call), checkReply, reason);
    } catch (error) {
      throw broken ?? error;
    }
  };
}

/** Returns the check of a codec's messages; undefined if there are no rules for them. */
function checkFor(
  rules: MessageRules,
  codec: Codec<unknown>,
  what: "request" | "reply",
): Check | undefined {
  const type = (codec as { descriptor?: DescMessage }).descriptor;
  if (type?.kind !== "message" || !rules.has(type)) return undefined;
  return (value) => {
    // What is no object fails in the codec, which says what it takes.
    if (typeof value !== "object" || value === null) return value;
    const message: Message = isMessage(value, type) ? value : create(type, value as never);
    const violations = rules.check(type, message);
    if (violations.length === 0) return message;
    throw new RpcError(
      what === "request" ? Status.INVALID_ARGUMENT : Status.INTERNAL,
      `The ${what} is not valid: ${violationText(violations)}`,
      { details: violationDetails(violations) },
    );
  };
}

const unchecked: Check = (message) => message;

/** Puts the check around a reply. `reason` returns the error that a stream of replies fails with in place of its own. */
function checkedReply(
  reply: InterceptedReply,
  check: Check | undefined,
  reason?: () => RpcError | undefined,
): InterceptedReply {
  if (check === undefined && (reason === undefined || !reply.stream)) return reply;
  const { message, stream } = reply;
  reply.message = stream
    ? checkedStream(message, check ?? unchecked, undefined, reason)
    : check!(message);
  return reply;
}

type Source = AsyncIterable<unknown> & Iterable<unknown>;

/** Returns a stream with a check around its messages; what is no stream unchanged, for its reader to refuse. */
function checkedStream(
  stream: unknown,
  check: Check,
  onBroken?: (error: RpcError) => void,
  reason?: () => RpcError | undefined,
): unknown {
  if (typeof stream !== "object" || stream === null) return stream;
  const source = stream as Source;
  const iterator = source[Symbol.asyncIterator]?.() ?? source[Symbol.iterator]?.();
  return iterator === undefined ? stream : new CheckedStream(iterator, check, onBroken, reason);
}

/** Stream whose messages are checked. Not a generator: `return()` before the first `next()` has to reach the source. */
class CheckedStream implements AsyncIterableIterator<unknown> {
  readonly #source: AsyncIterator<unknown> | Iterator<unknown>;
  readonly #check: Check;
  readonly #onBroken: ((error: RpcError) => void) | undefined;
  readonly #reason: (() => RpcError | undefined) | undefined;

  constructor(
    source: AsyncIterator<unknown> | Iterator<unknown>,
    check: Check,
    onBroken?: (error: RpcError) => void,
    reason?: () => RpcError | undefined,
  ) {
    this.#source = source;
    this.#check = check;
    this.#onBroken = onBroken;
    this.#reason = reason;
  }

  async next(): Promise<IteratorResult<unknown>> {
    let step: IteratorResult<unknown>;
    try {
      step = await this.#source.next();
    } catch (error) {
      throw this.#reason?.() ?? error;
    }
    if (step.done) return step;
    try {
      return { done: false, value: this.#check(step.value) };
    } catch (error) {
      if (error instanceof RpcError) this.#onBroken?.(error);
      await this.#source.return?.();
      throw error;
    }
  }

  async return(): Promise<IteratorResult<unknown>> {
    return await this.#source.return?.() ?? { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
