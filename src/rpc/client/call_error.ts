/**
 * Errors of a client's calls: which call failed, on which server, and the code that waited for it. All of it is made
 * when a call fails; calls that succeed pay nothing.
 *
 * @module
 */

import { isInstance, RpcError } from "../../errors.ts";

/** Stack of an error, put together when it is read. */
interface CallStack {
  /** Frames of the code that threw it; empty for errors made by the library, which would show engines alone. */
  readonly own: string;
  /** Holders of stacks that were captured where the error reached the caller. */
  readonly callers: { stack?: string }[];
}

const stacks = new WeakMap<RpcError, CallStack>();

// The sender of requests, the code behind interceptors, the caller; each receive of a failed stream adds one more.
const MAX_CALLERS = 4;

/**
 * Adds to an error which call ended with it: the fields `method`, `address` and `codeName`, and the head of its stack.
 * `own` are the frames to keep of its stack. No effect on an error that names a call already, or is frozen.
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
  Object.defineProperties(error, {
    codeName: { value: error.codeName, ...shown },
    method: { value: method, ...shown },
    address: { value: address, ...shown },
    stack: {
      configurable: true,
      get: () => textOfStack(error, stack),
      set: (value) => Object.defineProperty(error, "stack", { value, writable: true }),
    },
  });
  return error;
}

/** Names the call of an error that application code threw, and keeps the frames of that code. */
export function nameThrown(error: RpcError, method: string, address: string | undefined): RpcError {
  try {
    return nameCall(error, method, address, framesOf(error.stack));
  } catch {
    // A stack that cannot be read, or properties that cannot be defined.
    return error;
  }
}

/**
 * Adds the frames of the code that waits for the function `below`, or calls it, to the stack of an error that names its
 * call, and returns the error. V8 finds async callers only while it runs a function that they await.
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
 * Rejects with `error`, whose stack then shows the code that awaits the promise. Meant for the argument of a pending
 * promise's `resolve`.
 */
export async function rejectAtCaller(error: RpcError): Promise<never> {
  // The pending promise is linked to this one in a job that runs between the two.
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
