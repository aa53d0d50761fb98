/**
 * Abort signals whose listeners belong to an application.
 *
 * @module
 */

import { runtime } from "../../runtime/mod.ts";

/** Returns a controller for {@link abortSafely}. */
export function newAbortController(): AbortController {
  return runtime.newAbortController();
}

/** Aborts `controller` and passes exceptions of its abort listeners to `onThrow`. */
export function abortSafely(
  controller: AbortController,
  reason: unknown,
  onThrow: (error: unknown) => void,
): void {
  runtime.catchListenerErrors(() => controller.abort(reason), onThrow);
}
