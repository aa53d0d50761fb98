/**
 * Abort signals whose listeners cannot end the process. Node reports what a listener throws, and the rejection of a
 * promise that it returns, as an uncaught exception.
 *
 * @module
 */

import { catchReportedErrors } from "../web_events.ts";

// Own types, because those of Deno and of the DOM differ.
type Callback = (this: unknown, event: unknown) => unknown;
type Listener = Callback | { handleEvent(event: unknown): unknown };
type Register = (this: AbortSignal, type: string, listener: unknown, options: unknown) => void;

/** Receiver of what listeners throw, while {@link catchListenerErrors} dispatches. */
let receiver: ((error: unknown) => void) | undefined;
const guards = new WeakMap<Listener, Callback>();
const assigned = new WeakMap<AbortSignal, Callback | null>();

/** Returns the function that stands for a listener: it passes on exceptions, and returns nothing. */
function guardOf(listener: Listener): Callback {
  const known = guards.get(listener);
  if (known !== undefined) return known;
  const guard = function (this: unknown, event: unknown): void {
    try {
      if (typeof listener === "function") listener.call(this, event);
      else listener.handleEvent(event);
    } catch (error) {
      if (receiver === undefined) throw error;
      receiver(error);
    }
  };
  guards.set(listener, guard);
  return guard;
}

const isListener = (value: unknown): value is Listener =>
  typeof value === "function" || typeof value === "object" && value !== null;

const { addEventListener, removeEventListener } = EventTarget.prototype as unknown as {
  readonly addEventListener: Register;
  readonly removeEventListener: Register;
};
const { set: setOnabort } = Object.getOwnPropertyDescriptor(
  AbortSignal.prototype,
  "onabort",
)!;

/** Members of {@link AbortSignal} that take listeners. */
const guarded = Object.create(AbortSignal.prototype, {
  addEventListener: {
    value(this: AbortSignal, type: string, listener: unknown, options: unknown) {
      const guard = isListener(listener) ? guardOf(listener) : listener;
      addEventListener.call(this, type, guard, options);
    },
  },
  removeEventListener: {
    value(this: AbortSignal, type: string, listener: unknown, options: unknown) {
      const guard = isListener(listener) ? guards.get(listener) ?? listener : listener;
      removeEventListener.call(this, type, guard, options);
    },
  },
  onabort: {
    get(this: AbortSignal) {
      return assigned.get(this) ?? null;
    },
    set(this: AbortSignal, listener: unknown) {
      const callback = typeof listener === "function" ? listener as Callback : null;
      assigned.set(this, callback);
      setOnabort!.call(this, callback && guardOf(callback));
    },
  },
});

/** Returns a controller whose signal guards its listeners. */
export function newAbortController(): AbortController {
  const controller = new AbortController();
  Object.setPrototypeOf(controller.signal, guarded);
  return controller;
}

/** Runs `dispatch` and passes exceptions of listeners of guarded signals to `onThrow`. */
export function catchListenerErrors(dispatch: () => void, onThrow: (error: unknown) => void): void {
  const outer = receiver;
  receiver = onThrow;
  try {
    // Bun reports those of other signals, such as derived ones, as events.
    if ("addEventListener" in globalThis) catchReportedErrors(dispatch, onThrow);
    else dispatch();
  } finally {
    receiver = outer;
  }
}
