/**
 * Notifies listeners of the end of a server's call, with the status that was sent, after interceptors and encoding.
 *
 * @module
 */

import type { Status } from "../../call/status.ts";
import type { HandlerContext } from "./types.ts";

// Keys of the listeners and of the final status in `context.values`, which wrapped contexts share with the original.
const LISTENERS = Symbol("vrpc.callEnd");
const ENDED = Symbol("vrpc.callEnded");

/** Calls `listener` with the status of the call once it has ended; at once if it has. */
export function onCallEnd(context: HandlerContext, listener: (code: Status) => void): void {
  const { values } = context;
  const code = values.get(ENDED) as Status | undefined;
  if (code !== undefined) return listener(code);
  const listeners = values.get(LISTENERS) as ((code: Status) => void)[] | undefined;
  if (listeners === undefined) values.set(LISTENERS, [listener]);
  else listeners.push(listener);
}

/** Runs the listeners of a call that has ended with `code`. Called by the server. */
export function callEnded(values: Map<unknown, unknown>, code: Status): void {
  const listeners = values.get(LISTENERS) as ((code: Status) => void)[] | undefined;
  values.delete(LISTENERS);
  values.set(ENDED, code);
  for (const listener of listeners ?? []) listener(code);
}
