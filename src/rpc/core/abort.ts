/**
 * Abort signals whose listeners belong to an application.
 *
 * @module
 */

/**
 * Aborts `controller` and passes exceptions of its abort listeners to `onThrow`. The runtime reports such an exception
 * as an uncaught error, which would end the process; it does so before `abort` returns, so no other error is caught. A
 * thrown Proxy whose `getPrototypeOf` trap throws still ends the process (Deno 2.9): the runtime fails to report it.
 */
export function abortSafely(
  controller: AbortController,
  reason: unknown,
  onThrow: (error: unknown) => void,
): void {
  const onError = (event: ErrorEvent) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    onThrow(event.error);
  };
  globalThis.addEventListener("error", onError);
  try {
    controller.abort(reason);
  } finally {
    globalThis.removeEventListener("error", onError);
  }
}
