/**
 * Errors of client calls: that of a cancelled call, and which call failed, on which server, with the stack of the code
 * that awaited it. The work is done when a call fails; successful calls cost nothing.
 *
 * @module
 */

import { Status } from "../../call/status.ts";
import { errorFromOutside, isInstance, RpcError } from "../../errors.ts";

/** Stack of an error, put together when it is read. */
interface CallStack {
  /** Frames of the code that threw the error; empty for errors of the library, whose frames show only engines. */
  readonly own: string;
  /** Holders of stacks that were captured where the error reached the caller. */
  readonly callers: { stack?: string }[];
}

const stacks = new WeakMap<RpcError, CallStack>();

// Cap on stacks added to an error: its sender, interceptors and caller add one each, and so does every later receive.
const MAX_CALLERS = 4;

/**
 * Adds to an error which call ended with it: the fields `method`, `address` and `codeName`, and the head of its stack.
 * `own` holds the frames to keep from its original stack. No effect on an error that names a call or that cannot be changed.
 */
export function nameCall(
  error: RpcError,
  method: string,
  address: string | undefined,
  own = "",
): RpcError {
  if (stacks.has(error) || !Object.isExtensible(error)) return error;
  const stack: CallStack = { own, callers: [] };
  stacks.set(error, stack);
  const shown = { enumerable: true, configurable: true, writable: true };
  try {
    Object.defineProperties(error, {
      codeName: { value: error.codeName, ...shown },
      method: { value: method, ...shown },
      address: { value: address, ...shown },
    });
    replaceStack(error, stack);
  } catch {
    // Application code has made the properties of its error read-only.
  }
  return error;
}

function replaceStack(error: RpcError, stack: CallStack): void {
  try {
    // V8 of Node 20 formats a stack that is redefined, unless it was assigned; that fails if the message is not text.
    error.stack = stack.own;
  } catch {
    // JavaScriptCore formats it here, and has none afterwards.
  }
  Object.defineProperty(error, "stack", {
    configurable: true,
    get: () => textOfStack(error, stack),
    set: (value) => Object.defineProperty(error, "stack", { value, writable: true }),
  });
}

/** Names the call of an error that application code threw, and keeps the frames of that code. */
export function nameThrown(error: RpcError, method: string, address: string | undefined): RpcError {
  let own = "";
  try {
    own = framesOf(error.stack);
  } catch {
    // The stack cannot be read, for example because the message is not text.
  }
  return nameCall(error, method, address, own);
}

/**
 * Returns `error` after adding the frames of the callers of `below`, async ones included, to its stack. Adds nothing to
 * an error that names no call. V8 finds async callers only while it runs a function that they await.
 */
export function atCaller<T>(error: T, below: (...args: never[]) => unknown): T {
  const stack = isInstance(error, RpcError) ? stacks.get(error) : undefined;
  if (stack !== undefined && stack.callers.length < MAX_CALLERS) {
    const holder = {};
    Error.captureStackTrace(holder, below);
    stack.callers.push(holder);
  }
  return error;
}

/**
 * Rejects with `error`, whose stack then shows the code that awaits the promise. The result is to be passed to the
 * `resolve` function of a pending promise.
 */
export async function rejectAtCaller(error: RpcError): Promise<never> {
  // A microtask between the two awaits links the pending promise to this one, so that V8 finds the awaiting code.
  await undefined;
  await undefined;
  throw atCaller(error, rejectAtCaller);
}

function textOfStack(error: RpcError, { own, callers }: CallStack): string {
  const frames = [own, ...callers.map(({ stack }) => framesOf(stack))].join("").split("\n");
  return [`RpcError: ${error}`, ...new Set(frames.filter((line) => line !== ""))].join("\n");
}

/** Returns the lines of a stack below its text, each with a line break before it. */
function framesOf(stack: unknown): string {
  if (typeof stack !== "string") return "";
  const start = stack.indexOf("\n    at ");
  return start < 0 ? "" : stack.slice(start);
}

/**
 * Makes the error of a call cancelled with `reason`, from an AbortSignal or thrown by the caller's code. An RpcError is
 * returned as it is: calls of one signal share it.
 */
export function abortError(reason: unknown): RpcError {
  if (isInstance(reason, RpcError)) return reason;
  return isInstance(reason, Error) && nameOf(reason) === "TimeoutError"
    ? errorFromOutside(Status.DEADLINE_EXCEEDED, "The call's signal timed out", { cause: reason })
    : errorFromOutside(Status.CANCELLED, "The call was cancelled", { cause: reason });
}

function nameOf(error: Error): unknown {
  try {
    return error.name;
  } catch {
    return undefined;
  }
}
