/**
 * Abort signals whose listeners belong to an application.
 *
 * @module
 */

/**
 * Aborts `controller`. What a listener of its signal throws goes to `onThrow`. The runtime reports it as an uncaught
 * error, which would end the process; it does so while this call runs, so no other error is taken for it. A thrown Proxy
 * with a trap of `getPrototypeOf` that throws does end the process (Deno 2.9): the runtime fails to report it.
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
